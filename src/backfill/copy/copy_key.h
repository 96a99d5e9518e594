/*
 * copy_key.h
 *		Finds the key that identifies rows in a copy: a unique index of the
 *		target.
 */
#ifndef EC_BACKFILL_COPY_COPY_KEY_H
#define EC_BACKFILL_COPY_COPY_KEY_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "nodes/nodes.h"
#include "utils/rel.h"

typedef struct EcCopyKey
{
	int count;
	AttrNumber numbers[INDEX_MAX_KEYS];
	Oid families[INDEX_MAX_KEYS];
	char *equals[INDEX_MAX_KEYS]; /* OPERATOR(...) */
	char *befores[INDEX_MAX_KEYS];
	char *afters[INDEX_MAX_KEYS];
	char *collations[INDEX_MAX_KEYS]; /* as SQL, or NULL */
	bool is_deterministic;            /* equal values have the same bytes */
} EcCopyKey;

/*
 * Finds the key with these columns; NIL means the primary key.  columns are
 * the EcMappedColumns.  Raises an error if there is no suitable unique index,
 * or if a column of the key can be null or is not mapped.
 */
extern void
ec_find_copy_key(Relation target, List *names, List *columns, EcCopyKey *key);

/* The position of a target's column in the key, or -1. */
extern int ec_copy_key_place(const EcCopyKey *key, AttrNumber number);

/*
 * An expression of the key without a coercion that does not affect
 * comparisons; the coercion would prevent the use of an index on the column.
 */
extern Node *ec_copy_search_expression(Node *expression);

/* Is it impossible that two rows of the source have the same key? */
extern bool
ec_keys_are_unique(Relation source, const EcCopyKey *key, Node **expressions);

#endif
