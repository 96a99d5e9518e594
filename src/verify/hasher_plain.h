/*
 * hasher_plain.h
 *		Types that do not consist of others.
 */
#ifndef EC_VERIFY_HASHER_PLAIN_H
#define EC_VERIFY_HASHER_PLAIN_H

#include "postgres.h"

#include "utils/numeric.h"

#include "verify/hasher.h"

/* False: the type is none of those that are known. */
extern bool ec_hasher_init_plain(EcHasher *hasher);

/* A type of which nothing is known but its functions. */
extern void ec_hasher_init_other(EcHasher *hasher);

/* The numbers in a jsonb are numerics, too. */
extern void ec_feed_numeric(EcLanes *lanes, Numeric number);

#endif
