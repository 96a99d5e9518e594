/*
 * hasher_names.h
 *		Hashes types that are stored as the OID of a named object.
 *
 * In another database the same enum label or table has a different OID, so the
 * name is added to a row's hash.
 */
#ifndef EC_VERIFY_HASHER_NAMES_H
#define EC_VERIFY_HASHER_NAMES_H

#include "postgres.h"

#include "verify/hasher.h"

/* Returns false if the type is not such a type. */
extern bool ec_hasher_init_names(EcHasher *hasher);

#endif
