/*
 * hasher_nested.h
 *		Types that consist of others: arrays, rows, ranges, jsonb.
 */
#ifndef EC_VERIFY_HASHER_NESTED_H
#define EC_VERIFY_HASHER_NESTED_H

#include "postgres.h"

#include "utils/numeric.h"

#include "verify/hasher.h"

/* False: the type is none of these. */
extern bool ec_hasher_init_nested(EcHasher *hasher);

/* In hasher.c; the numbers in a jsonb are numerics. */
extern void ec_feed_numeric(EcLanes *lanes, Numeric number);

#endif
