/*
 * copy_key.h
 *		The key by which a copy knows rows: a unique index of the target.
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
	bool is_deterministic;            /* what is equal is the same */
} EcCopyKey;

/*
 * The key with these columns; NIL: the primary key.  columns are the
 * EcMappedColumns.  Raises an error if no unique index does for it, or if a
 * column of it can be null, or is not mapped.
 */
extern void
ec_find_copy_key(Relation target, List *names, List *columns, EcCopyKey *key);

/* Where in the key a column of the target is; -1 if nowhere. */
extern int ec_copy_key_place(const EcCopyKey *key, AttrNumber number);

/*
 * An expression of the key without a coercion that changes no comparison, and
 * would only hide the column from its index.
 */
extern Node *ec_copy_search_expression(Node *expression);

/* Can no two rows of the source have the same key? */
extern bool
ec_keys_are_unique(Relation source, const EcCopyKey *key, Node **expressions);

#endif
