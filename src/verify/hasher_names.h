/*
 * hasher_names.h
 *		Types that are stored as an OID and mean a name.
 *
 * An enum's label and a regclass's table have other OIDs in another database,
 * so it is the name that is fed into a row's hash.
 */
#ifndef EC_VERIFY_HASHER_NAMES_H
#define EC_VERIFY_HASHER_NAMES_H

#include "postgres.h"

#include "verify/hasher.h"

/* False: the type is none of these. */
extern bool ec_hasher_init_names(EcHasher *hasher);

#endif
