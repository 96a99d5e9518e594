/*
 * key_index.h
 *		Which key a table is walked along.
 */
#ifndef EC_BACKFILL_KEY_INDEX_H
#define EC_BACKFILL_KEY_INDEX_H

#include "postgres.h"

#include "utils/rel.h"

#define EC_MAX_KEY_COLUMNS INDEX_MAX_KEYS

typedef struct EcKeyColumn
{
	AttrNumber number;
	char *name; /* quoted */
	Oid type;
	char *collation;  /* as SQL, or NULL */
	bool nulls_first; /* in the index; there are none */
	char *before;     /* the operator that orders the index, as OPERATOR(…) */
	char *after;      /* its commutator */
	char *equal;
} EcKeyColumn;

typedef struct EcKey
{
	Oid index;
	int count;
	EcKeyColumn columns[EC_MAX_KEY_COLUMNS];
} EcKey;

/* The key to walk along; raise an error if the table has none. */
extern void ec_need_key(Relation relation, EcKey *key);
extern void ec_key_check(Relation relation);

#endif
