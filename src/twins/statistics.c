/*
 * statistics.c
 *		Extended statistics on the columns.
 *
 * The twin is created before the swap, so that ANALYZE fills it by then, and
 * the two swap their names.  The server drops statistics along with a column.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_statistic_ext.h"
#include "commands/comment.h"
#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
#include "access/table.h"

#include "core/catalog.h"
#include "core/query.h"
#include "twins/translate.h"
#include "twins/twin_kind.h"

/* statistics of the table */
typedef struct Statistics
{
	Oid oid;
	Oid space;
	Oid owner;
	char *name;
	char *kinds;       /* "ndistinct, mcv" */
	int target;        /* -1: the default */
	List *columns;     /* attribute numbers, in their order */
	List *expressions; /* as stored */
	Bitmapset *reads;
} Statistics;

static char *
kinds_of(HeapTuple tuple)
{
	StringInfoData kinds;
	bool isnull;
	ArrayType *array = DatumGetArrayTypeP(
		SysCacheGetAttr(STATEXTOID, tuple, Anum_pg_statistic_ext_stxkind, &isnull));
	const char *codes = ARR_DATA_PTR(array);

	initStringInfo(&kinds);
	for (int i = 0; i < ARR_DIMS(array)[0]; i++)
	{
		const char *name = codes[i] == STATS_EXT_NDISTINCT      ? "ndistinct"
						   : codes[i] == STATS_EXT_DEPENDENCIES ? "dependencies"
						   : codes[i] == STATS_EXT_MCV          ? "mcv"
																: NULL;

		if (name != NULL)
			appendStringInfo(&kinds, "%s%s", kinds.len > 0 ? ", " : "", name);
	}
	return kinds.data;
}

static Statistics *
read_statistics(Oid oid)
{
	HeapTuple tuple = SearchSysCache1(STATEXTOID, ObjectIdGetDatum(oid));
	Statistics *statistics;
	Form_pg_statistic_ext form;
	Datum value;
	bool isnull;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	form = (Form_pg_statistic_ext) GETSTRUCT(tuple);
	statistics = palloc0(sizeof(Statistics));
	statistics->oid = oid;
	statistics->space = form->stxnamespace;
	statistics->owner = form->stxowner;
	statistics->name = pstrdup(NameStr(form->stxname));
	statistics->kinds = kinds_of(tuple);
	for (int i = 0; i < form->stxkeys.dim1; i++)
	{
		statistics->columns =
			lappend_int(statistics->columns, form->stxkeys.values[i]);
		statistics->reads =
			bms_add_member(statistics->reads, form->stxkeys.values[i]);
	}
	value = SysCacheGetAttr(STATEXTOID, tuple,
							Anum_pg_statistic_ext_stxstattarget, &isnull);
	/* from version 17 on NULL is the default */
	statistics->target = isnull ? -1 :
#if PG_VERSION_NUM >= 170000
								DatumGetInt16(value);
#else
								DatumGetInt32(value);
#endif
	value = SysCacheGetAttr(STATEXTOID, tuple, Anum_pg_statistic_ext_stxexprs,
							&isnull);
	if (!isnull)
		statistics->expressions = stringToNode(TextDatumGetCString(value));
	statistics->reads =
		bms_add_members(statistics->reads,
						ec_twin_reads((Node *) statistics->expressions));
	ReleaseSysCache(tuple);
	return statistics;
}

static List *
statistics_of(Oid relation)
{
	Relation table = table_open(relation, AccessShareLock);
	List *found = NIL;
	ListCell *cell;

	foreach (cell, RelationGetStatExtList(table))
	{
		Statistics *statistics = read_statistics(lfirst_oid(cell));

		if (statistics != NULL)
			found = lappend(found, statistics);
	}
	table_close(table, AccessShareLock);
	return found;
}

/* Statistics on several things need to put their values in order. */
static bool
has_order(Oid type)
{
	return OidIsValid(lookup_type_cache(type, TYPECACHE_LT_OPR)->lt_opr);
}

static int
by_number(const ListCell *left, const ListCell *right)
{
	return lfirst_int(left) - lfirst_int(right);
}

/*
 * What they are on, as CREATE STATISTICS takes it, for the twin if retype is
 * given; columns in the order in which the server keeps them.
 */
static char *
describe(const Statistics *statistics, Oid relation, const EcRetype *retype,
		 char **error)
{
	bool is_single =
		statistics->columns == NIL && list_length(statistics->expressions) == 1;
	List *columns = NIL;
	StringInfoData text;
	ListCell *cell;

	foreach (cell, statistics->columns)
	{
		const EcTwinPair *pair =
			retype == NULL ? NULL : ec_twin_pair(retype, lfirst_int(cell));

		columns = lappend_int(columns, pair == NULL ? lfirst_int(cell) : pair->to);
	}
	list_sort(columns, by_number);
	initStringInfo(&text);
	foreach (cell, columns)
	{
		Oid type = get_atttype(relation, lfirst_int(cell));

		if (!has_order(type))
			*error = psprintf("type %s has no default B-tree operator class",
							  format_type_be(type));
		appendStringInfo(&text, "%s%s", text.len > 0 ? ", " : "",
						 quote_identifier(
							 get_attname(relation, lfirst_int(cell), false)));
	}
	foreach (cell, statistics->expressions)
	{
		EcTwinExpression result = ec_twin_translate(relation, retype, lfirst(cell),
													EXPR_KIND_STATS_EXPRESSION);

		if (result.error != NULL)
		{
			*error = result.error;
			return NULL;
		}
		if (!is_single && !has_order(exprType(result.node)))
			*error = psprintf("type %s has no default B-tree operator class",
							  format_type_be(exprType(result.node)));
		appendStringInfo(&text, "%s(%s)", text.len > 0 ? ", " : "", result.text);
	}
	return psprintf("%s%s%s ON %s", is_single ? "" : "(",
					is_single ? "" : statistics->kinds, is_single ? "" : ")",
					text.data);
}

