/*
 * drop.c
 *		Drops the old shape of a change.
 */
#include "postgres.h"

#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "lifecycle/drop.h"
#include "lifecycle/end_change.h"
#include "lifecycle/old_shape.h"
#include "lifecycle/transition.h"
#include "core/catalog.h"
#include "core/query.h"
#include "twins/foreign.h"

/*
 * Drops the column in every child as well: a child that also defines the
 * column locally would keep it.
 */
static void
drop_column(const EcChange *change, const char *name, const char *behaviour)
{
	ListCell *cell;

	foreach (cell, find_all_inheritors(change->relation, NoLock, NULL))
	{
		if (get_attnum(lfirst_oid(cell), name) != InvalidAttrNumber)
			ec_run_ddl(psprintf("ALTER TABLE %s DROP COLUMN %s %s",
								ec_relation_name(lfirst_oid(cell)),
								quote_identifier(name), behaviour));
	}
}

/* Drops the children as well, because they hold rows of the table. */
static void
drop_table(const EcChange *change, const char *behaviour)
{
	StringInfoData tables;
	ListCell *cell;

	initStringInfo(&tables);
	foreach (cell, find_all_inheritors(change->relation, NoLock, NULL))
	{
		appendStringInfo(&tables, "%s%s", tables.len > 0 ? ", " : "",
						 ec_relation_name(lfirst_oid(cell)));
	}
	ec_run_ddl(psprintf("DROP TABLE %s %s", tables.data, behaviour));
}

/*
 * True if nothing but temporary objects of other sessions prevents the drop.
 * Those can neither be dropped by name from this session nor waited for, so
 * the caller drops them with CASCADE.  The table is locked, so no new
 * dependent object can appear.
 */
static bool
only_temporary_ones_depend(const EcChange *change)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	bool only;

	ec_arg_oid(&args, change->relation);
	ec_arg(&args, INT2ARRAYOID, ec_old_column_numbers(change), change->whole_table);
	ec_catalog_begin(&scope);
	ec_query("SELECT coalesce(bool_or(elsewhere), false)"
			 "       AND NOT coalesce(bool_or(stands AND NOT behind AND NOT elsewhere), false)"
			 "  FROM expand_contract.falls($1, $2)",
			 &args);
	only = ec_get_bool(0, 1, false);
	ec_catalog_end(&scope);
	return only;
}

static void
drop(const EcChange *change, int lock_wait_ms, void *arg)
{
	const char *behaviour = arg;
	Bitmapset *columns;
	int attnum = -1;

	ec_lock_tables_of_change(change, AccessExclusiveLock, lock_wait_ms);
	columns = ec_old_columns(change);
	if (only_temporary_ones_depend(change))
		behaviour = "CASCADE";
	ec_unwatch_old_columns(change);
	ec_drop_triggers_of_change(change);
	if (change->kept_names != NULL)
		ec_twin_drop_keys(change->relation, columns);
	if (change->whole_table)
		drop_table(change, behaviour);
	else
		while ((attnum = bms_next_member(columns, attnum)) >= 0)
			drop_column(change, get_attname(change->relation, attnum, false),
						behaviour);
	ec_change_end(change, EC_PHASE_CONTRACTED);
}

void
ec_drop_old_shape(const EcChange *change, bool cascade)
{
	ec_transition_with_locks(change, drop, cascade ? "CASCADE" : "RESTRICT");
}
