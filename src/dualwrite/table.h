/*
 * table.h
 *		Checks whether a table supports dual writes.
 *
 * Columns are bitmaps of attribute numbers of the given relation; in its
 * partitions and children they are looked up by name.
 */
#ifndef EC_DUALWRITE_TABLE_H
#define EC_DUALWRITE_TABLE_H

#include "postgres.h"

#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"
#include "utils/rel.h"

/*
 * Raises 42809 if the relation cannot have dual writes, 42501 unless the
 * caller owns it.
 */
extern void ec_check_dual_write_table(Relation relation);

/*
 * The same, before the caller takes a lock that others would wait for: it checks
 * the rights first, so that nobody waits for a lock on a table of others.
 */
extern void ec_look_at_dual_write_table(Oid oid);

/* Raises 0A000 if one of them is in a partition key, at any level. */
extern void ec_check_no_partition_key(Relation relation, Bitmapset *columns);

/*
 * on_error => 'record' works only if nothing checks the new columns after the
 * trigger.  Raises 55000 for unique and exclusion constraints, foreign keys,
 * and NOT NULL without a default.  For a known change this is only a warning,
 * because they may have been added since its backfill.
 */
extern void
ec_check_can_record(Relation relation, Bitmapset *columns, bool is_known);

/*
 * Returns the attribute numbers of a key that identifies rows: the columns
 * named, which must be unique and NOT NULL; without names the primary key, or
 * another such key.  NIL if names is NIL and there is no such key.
 */
extern List *ec_find_key(Relation relation, List *names);

/*
 * True if the trigger is enabled for every write in the table and all its
 * descendants.  False if it was dropped or disabled, or a child was added
 * without it.
 */
extern bool ec_has_dual_writes(Oid relation, const char *name);

/*
 * Warns of columns whose default cannot be distinguished from a written value
 * later.
 */
extern void ec_warn_of_other_defaults(Relation relation, Bitmapset *columns);

/*
 * Returns the attribute number that a column of root has in a partition or
 * child.
 */
extern AttrNumber ec_leaf_attnum(Relation leaf, Relation root, AttrNumber attnum);

#endif
