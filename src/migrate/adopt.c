/*
 * adopt.c
 *		ec_adopt: takes over the history of another migration tool.
 *
 * Each tool keeps a table of its migrations.  The list below contains for each
 * tool the table's usual name, the columns that it must have, and a query that
 * returns one row for each migration that is applied now.  The caller must
 * have the right to read the table.  It may belong to any role, so the query
 * runs as the table's owner in a security-restricted operation.  It must be a
 * plain table with columns of built-in types, so that reading it runs no
 * user-defined code.  Versions become the names of the tool's files, so that
 * ec_apply_directory recognizes those as applied.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_coerce.h"
#include "storage/lmgr.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "core/hint.h"
#include "core/catalog.h"
#include "core/planned.h"
#include "core/rights.h"
#include "expand_contract.h"
#include "core/arguments.h"
#include "migrate/file.h"
#include "migrate/ledger.h"
#include "migrate/lock.h"
#include "migrate/run.h"
#include "migrate/scope.h"
#include "migrate/version.h"

#define MAX_COLUMNS 7

typedef struct ToolColumn
{
	const char *name;
	char category; /* TYPCATEGORY_... of its type */
} ToolColumn;

typedef struct Tool
{
	const char *name;
	const char *schema; /* NULL: found through the search_path */
	const char *table;
	ToolColumn columns[MAX_COLUMNS];
	/*
	 * Returns these columns: version text, description text, executed by text,
	 * executed at timestamptz, whether the row also stands for all earlier
	 * versions, and whether it is unfinished.  %s is the table.
	 */
	const char *query;
	bool version_is_file_name;
	const char *repair; /* hint for an unfinished migration */
} Tool;

static const Tool tools[] = {
	{
		.name = "flyway",
		.table = "flyway_schema_history",
		.columns = {{"installed_rank", TYPCATEGORY_NUMERIC},
					{"version", TYPCATEGORY_STRING},
					{"description", TYPCATEGORY_STRING},
					{"type", TYPCATEGORY_STRING},
					{"installed_by", TYPCATEGORY_STRING},
					{"installed_on", TYPCATEGORY_DATETIME},
					{"success", TYPCATEGORY_BOOLEAN}},
		/* a later row for a version means that it was undone or deleted */
		.query = "SELECT version::text, description::text, installed_by::text,"
				 "   installed_on::timestamptz,"
				 "   type OPERATOR(pg_catalog.=) 'BASELINE', NOT success"
				 " FROM (SELECT *, row_number() OVER (PARTITION BY version"
				 "         ORDER BY installed_rank DESC) AS latest FROM %s) h"
				 " WHERE NOT success OR version IS NOT NULL AND latest OPERATOR(pg_catalog.=) 1"
				 "   AND type OPERATOR(pg_catalog.<>) 'SCHEMA'"
				 "   AND type OPERATOR(pg_catalog.<>) 'DELETE'"
				 "   AND NOT starts_with(type, 'UNDO')"
				 " ORDER BY installed_rank",
		.repair = "Run flyway repair.",
	},
	{
		.name = "dbmate",
		.table = "schema_migrations",
		.columns = {{"version", TYPCATEGORY_STRING}},
		.query = "SELECT version::text, NULL, NULL, NULL::timestamptz, false, false"
				 " FROM %s ORDER BY version",
	},
	{
		.name = "rails",
		.table = "schema_migrations",
		.columns = {{"version", TYPCATEGORY_STRING}},
		.query = "SELECT version::text, NULL, NULL, NULL::timestamptz, false, false"
				 " FROM %s ORDER BY version",
	},
	{
		.name = "golang-migrate",
		.table = "schema_migrations",
		.columns = {{"version", TYPCATEGORY_NUMERIC}, {"dirty", TYPCATEGORY_BOOLEAN}},
		/* the only row has the database's present version */
		.query = "SELECT version::text, NULL, NULL, NULL::timestamptz, true, dirty"
				 " FROM %s WHERE version OPERATOR(pg_catalog.>=) 0",
		.repair = "Finish or undo by hand what it began, record the version of the database with migrate force VERSION, and adopt again.",
	},
	{
		.name = "goose",
		.table = "goose_db_version",
		.columns = {{"id", TYPCATEGORY_NUMERIC},
					{"version_id", TYPCATEGORY_NUMERIC},
					{"is_applied", TYPCATEGORY_BOOLEAN},
					{"tstamp", TYPCATEGORY_DATETIME}},
		/*
		 * version 0 is goose's own first row; for each version the last row
		 * counts
		 */
		.query = "SELECT version_id::text, NULL, NULL, tstamp::timestamptz, false, false"
				 " FROM (SELECT *, row_number() OVER (PARTITION BY version_id"
				 "         ORDER BY id DESC) AS latest FROM %s) h"
				 " WHERE latest OPERATOR(pg_catalog.=) 1 AND is_applied"
				 "   AND version_id OPERATOR(pg_catalog.>) 0"
				 " ORDER BY version_id",
	},
	{
		.name = "sqitch",
		.schema = "sqitch",
		.table = "changes",
		.columns = {{"change", TYPCATEGORY_STRING},
					{"note", TYPCATEGORY_STRING},
					{"committed_at", TYPCATEGORY_DATETIME},
					{"committer_name", TYPCATEGORY_STRING},
					{"planned_at", TYPCATEGORY_DATETIME}},
		/*
		 * a change's name does not determine its order, but its planned time
		 * does
		 */
		.query = "SELECT to_char(planned_at AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISS')"
				 "   OPERATOR(pg_catalog.||) '-' OPERATOR(pg_catalog.||) change, note::text, committer_name::text,"
				 "   committed_at::timestamptz, false, false"
				 " FROM %s ORDER BY committed_at",
	},
	{
		.name = "sqlx",
		.table = "_sqlx_migrations",
		.columns = {{"version", TYPCATEGORY_NUMERIC},
					{"description", TYPCATEGORY_STRING},
					{"installed_on", TYPCATEGORY_DATETIME},
					{"success", TYPCATEGORY_BOOLEAN}},
		.query = "SELECT version::text, description::text, NULL,"
				 "   installed_on::timestamptz, false, NOT success"
				 " FROM %s ORDER BY version",
		.repair = "Finish or undo by hand what it began, correct or delete its row, and adopt again.",
	},
	{
		.name = "graphile-migrate",
		.schema = "graphile_migrate",
		.table = "migrations",
		.columns = {{"filename", TYPCATEGORY_STRING}, {"date", TYPCATEGORY_DATETIME}},
		.query = "SELECT filename::text, NULL, NULL, date::timestamptz, false, false"
				 " FROM %s ORDER BY filename",
		.version_is_file_name = true,
	},
};

