/*
 * usage_show.c
 *		Shows the figures of tracked columns: ec_column_usage, and ec_usage_of
 *		for the gates.
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "usage/usage.h"
#include "usage/usage_memory.h"
#include "usage/usage_sync.h"
#include "core/compat.h"

bool
ec_usage_of(Oid relation, AttrNumber attnum, EcUsage *usage)
{
	EcTrackedSet *set = ec_usage_sync(EC_SYNC_WAIT);

	for (int i = 0; i < set->count; i++)
		if (set->columns[i].relation == relation && set->columns[i].attnum == attnum)
		{
			ec_usage_look_at_watch(set, &set->columns[i], usage);
			return true;
		}
	return false;
}

bool
ec_usage_is_watching(void)
{
	return ec_usage != NULL;
}

/* The owner of a table, and roles that may monitor, may see who uses it. */
static bool
may_see(Oid relation)
{
	HeapTuple tuple;
	Oid owner;

	if (has_privs_of_role(GetUserId(), ROLE_PG_MONITOR))
		return true;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	if (!HeapTupleIsValid(tuple))
		return false;
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return has_privs_of_role(GetUserId(), owner);
}

static int
compare_times(const void *a, const void *b)
{
	TimestampTz left = ((const EcUser *) a)->at;
	TimestampTz right = ((const EcUser *) b)->at;

	return left > right ? -1 : left < right;
}

/* The stored users, the latest one first. */
static Datum
users_as_json(const EcAccess *access)
{
	EcAccess sorted = *access;
	StringInfoData json;

	qsort(sorted.users, sorted.user_count, sizeof(EcUser), compare_times);
	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	for (int i = 0; i < sorted.user_count; i++)
	{
		EcUser *user = &sorted.users[i];
		char at[MAXDATELEN + 1];

		JsonEncodeDateTime(at, TimestampTzGetDatum(user->at), TIMESTAMPTZOID, NULL);
		appendStringInfo(&json, "%s{\"application\": ", i > 0 ? ", " : "");
		escape_json(&json, user->application);
		appendStringInfoString(&json, ", \"role\": ");
		escape_json(&json, user->role);
		appendStringInfo(&json, ", \"at\": \"%s\"}", at);
	}
	appendStringInfoChar(&json, ']');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

/* Sets three columns: count, time of the latest use, its user. */
static void
show_access(const EcAccess *access, Datum *values, bool *nulls)
{
	const EcUser *last = ec_last_user(access);

	values[0] = Int64GetDatum(access->count);
	nulls[1] = nulls[2] = last == NULL;
	if (last == NULL)
		return;
	values[1] = TimestampTzGetDatum(last->at);
	values[2] =
		CStringGetTextDatum(psprintf("%s (%s)", last->application, last->role));
}

static void
show_time(TimestampTz time, Datum *value, bool *isnull)
{
	*value = TimestampTzGetDatum(time);
	*isnull = time == 0 || time == DT_NOEND;
}

PG_FUNCTION_INFO_V1(ec_sql_column_usage);

/* expand_contract.column_usage() → SETOF record, the rows of the view */
Datum
ec_sql_column_usage(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	EcTrackedSet *set;

	InitMaterializedSRF(fcinfo, 0);
	set = ec_usage_sync(EC_SYNC_WAIT);
	for (int i = 0; i < set->count; i++)
	{
		Datum values[13];
		bool nulls[13] = {false};
		EcUsage usage;
		char *name;

		ec_usage_look_at_watch(set, &set->columns[i], &usage);
		name = get_attname(usage.relation, usage.attnum, true);
		/* get_attname also finds a dropped column, get_attnum does not */
		if (name == NULL || get_attnum(usage.relation, name) != usage.attnum ||
			!may_see(usage.relation))
			continue;
		values[0] = ObjectIdGetDatum(usage.relation);
		values[1] = CStringGetTextDatum(name);
		show_access(&usage.reads, &values[2], &nulls[2]);
		show_access(&usage.writes, &values[5], &nulls[5]);
		values[8] = TimestampTzGetDatum(usage.tracked_since);
		show_time(usage.unknown.since, &values[9], &nulls[9]);
		show_time(usage.unknown.until, &values[10], &nulls[10]);
		values[11] = users_as_json(&usage.reads);
		values[12] = users_as_json(&usage.writes);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
