/*
 * flags.c
 *		The flag of the modern write, and the read switches of applications.
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

#include "core/catalog.h"
#include "core/guc.h"
#include "core/holders.h"
#include "core/query.h"
#include "core/lock_retry.h"
#include "model/change.h"
#include "expand_contract.h"

PG_FUNCTION_INFO_V1(ec_dual_write);
PG_FUNCTION_INFO_V1(ec_set_flag);

static void
refuse_null(const char *argument)
{
	ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					errmsg("argument \"%s\" must not be null", argument)));
}

static void
switch_on(void *arg)
{
	const EcChange *change = arg;

	/* the second call locks what is below the table only */
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
 * Switches the modern write of a change.  Off is at once and takes no lock:
 * sessions see it with their next statement.  On waits until no writer that
 * knows it as off is left, under SHARE ROW EXCLUSIVE, which is taken in short
 * tries (55P03 after expand_contract.lock_timeout).  Writes in between leave
 * gap records; see ec_backfill_change(change, 'repair').
 *
 * For the owner of the table (42501); 42704 if there is no such change, 55000
 * if it is over.
 */
Datum
ec_dual_write(PG_FUNCTION_ARGS)
{
	EcChange change;
	bool enabled;
	ErrorData *error;

	if (PG_ARGISNULL(0))
		refuse_null("change");
	if (PG_ARGISNULL(1))
		refuse_null("enabled");
	enabled = PG_GETARG_BOOL(1);
	ec_change_get(text_to_cstring(PG_GETARG_TEXT_PP(0)), &change);
	ec_change_require_active(&change);
	if (change.dual_write == enabled)
		PG_RETURN_TEXT_P(cstring_to_text(enabled ? "on" : "off"));
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
 * A change of this name must not come to be while the flag is set as nobody's:
 * ec_expand takes the table in a mode that conflicts, and resets the flag.
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
 * Sets a read switch.  One that is named like a change is that change's, for
 * the owner of its table only (42501); it begins false with the change, whatever
 * it was before.
 */
Datum
ec_set_flag(PG_FUNCTION_ARGS)
{
	EcChange change;
	char *name;
	bool value;

	if (PG_ARGISNULL(0))
		refuse_null("name");
	if (PG_ARGISNULL(1))
		refuse_null("value");
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	value = PG_GETARG_BOOL(1);
	if (name[0] == '\0' || strlen(name) > EC_MAX_CHANGE_NAME)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("name of a flag must have 1 to %d bytes",
							   EC_MAX_CHANGE_NAME),
						errhint("Name it like the change that it is for.")));
	forbid_new_changes();
	if (ec_change_load(name, &change))
		ec_change_get(name, &change);
	ec_flag_set(name, value);
	PG_RETURN_BOOL(value);
}