static const Tool *
find_tool(const char *name)
{
	StringInfoData known;

	initStringInfo(&known);
	for (int i = 0; i < lengthof(tools); i++)
	{
		if (strcmp(tools[i].name, name) == 0)
			return &tools[i];
		appendStringInfo(&known, "%s%s", i > 0 ? ", " : "", tools[i].name);
	}
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("unknown migration tool \"%s\"", name),
					ec_errhint("The tools are %s. For any other tool, record the version of the database with ec_baseline.",
							   known.data)));
}

static Oid
find_table(const Tool *tool)
{
	RangeVar *name = makeRangeVar(tool->schema ? pstrdup(tool->schema) : NULL,
								  pstrdup(tool->table), -1);
	Oid table = RangeVarGetRelid(name, NoLock, true);

	if (!OidIsValid(table))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the history of %s was not found", tool->name),
				 errdetail("There is no table \"%s%s%s\".",
						   tool->schema ? tool->schema : "",
						   tool->schema ? "." : "", tool->table),
				 errhint("If it has another name, give it as \"relation\".")));
	return table;
}

static void
raise_not_its_table(const Tool *tool, Oid table, char *reason)
{
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("\"%s\" is not a history of %s", get_rel_name(table), tool->name),
			 errdetail("%s", reason),
			 errhint("Check the tool's name, or give its table as \"relation\".")));
}

/*
 * Checks that the caller may read the table, because it will be read as its
 * owner.  A policy that would hide rows from the caller is an error.  The lock
 * is kept, so that the table stays as it was checked.
 */
static void
lock_readable(const Tool *tool, Oid table)
{
	char *name = get_rel_name(table);
	AclResult result;
	int guc_level;

	if (name == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("relation with OID %u does not exist", table)));
	result = pg_class_aclcheck(table, GetUserId(), ACL_SELECT);
	if (result != ACLCHECK_OK)
		aclcheck_error(result, get_relkind_objtype(get_rel_relkind(table)), name);
	LockRelationOid(table, AccessShareLock);
	switch (get_rel_relkind(table))
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
			break;
		default:
			raise_not_its_table(tool, table, pstrdup("It is not a table."));
	}
	if (isOtherTempNamespace(get_rel_namespace(table)))
		raise_not_its_table(tool, table,
							pstrdup("It is a temporary table of another session."));
	guc_level = ec_planning_begin(NULL);
	(void) check_enable_rls(table, InvalidOid, false);
	ec_planning_end(guc_level);
}

static void
check_columns(const Tool *tool, Oid table)
{
	lock_readable(tool, table);
	for (int i = 0; i < MAX_COLUMNS && tool->columns[i].name != NULL; i++)
	{
		const ToolColumn *column = &tool->columns[i];
		AttrNumber number = get_attnum(table, column->name);
		char category;
		bool is_preferred;
		Oid type;

		if (number == InvalidAttrNumber)
			raise_not_its_table(tool, table,
								psprintf("It has no column \"%s\".", column->name));
		type = get_atttype(table, number);
		get_type_category_preferred(type, &category, &is_preferred);
		if (category != column->category || getBaseType(type) >= FirstNormalObjectId)
			raise_not_its_table(tool, table,
								psprintf("Its column \"%s\" has type %s.",
										 column->name, format_type_be(type)));
	}
	/* the tables of three tools have the same name */
	if (tool->columns[1].name == NULL &&
		get_attnum(table, "dirty") != InvalidAttrNumber)
		raise_not_its_table(tool, table,
							pstrdup("It has a column \"dirty\", as that of "
									"golang-migrate."));
}

