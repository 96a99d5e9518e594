/*
 * key_index.h
 *		Chooses the key in whose order a table is read.
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
	bool nulls_first; /* according to the index; the column has no nulls */
	char *before;     /* the index's ordering operator, as OPERATOR(…) */
	char *after;      /* its commutator */
	char *equal;
} EcKeyColumn;

typedef struct EcKey
{
	Oid index;
	int count;
	EcKeyColumn columns[EC_MAX_KEY_COLUMNS];
} EcKey;

/* Find the key; raise an error if the table has none that can be used. */
extern void ec_need_key(Relation relation, EcKey *key);
extern void ec_key_check(Relation relation);

#endif
