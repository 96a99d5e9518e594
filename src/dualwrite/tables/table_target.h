/*
 * table_target.h
 *		ec_expand for a change to another table.
 */
#ifndef EC_DUALWRITE_TABLES_TABLE_TARGET_H
#define EC_DUALWRITE_TABLES_TABLE_TARGET_H

#include "postgres.h"

#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"
#include "utils/rel.h"

#include "model/change.h"

/* lists of EcMappedColumn; backward may be NIL */
typedef struct EcTableMappings
{
	List *forward;
	List *backward;
	Bitmapset *moved; /* columns of the source that forward reads and that
					   * are not in a key */
	bool moves_all;   /* every column of the source is in a key or moved */
} EcTableMappings;

/*
 * Performs all checks as the caller, and fills in the change's columns.  Both
 * tables and all their descendants must be locked.  For a known change,
 * obstacles that have been added to its tables since are only a warning.
 */
extern void ec_check_table_change(EcChange *change, Relation source,
								  EcTableMappings *mappings, bool is_known);

/*
 * Raises 55000 if the target has a row that is not in step with the source.
 * Runs as the caller.  Both tables and all their descendants must be locked.
 * Scans them.
 */
extern void ec_check_target_rows(const EcChange *change, Relation source);

/*
 * Creates the triggers, after dropping existing ones.  The tables must not be
 * open.
 */
extern void
ec_start_table_writes(const EcChange *change, const EcTableMappings *mappings);

/*
 * Creates the triggers that the table, root or a descendant of it, lacks;
 * returns false if it has them all.  A descendant's triggers depend on those
 * of root.
 */
extern bool ec_create_table_triggers(Oid table, Oid root, const EcChange *change);

/* One of the table's triggers of the change; InvalidOid if it has none. */
extern Oid ec_table_trigger(Oid table, const char *change);

/* True if the table has all triggers of the change. */
extern bool ec_has_all_table_triggers(Oid table, const char *change);

/*
 * True if both tables (only the source without a backward mapping) and all
 * their descendants have these triggers, enabled for every write.
 */
extern bool ec_table_triggers_at_work(const EcChange *change);

/* Drops the triggers; returns false if there are none. */
extern bool ec_drop_table_triggers(Oid table, const char *change);

#endif
