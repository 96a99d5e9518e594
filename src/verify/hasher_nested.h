/*
 * hasher_nested.h
 *		Types that consist of others: arrays, rows, ranges, jsonb.
 */
#ifndef EC_VERIFY_HASHER_NESTED_H
#define EC_VERIFY_HASHER_NESTED_H

#include "postgres.h"

#include "verify/hasher.h"

/* ec_hasher_init, for the parts. */
typedef void (*EcHasherInit)(EcHasher *hasher, Oid type, Oid collation,
							 MemoryContext memory);

/* False: the type is none of these. */
extern bool ec_hasher_init_nested(EcHasher *hasher, EcHasherInit init);

#endif
