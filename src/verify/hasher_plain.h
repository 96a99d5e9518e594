/*
 * hasher_plain.h
 *		Hashes types that do not consist of other types.
 */
#ifndef EC_VERIFY_HASHER_PLAIN_H
#define EC_VERIFY_HASHER_PLAIN_H

#include "postgres.h"

#include "utils/numeric.h"

#include "verify/hasher.h"

/* Returns false if the type is not one of the known ones. */
extern bool ec_hasher_init_plain(EcHasher *hasher);

/* For all other types, of which only the functions are known. */
extern void ec_hasher_init_other(EcHasher *hasher);

/* Also used for the numbers in a jsonb. */
extern void ec_feed_numeric(EcLanes *lanes, Numeric number);

#endif
