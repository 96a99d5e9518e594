/*
 * table.h
 *		What a table must be like for dual writes.
 *
 * Columns are bitmaps of attribute numbers of the relation that is given;
 * they are looked for by name in its partitions and children.
 */
#ifndef EC_DUALWRITE_TABLE_H
#define EC_DUALWRITE_TABLE_H

#include "postgres.h"

#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"
#include "utils/rel.h"

/* 42809 for whatever cannot have dual writes, 42501 unless the caller owns it. */
extern void ec_check_dual_write_table(Relation relation);

/* 0A000 if one is in a partition key, at any level. */
extern void ec_check_no_partition_key(Relation relation, Bitmapset *columns);

/*
 * on_error => 'record' can keep its promise only if nothing checks the new
 * columns after the trigger: 55000 for unique and exclusion constraints,
 * foreign keys, and NOT NULL without a default.  A change that is known may have
 * got them since its backfill: then it is a warning, as it was on that day.
 */
extern void
ec_check_can_record(Relation relation, Bitmapset *columns, bool is_known);

/*
 * The attribute numbers of a key that tells rows apart: the columns of that
 * name, which must be unique and not null, or the primary key, or another
 * such key.  NIL if names is NIL and there is none.
 */
extern List *ec_find_key(Relation relation, List *names);

/*
 * Is the trigger at work in the table and all below it, for every write?  Not
 * if it was dropped or disabled, or a child has come without it.
 */
extern bool ec_has_dual_writes(Oid relation, const char *name);

/* Say which columns have a default that is not told from a value later. */
extern void ec_warn_of_other_defaults(Relation relation, Bitmapset *columns);

/* The attribute number that a column of root has in a partition or child. */
extern AttrNumber ec_leaf_attnum(Relation leaf, Relation root, AttrNumber attnum);

#endif
