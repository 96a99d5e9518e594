/*
 * flags.c
 *		ec_dual_write switches the dual writes of a change; ec_set_flag sets the
 *		flags by which applications choose what they read.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "fmgr.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/arguments.h"
#include "core/catalog.h"
#include "core/hint.h"
#include "core/guc.h"
#include "core/holders.h"
#include "core/query.h"
#include "core/lock_retry.h"
#include "model/change.h"
#include "expand_contract.h"

PG_FUNCTION_INFO_V1(ec_dual_write);
PG_FUNCTION_INFO_V1(ec_set_flag);

static void
switch_on(void *arg)
{
	const EcChange *change = arg;

	/* find_all_inheritors locks only the descendants. */
	LockRelationOid(change->relation, ShareRowExclusiveLock);
	(void) find_all_inheritors(change->relation, ShareRowExclusiveLock, NULL);
	if (OidIsValid(change->target))
	{
		LockRelationOid(change->target, ShareRowExclusiveLock);
		(void) find_all_inheritors(change->target, ShareRowExclusiveLock, NULL);
	}
	ec_change_set_dual_write(change, true);
}

static ErrorData *
try_switch_on(void *arg, int lock_wait_ms)
{
	return ec_try_work(switch_on, arg, lock_wait_ms);
}

/*
 * ec_dual_write(change, enabled) → 'on' or 'off'
 *
 * Switches the dual writes of a change.  Switching off takes effect at once
 * and needs no lock: other sessions see it in their next statement.  Switching
 * on waits until no writer that has seen 'off' is left, under SHARE ROW
 * EXCLUSIVE, which is taken in short attempts (55P03 after
 * expand_contract.lock_timeout). Writes in between leave gap records; see
 * ec_backfill_change(change, 'repair').
 *
 * Only the owner of the table may call it (42501).  Raises 42704 if there is
 * no such change, and 55000 if it has ended.
 */
Datum
ec_dual_write(PG_FUNCTION_ARGS)
{
	EcChange change;
	bool enabled;
	ErrorData *error;
	char *name;

	name = ec_change_full_name(ec_text_argument(fcinfo, 0, "change"));
	enabled = ec_bool_argument(fcinfo, 1, "enabled");
	ec_change_get(name, &change);
	ec_change_require_active(&change);
	if (change.dual_write == enabled)
		PG_RETURN_TEXT_P(cstring_to_text(enabled ? "on" : "off"));
	if (!enabled && change.kept_names != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("dual writes of change \"%s\" cannot be switched off",
						change.name),
				 errdetail("It keeps the names of columns, and once it is prepared the new columns have the keys and checks of the old ones."),
				 ec_errhint("Use ec_revert(%s) to take it back.",
							quote_literal_cstr(change.name))));
	if (!enabled)
	{
		ec_change_set_dual_write(&change, false);
		PG_RETURN_TEXT_P(cstring_to_text("off"));
	}
	error = ec_try_for_locks(try_switch_on, &change, ec_lock_timeout);
	if (error != NULL)
		ec_raise_lock_timeout(error, change.relation, "Dual writes are still off.");
	PG_RETURN_TEXT_P(cstring_to_text("on"));
}

void
ec_flag_set(const char *name, bool value)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_catalog_begin(&scope);
	ec_arg_text(&args, name);
	ec_arg_bool(&args, value);
	(void) ec_query("INSERT INTO expand_contract.flags (name, value) VALUES ($1, $2)"
					" ON CONFLICT (name) DO UPDATE SET value = excluded.value",
					&args);
	ec_catalog_end(&scope);
	ec_change_announce(name, "flag", value ? "on" : "off");
}

/*
 * No change of this name may be created while the flag is being set without
 * one. ec_expand locks the table in a conflicting mode, and resets the flag.
 */
static void
forbid_new_changes(void)
{
	LockRelationOid(get_relname_relid("changes",
									  get_namespace_oid("expand_contract", false)),
					RowExclusiveLock);
}

/*
 * ec_set_flag(name, value) → value
 *
 * Sets a flag by which applications choose what they read.  A flag with the
 * name of a change belongs to the change: only the owner of the change's table
 * may set it (42501), and it is reset to false when the change is registered.
 */
Datum
ec_set_flag(PG_FUNCTION_ARGS)
{
	EcChange change;
	char *name;
	bool value;

	name = ec_change_full_name(ec_text_argument(fcinfo, 0, "name"));
	value = ec_bool_argument(fcinfo, 1, "value");
	if (name[0] == '\0' || strlen(name) > EC_MAX_CHANGE_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("name of a flag must have 1 to %d bytes", EC_MAX_CHANGE_NAME),
				 errhint("Use the name of the change that it belongs to.")));
	forbid_new_changes();
	if (ec_change_load(name, &change))
		ec_change_get(name, &change);
	ec_flag_set(name, value);
	PG_RETURN_BOOL(value);
}
