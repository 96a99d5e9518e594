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

/* Both mappings, of EcMappingEntry; backward may be NIL. */
typedef struct EcTableMappings
{
	List *forward;
	List *backward;
	Bitmapset *moved; /* of the source's columns: no keys, and forward reads them */
	bool moves_all; /* nothing of the source is left behind */
} EcTableMappings;

/*
 * Check everything, as the caller, and fill in the change's columns.  Both
 * tables and all below them are locked.  Of a change that is known, what came to
 * its tables since is a warning.
 */
extern void ec_check_table_change(EcChange *change, Relation source,
								  EcTableMappings *mappings, bool is_known);

/*
 * 55000 if the target has a row that is not in step with the source.  As the
 * caller; both tables and all below them are locked.  Scans them.
 */
extern void ec_check_target_rows(const EcChange *change, Relation source);

/* Create the triggers (anew).  The tables must not be open. */
extern void
ec_start_table_writes(const EcChange *change, const EcTableMappings *mappings);

/*
 * Create those that root, or a table below it, lacks; false if it has them.
 * Those of the tables below are dropped with root's.
 */
extern bool ec_create_table_triggers(Oid table, Oid root, const EcChange *change);

/* Has a table the triggers of the change, each of them? */
extern bool ec_has_all_table_triggers(Oid table, const char *change);

/*
 * Have both sides (where it goes both ways) and all tables below them these
 * triggers, enabled for every write?
 */
extern bool ec_table_triggers_at_work(const EcChange *change);

/* Drop them, where there are any; false if there are none. */
extern bool ec_drop_table_triggers(Oid table, const char *change);

#endif
