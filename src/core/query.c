/*
 * query.c
 *		Typed helpers over SPI.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/own.h"
#include "core/planned.h"
#include "core/query.h"
#include "core/rights.h"
#include "core/sql_version.h"

typedef struct SavedPlan
{
	const char *sql; /* the key: the literal's address */
	SPIPlanPtr plan;
} SavedPlan;

static HTAB *saved_plans = NULL;

void
ec_arg(EcArgs *args, Oid type, Datum value, bool isnull)
{
	Assert(args->count < EC_MAX_ARGS);
	args->types[args->count] = type;
	args->values[args->count] = value;
	args->nulls[args->count] = isnull ? 'n' : ' ';
	args->count++;
}

void
ec_arg_bool(EcArgs *args, bool value)
{
	ec_arg(args, BOOLOID, BoolGetDatum(value), false);
}

void
ec_arg_int4(EcArgs *args, int32 value)
{
	ec_arg(args, INT4OID, Int32GetDatum(value), false);
}

void
ec_arg_int8(EcArgs *args, int64 value)
{
	ec_arg(args, INT8OID, Int64GetDatum(value), false);
}

void
ec_arg_float8(EcArgs *args, double value)
{
	ec_arg(args, FLOAT8OID, Float8GetDatum(value), false);
}

void
ec_arg_oid(EcArgs *args, Oid value)
{
	ec_arg(args, OIDOID, ObjectIdGetDatum(value), !OidIsValid(value));
}

void
ec_arg_text(EcArgs *args, const char *value)
{
	ec_arg(args, TEXTOID, value ? CStringGetTextDatum(value) : (Datum) 0,
		   value == NULL);
}

static void
arg_array(EcArgs *args, Oid type, Oid array_type, Datum *values, int count)
{
	int16 length;
	bool by_value;
	char alignment;

	get_typlenbyvalalign(type, &length, &by_value, &alignment);
	ec_arg(args, array_type,
		   PointerGetDatum(construct_array(values, count, type, length,
										   by_value, alignment)),
		   false);
}

void
ec_arg_texts(EcArgs *args, List *values)
{
	Datum *elements = palloc(sizeof(Datum) * Max(1, list_length(values)));
	int count = 0;
	ListCell *cell;

	foreach (cell, values)
		elements[count++] = CStringGetTextDatum(lfirst(cell));
	arg_array(args, TEXTOID, TEXTARRAYOID, elements, count);
}

void
ec_arg_oids(EcArgs *args, List *values)
{
	Datum *elements = palloc(sizeof(Datum) * Max(1, list_length(values)));
	int count = 0;
	ListCell *cell;

	foreach (cell, values)
		elements[count++] = ObjectIdGetDatum(lfirst_oid(cell));
	arg_array(args, OIDOID, OIDARRAYOID, elements, count);
}

void
ec_arg_jsonb(EcArgs *args, const Jsonb *value)
{
	ec_arg(args, JSONBOID, PointerGetDatum(value), value == NULL);
}

void
ec_arg_timestamptz(EcArgs *args, TimestampTz value)
{
	ec_arg(args, TIMESTAMPTZOID, TimestampTzGetDatum(value), false);
}

void
ec_arg_interval(EcArgs *args, const Interval *value)
{
	ec_arg(args, INTERVALOID, PointerGetDatum(value), value == NULL);
}

static SPIPlanPtr
saved_plan(const char *sql, EcArgs *args)
{
	SavedPlan *entry;
	bool found;

	if (saved_plans == NULL)
	{
		HASHCTL control = {0};

		control.keysize = sizeof(const char *);
		control.entrysize = sizeof(SavedPlan);
		saved_plans = hash_create("expand_contract plans", 64, &control,
								  HASH_ELEM | HASH_BLOBS);
	}

	entry = hash_search(saved_plans, &sql, HASH_FIND, NULL);
	if (entry == NULL)
	{
		SPIPlanPtr plan = SPI_prepare(sql, args->count, args->types);

		if (plan == NULL)
			elog(ERROR, "SPI_prepare failed for \"%s\": %s", sql,
				 SPI_result_code_string(SPI_result));
		SPI_keepplan(plan);
		/* enter it only now, because SPI_prepare may raise an error */
		entry = hash_search(saved_plans, &sql, HASH_ENTER, &found);
		entry->plan = plan;
	}
	return entry->plan;
}

static uint64
run_query(const char *sql, EcArgs *args, bool fire_triggers)
{
	EcArgs none = {0};
	ErrorContextCallback context = {0};
	int code;

	if (args == NULL)
		args = &none;
	context.callback = ec_hint_at_update;
	context.previous = error_context_stack;
	if (ec_sql_is_older)
		error_context_stack = &context;
	code = SPI_execute_snapshot(saved_plan(sql, args), args->values,
								args->nulls, InvalidSnapshot, InvalidSnapshot,
								false, fire_triggers, 0);
	error_context_stack = context.previous;
	if (code < 0)
		elog(ERROR, "SPI_execute_snapshot failed for \"%s\": %s", sql,
			 SPI_result_code_string(code));
	return SPI_processed;
}

uint64
ec_query(const char *sql, EcArgs *args)
{
	return run_query(sql, args, true);
}

uint64
ec_query_in_trigger(const char *sql, EcArgs *args)
{
	return run_query(sql, args, false);
}

static Datum
get_datum(uint64 row, int column, bool *isnull)
{
	/* for a column that does not exist SPI_getbinval returns NULL */
	if (SPI_tuptable == NULL || row >= SPI_tuptable->numvals || column < 1 ||
		column > SPI_tuptable->tupdesc->natts)
		elog(ERROR, "no row " UINT64_FORMAT " or column %d in the result", row,
			 column);
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column,
						 isnull);
}