static Statistics *
find_twin(const EcRetype *retype, const EcTwinPlan *plan, List *all,
		  const Statistics *source, const char *definition)
{
	ListCell *cell;

	foreach (cell, all)
	{
		Statistics *statistics = lfirst(cell);
		char *error = NULL;
		char *known;

		if (!bms_overlap(statistics->reads, retype->to) ||
			statistics->space != source->space || statistics->owner != source->owner ||
			list_member_oid(plan->taken, statistics->oid))
			continue;
		known = describe(statistics, retype->relation, NULL, &error);
		if (known != NULL && strcmp(known, definition) == 0)
			return statistics;
	}
	return NULL;
}

/* Statistics have names of their own in a schema. */
static char *
free_name(const EcRetype *retype, EcTwinPlan *plan, const Statistics *source,
		  const char *label)
{
	for (;;)
	{
		char *name = ec_twin_free_name(retype, plan, source->name, label);

		if (!SearchSysCacheExists2(STATEXTNAMENSP, CStringGetDatum(name),
								   ObjectIdGetDatum(source->space)))
			return name;
	}
}

static char *
full_name(const Statistics *statistics, const char *name)
{
	return quote_qualified_identifier(get_namespace_name(statistics->space), name);
}

/* Why the table's owner cannot do that; NULL if it can. */
static char *
obstacle(const EcRetype *retype, const Statistics *source)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	char *reason = NULL;

	ec_arg_oid(&args, retype->relation);
	ec_arg_oid(&args, source->oid);
	ec_catalog_begin(&scope);
	if (ec_query("SELECT CASE WHEN s.stxowner <> c.relowner"
				 "            THEN 'they have another owner than the table (ALTER STATISTICS … OWNER TO before)'"
				 "            WHEN NOT has_schema_privilege(c.relowner, s.stxnamespace, 'CREATE')"
				 "            THEN 'the table''s owner may not create in their schema (GRANT CREATE ON SCHEMA before)'"
				 "            WHEN EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_statistic_ext'::regclass"
				 "                            AND d.objid = s.oid AND d.deptype IN ('e', 'x'))"
				 "            THEN 'an extension has them (DROP STATISTICS before, and create them after)' END"
				 "  FROM pg_statistic_ext s JOIN pg_class c ON c.oid = $1 WHERE s.oid = $2",
				 &args) > 0)
		reason = ec_get_text(0, 1);
	ec_catalog_end(&scope);
	return reason;
}

static void
swap_names(const EcRetype *retype, EcTwinPlan *plan, const Statistics *source,
		   const Statistics *twin)
{
	char *comment = GetComment(source->oid, StatisticExtRelationId, 0);
	char *there = GetComment(twin->oid, StatisticExtRelationId, 0);

	ec_twin_swap(plan, EC_SWAP_NAMES,
				 psprintf("ALTER STATISTICS %s RENAME TO %s",
						  full_name(source, source->name),
						  quote_identifier(free_name(retype, plan, source,
													 retype->old_label))));
	ec_twin_swap(plan, EC_SWAP_NAMES,
				 psprintf("ALTER STATISTICS %s RENAME TO %s",
						  full_name(twin, twin->name),
						  quote_identifier(source->name)));
	if (comment != NULL || there != NULL)
		ec_twin_swap(plan, EC_SWAP_GIVE,
					 psprintf("COMMENT ON STATISTICS %s IS %s",
							  full_name(source, source->name),
							  comment == NULL ? "NULL"
											  : quote_literal_cstr(comment)));
}

static void
look_at(const EcRetype *retype, EcTwinPlan *plan, List *all, const Statistics *source)
{
	char *what = psprintf("statistics \"%s\"", source->name);
	char *error = obstacle(retype, source);
	char *definition;
	Statistics *twin;

	if (error != NULL)
	{
		ec_twin_refuse(plan, psprintf("%s: %s", what, error));
		return;
	}
	definition = describe(source, retype->relation, retype, &error);
	if (error == NULL && bms_overlap(source->reads, retype->to))
		error = "they read the new column, too";
	if (error != NULL)
	{
		ec_twin_refuse(plan,
					   psprintf("%s: %s (DROP STATISTICS %s before, and create others after)",
								what, error, full_name(source, source->name)));
		return;
	}
	twin = find_twin(retype, plan, all, source, definition);
	if (twin == NULL)
	{
		ec_twin_step(plan, what,
					 psprintf("CREATE STATISTICS %s %s FROM %s",
							  full_name(source, free_name(retype, plan, source,
														  retype->label)),
							  definition, retype->table));
		return;
	}
	plan->taken = lappend_oid(plan->taken, twin->oid);
	if (twin->target != source->target)
		ec_twin_step(plan, what,
					 psprintf("ALTER STATISTICS %s SET STATISTICS %d",
							  full_name(twin, twin->name), source->target));
	else
		swap_names(retype, plan, source, twin);
}

static void
look(const EcRetype *retype, EcTwinPlan *plan)
{
	List *all = statistics_of(retype->relation);
	ListCell *cell;

	foreach (cell, all)
	{
		const Statistics *statistics = lfirst(cell);

		if (bms_overlap(statistics->reads, retype->from))
			look_at(retype, plan, all, statistics);
	}
}

const EcTwinKind ec_twin_statistics = {"statistics", look};
