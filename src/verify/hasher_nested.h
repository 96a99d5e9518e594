/*
 * hasher_nested.h
 *		Hashes types that consist of other types: arrays, rows, ranges, jsonb.
 */
#ifndef EC_VERIFY_HASHER_NESTED_H
#define EC_VERIFY_HASHER_NESTED_H

#include "postgres.h"

#include "verify/hasher.h"

/* ec_hasher_init, passed in for the parts. */
typedef void (*EcHasherInit)(EcHasher *hasher, Oid type, Oid collation,
							 MemoryContext memory);

/* Returns false if the type is not such a type. */
extern bool ec_hasher_init_nested(EcHasher *hasher, EcHasherInit init);

#endif