typedef struct AdoptedRow
{
	char *version;
	char *description;
	char *executed_by;
	TimestampTz executed_at;
	bool is_baseline;
} AdoptedRow;

static char *
copied_value(HeapTuple tuple, TupleDesc columns, int column)
{
	char *value = SPI_getvalue(tuple, columns, column);
	char *copy;

	if (value == NULL)
		return NULL;
	copy = SPI_palloc(strlen(value) + 1);
	strcpy(copy, value);
	return copy;
}

static bool
bool_value(HeapTuple tuple, TupleDesc columns, int column)
{
	bool isnull;
	Datum value = SPI_getbinval(tuple, columns, column, &isnull);

	return !isnull && DatumGetBool(value);
}

static void
read_row(const Tool *tool, HeapTuple tuple, TupleDesc columns, AdoptedRow *row)
{
	char *version = copied_value(tuple, columns, 1);
	Datum executed_at;
	bool isnull;

	if (bool_value(tuple, columns, 6))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the history of %s has a migration that is not finished",
						tool->name),
				 errdetail("Version \"%s\" was begun, and failed or was interrupted.",
						   version ? version : "(none)"),
				 errhint("%s", tool->repair)));
	if (version == NULL)
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("the history of %s has a row without a version",
							   tool->name)));
	row->version = version;
	row->description = copied_value(tuple, columns, 2);
	row->executed_by = copied_value(tuple, columns, 3);
	executed_at = SPI_getbinval(tuple, columns, 4, &isnull);
	row->executed_at =
		isnull ? GetCurrentTimestamp() : DatumGetTimestampTz(executed_at);
	row->is_baseline = bool_value(tuple, columns, 5);
}

/* Reads what the tool has applied; *count is the number of rows. */
static AdoptedRow *
read_history(const Tool *tool, Oid table, uint64 *count)
{
	char *query = psprintf(tool->query, ec_relation_name(table));
	int guc_level = ec_planning_begin(EC_OWN_SEARCH_PATH);
	AdoptedRow *rows;
	EcRights outer;

	ec_become(&outer, ec_relation_owner(table));
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute(query, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the history of %s", tool->name);
	*count = SPI_processed;
	rows = SPI_palloc(Max(1, *count) * sizeof(AdoptedRow));
	for (uint64 i = 0; i < *count; i++)
		read_row(tool, SPI_tuptable->vals[i], SPI_tuptable->tupdesc, &rows[i]);
	SPI_finish();
	ec_become_caller(&outer);
	ec_planning_end(guc_level);
	return rows;
}

static void
read_file_name(AdoptedRow *row)
{
	EcFileName name;
	const char *problem;
	const char *hint;

	if (!ec_file_name_read(row->version, &name, &problem, &hint) || name.is_down)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("file name \"%s\" has no version", row->version),
				 errhint("It should be like 000001.sql or 000001-name.sql.")));
	row->version = name.version;
	row->description = name.description;
}

static int
adopt(const Tool *tool, Oid table, const char *scope)
{
	char *caller = GetUserNameFromId(GetUserId(), false);
	AdoptedRow *rows;
	uint64 count;
	int adopted = 0;

	ec_run_check_nesting(psprintf("the history of %s", tool->name));
	PreventCommandIfReadOnly("ec_adopt");
	(void) ec_migration_lock();
	ec_ledger_require_fresh();
	rows = read_history(tool, table, &count);
	for (uint64 i = 0; i < count; i++)
	{
		AdoptedRow *row = &rows[i];

		if (tool->version_is_file_name)
			read_file_name(row);
		ec_check_version(row->version);
		if (ec_ledger_enter_baselined(row->is_baseline ? EC_EVENT_BASELINE
													   : EC_EVENT_ADOPT,
									  scope, row->version, row->description,
									  row->executed_by ? row->executed_by : caller,
									  row->executed_at))
			adopted++;
	}
	return adopted;
}

/*
 * ec_adopt(tool text, relation regclass, scope text) → integer
 *
 * Enters the migrations that another tool has applied into the ledger, as
 * baselined, and returns the number of new ones.  relation is the tool's
 * table; NULL means the one with its usual name.
 *
 * Errors: 22004, 22023 (unknown tool, or a version that is not valid here),
 * 42P01 (no such table), 42809 (not a table of that tool), 55000 (a migration
 * of the tool is unfinished), 42501 (no right to read it), and those of the
 * migration lock, as ec_apply.
 */
PG_FUNCTION_INFO_V1(ec_adopt);
Datum
ec_adopt(PG_FUNCTION_ARGS)
{
	const Tool *tool = find_tool(ec_text_argument(fcinfo, 0, "tool"));
	Oid table = PG_ARGISNULL(1) ? find_table(tool) : PG_GETARG_OID(1);

	check_columns(tool, table);
	PG_RETURN_INT32(adopt(tool, table, ec_scope_argument(fcinfo, 2)));
}