/*
 * The tables' owner can alter them, and a value of another type could be used
 * as an invalid pointer.
 */
static Datum
get_typed(uint64 row, int column, Oid type, bool *isnull)
{
	Datum value = get_datum(row, column, isnull);
	Oid actual = SPI_gettypeid(SPI_tuptable->tupdesc, column);

	if (actual != type && !(type == OIDOID && actual == REGCLASSOID))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the extension's tables have been altered"),
				 errdetail("Column %d of a result is of type %s, not %s.",
						   column, format_type_be(actual), format_type_be(type)),
				 errhint("Undo the alteration, or create the extension again.")));
	return value;
}

void
ec_run_ddl(const char *sql)
{
	bool own_before = ec_own_ddl;

	ec_own_ddl = true;
	PG_TRY();
	{
		if (SPI_connect() != SPI_OK_CONNECT)
			elog(ERROR, "SPI_connect failed");
		if (SPI_execute(sql, false, 0) != SPI_OK_UTILITY)
			elog(ERROR, "could not run \"%s\"", sql);
		if (SPI_finish() != SPI_OK_FINISH)
			elog(ERROR, "SPI_finish failed");
	}
	PG_FINALLY();
	{
		ec_own_ddl = own_before;
	}
	PG_END_TRY();
}

/* Reads something into *result; read_as calls it as the role. */
typedef void (*OwnRead)(const char *sql, void *result);

static void
read_as(OwnRead read, const char *sql, Oid role, void *result)
{
	bool own_before = ec_own_reads;
	EcRights outer;

	ec_become(&outer, role);
	ec_own_reads = true;
	PG_TRY();
	{
		if (SPI_connect() != SPI_OK_CONNECT)
			elog(ERROR, "SPI_connect failed");
		read(sql, result);
		if (SPI_finish() != SPI_OK_FINISH)
			elog(ERROR, "SPI_finish failed");
	}
	PG_FINALLY();
	{
		ec_own_reads = own_before;
	}
	PG_END_TRY();
	ec_become_caller(&outer);
}

static void
count_rows(const char *sql, void *result)
{
	*(int64 *) result =
		ec_execute_planned(ec_prepare_planned(sql, 0, NULL, 0, EC_OWN_SEARCH_PATH),
						   NULL, EC_OWN_SEARCH_PATH, NULL);
}

int64
ec_count_rows(const char *sql, Oid role)
{
	int64 count = 0;

	read_as(count_rows, sql, role, &count);
	return count;
}

typedef struct FirstInt8
{
	bool is_there;
	int64 value;
} FirstInt8;

static void
first_int8(const char *sql, void *result)
{
	FirstInt8 *first = result;
	TupleTableSlot *row = ec_first_row_planned(sql, EC_OWN_SEARCH_PATH);
	bool isnull = true;
	Datum value = row == NULL ? (Datum) 0 : slot_getattr(row, 1, &isnull);

	first->is_there = !isnull;
	if (!isnull)
		first->value = DatumGetInt64(value);
}

bool
ec_first_int8(const char *sql, Oid role, int64 *value)
{
	FirstInt8 first = {0};

	read_as(first_int8, sql, role, &first);
	*value = first.value;
	return first.is_there;
}

bool
ec_is_null(uint64 row, int column)
{
	bool isnull;

	(void) get_datum(row, column, &isnull);
	return isnull;
}

bool
ec_get_bool(uint64 row, int column, bool if_null)
{
	bool isnull;
	Datum value = get_typed(row, column, BOOLOID, &isnull);

	return isnull ? if_null : DatumGetBool(value);
}

int32
ec_get_int4(uint64 row, int column, int32 if_null)
{
	bool isnull;
	Datum value = get_typed(row, column, INT4OID, &isnull);

	return isnull ? if_null : DatumGetInt32(value);
}

int64
ec_get_int8(uint64 row, int column, int64 if_null)
{
	bool isnull;
	Datum value = get_typed(row, column, INT8OID, &isnull);

	return isnull ? if_null : DatumGetInt64(value);
}

double
ec_get_float8(uint64 row, int column, double if_null)
{
	bool isnull;
	Datum value = get_typed(row, column, FLOAT8OID, &isnull);

	return isnull ? if_null : DatumGetFloat8(value);
}

Oid
ec_get_oid(uint64 row, int column)
{
	bool isnull;
	Datum value = get_typed(row, column, OIDOID, &isnull);

	return isnull ? InvalidOid : DatumGetObjectId(value);
}

TimestampTz
ec_get_timestamptz(uint64 row, int column, TimestampTz if_null)
{
	bool isnull;
	Datum value = get_typed(row, column, TIMESTAMPTZOID, &isnull);

	return isnull ? if_null : DatumGetTimestampTz(value);
}

char *
ec_get_text(uint64 row, int column)
{
	char *value;
	char *copy;

	if (ec_is_null(row, column))
		return NULL;
	value = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
	copy = SPI_palloc(strlen(value) + 1);
	strcpy(copy, value);
	return copy;
}

Jsonb *
ec_get_jsonb(uint64 row, int column)
{
	bool isnull;
	Datum value = get_typed(row, column, JSONBOID, &isnull);

	if (isnull)
		return NULL;
	return (Jsonb *) DatumGetPointer(
		SPI_datumTransfer(PointerGetDatum(DatumGetJsonbP(value)), false, -1));
}
