/*
 * change_type.c
 *		ec_change_type: another type for columns that keep their names.
 *
 * Each column gets a shadow of the new type, and an ordinary change keeps the
 * two in step.  The cutover swaps their names (twins/twins.h).
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "parser/parse_type.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "core/catalog.h"
#include "core/hint.h"
#include "core/guc.h"
#include "core/json.h"
#include "core/lock_retry.h"
#include "core/pinned.h"
#include "core/query.h"
#include "core/rights.h"
#include "dualwrite/mapping.h"
#include "dualwrite/safe.h"
#include "dualwrite/table.h"
#include "model/change.h"
#include "model/owner.h"
#include "twins/twins.h"
#include "twins/view.h"
#include "expand_contract.h"

PG_FUNCTION_INFO_V1(ec_change_type);

/* of dualwrite/expand.c, which takes the names that are kept as one more */
extern Datum ec_expand(PG_FUNCTION_ARGS);

typedef struct Column
{
	char *name;
	AttrNumber attnum;
	Oid old_type;
	int32 old_typmod;
	Oid type;
	int32 typmod;
	char *sql_type;  /* as SQL, qualified */
	char *shadow;    /* the name of the new column */
	char *collation; /* as SQL; NULL: the type's */
	const char *forward;
	const char *backward;
	bool is_total; /* backward cannot fail */
} Column;

typedef struct Call
{
	char *change;
	Oid relation;
	Jsonb *types;
	Jsonb *forward; /* "using" */
	Jsonb *backward;
	text *on_error;
	List *columns; /* of Column */
	bool is_done;
} Call;

#define EXAMPLE_HINT                                                           \
	"As in SELECT ec_change_type('042', 'orders', '{\"id\": \"bigint\"}')."

/* ---------------------------------------------------------------- arguments */

static char *
entry_of(const Jsonb *object, const char *argument, const char *name)
{
	JsonbValue key;
	JsonbValue *value;

	if (object == NULL)
		return NULL;
	if (!JB_ROOT_IS_OBJECT(object))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"%s\" must be a JSON object", argument),
						ec_errhint(EXAMPLE_HINT)));
	key.type = jbvString;
	key.val.string.val = unconstify(char *, name);
	key.val.string.len = strlen(name);
	value = findJsonbValueFromContainer(unconstify(JsonbContainer *, &object->root),
										JB_FOBJECT, &key);
	if (value == NULL)
		return NULL;
	if (value->type != jbvString)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must have strings as values", argument),
				 errdetail("The value for \"%s\" is not.", name),
				 ec_errhint(EXAMPLE_HINT)));
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static List *
names_in(const Jsonb *object, const char *argument)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue part;
	List *names = NIL;

	if (object == NULL)
		return NIL;
	if (!JB_ROOT_IS_OBJECT(object))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"%s\" must be a JSON object", argument),
						ec_errhint(EXAMPLE_HINT)));
	iterator = JsonbIteratorInit(unconstify(JsonbContainer *, &object->root));
	while ((token = JsonbIteratorNext(&iterator, &part, true)) != WJB_DONE)
		if (token == WJB_KEY)
			names = lappend(names,
							pnstrdup(part.val.string.val, part.val.string.len));
	return names;
}

static void
require_names_of_types(const Call *call, const Jsonb *object, const char *argument)
{
	ListCell *cell;

	foreach (cell, names_in(object, argument))
		if (entry_of(call->types, "types", lfirst(cell)) == NULL)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("argument \"%s\" names column \"%s\", which gets no other type",
								   argument, (char *) lfirst(cell)),
							errdetail("Argument \"types\" does not name it."),
							errhint("Name it there too, or leave it out.")));
}

static void
read_arguments(FunctionCallInfo fcinfo, Call *call)
{
	static const char *const needed[] = {"change", "relation", "types"};

	for (int i = 0; i < lengthof(needed); i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("argument \"%s\" must not be null", needed[i]),
							ec_errhint(EXAMPLE_HINT)));
	call->change = ec_change_argument(fcinfo, 0);
	call->relation = PG_GETARG_OID(1);
	call->types = PG_GETARG_JSONB_P(2);
	call->forward = PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3);
	call->backward = PG_ARGISNULL(4) ? NULL : PG_GETARG_JSONB_P(4);
	call->on_error =
		PG_ARGISNULL(5) ? cstring_to_text("record") : PG_GETARG_TEXT_PP(5);
	if (names_in(call->types, "types") == NIL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"types\" must not be empty"),
						ec_errhint(EXAMPLE_HINT)));
	require_names_of_types(call, call->forward, "using");
	require_names_of_types(call, call->backward, "backward");
}

/* ------------------------------------------------------------------ columns */

static void
read_type(const char *text, const char *name, Column *column)
{
	Type type;

#if PG_VERSION_NUM >= 160000
	(void) parseTypeString(text, &column->type, &column->typmod, NULL);
#else
	parseTypeString(text, &column->type, &column->typmod, false);
#endif
	type = typeidType(column->type);
	if (get_typtype(column->type) == TYPTYPE_PSEUDO)
		ereport(ERROR, (errcode(ERRCODE_INVALID_TABLE_DEFINITION),
						errmsg("column \"%s\" has pseudo-type %s", name,
							   format_type_be(column->type))));
	ReleaseSysCache(type);
	column->sql_type = format_type_extended(column->type, column->typmod,
											FORMAT_TYPE_TYPEMOD_GIVEN |
												FORMAT_TYPE_FORCE_QUALIFY);
}

static char *
shadow_name(Oid relation, const char *name)
{
	for (int pass = 0;; pass++)
	{
		char *choice =
			makeObjectName(name, NULL,
						   pass == 0 ? "_new" : psprintf("_new%d", pass));

		if (get_attnum(relation, choice) == InvalidAttrNumber)
			return choice;
	}
}

static Column *
read_column(const Call *call, Relation relation, const char *name)
{
	Column *column = palloc0(sizeof(Column));
	Form_pg_attribute attribute;

	column->name = pstrdup(name);
	column->attnum = get_attnum(call->relation, name);
	if (column->attnum == InvalidAttrNumber)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
						errmsg("column \"%s\" of relation \"%s\" does not exist",
							   name, RelationGetRelationName(relation)),
						ec_errhint(EXAMPLE_HINT)));
	if (column->attnum < 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("system column \"%s\" cannot get another type", name)));
	attribute = TupleDescAttr(RelationGetDescr(relation), column->attnum - 1);
	column->old_type = attribute->atttypid;
	column->old_typmod = attribute->atttypmod;
	read_type(entry_of(call->types, "types", name), name, column);
	if (column->type == column->old_type && column->typmod == column->old_typmod)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" of table \"%s\" is of type %s already",
						name, RelationGetRelationName(relation), column->sql_type),
				 errhint("Leave it out.")));
	/* a collation that is not the type's own stays, where the new type has one */
	if (OidIsValid(attribute->attcollation) &&
		attribute->attcollation != get_typcollation(column->old_type) &&
		OidIsValid(get_typcollation(column->type)))
		column->collation = ec_collation_name(attribute->attcollation);
	column->shadow = shadow_name(call->relation, name);
	return column;
}

static const char *
limits_of(Oid type)
{
	return type == INT2OID ? "-32768 AND 32767"
		   : type == INT4OID
			   ? "'-2147483648'::pg_catalog.int4 AND 2147483647"
			   : "'-9223372036854775808'::pg_catalog.int8 AND 9223372036854775807";
}

static bool
is_integer(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

/* The mappings, as the caller gave them or by casts. */
static void
map_column(const Call *call, Column *column)
{
	const char *name = pstrdup(quote_identifier(column->name));
	const char *shadow = pstrdup(quote_identifier(column->shadow));
	const char *old_type =
		format_type_extended(column->old_type, column->old_typmod,
							 FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);
	char *given = entry_of(call->backward, "backward", column->name);

	column->forward = entry_of(call->forward, "using", column->name);
	if (column->forward == NULL)
		column->forward = psprintf("CAST(%s AS %s)", name, column->sql_type);
	/* "using" names the column, and so "backward" names it too, and means the new */
	column->backward = given;
	column->is_total = given != NULL;
	if (given != NULL)
		return;
	if (is_integer(column->old_type) &&
		(is_integer(column->type) || column->type == NUMERICOID))
	{
		column->is_total = true;
		column->backward =
			psprintf("CASE WHEN %s BETWEEN %s THEN CAST(%s AS %s) END", shadow,
					 limits_of(column->old_type), shadow, old_type);
	}
	else
		column->backward = psprintf("CAST(%s AS %s)", shadow, old_type);
}

static Jsonb *
as_object(const Call *call, int which)
{
	EcJsonWriter writer;
	ListCell *cell;

	ec_json_begin(&writer);
	foreach (cell, call->columns)
	{
		const Column *column = lfirst(cell);

		if (which == 0)
			ec_json_text(&writer, column->shadow, column->forward);
		else if (which == 1)
			ec_json_text(&writer, column->name, column->backward);
		else
			ec_json_text(&writer, column->name, column->shadow);
	}
	return ec_json_end(&writer);
}

/* -------------------------------------------------------------- the change */

static void
add_shadows(const Call *call)
{
	StringInfoData sql;
	EcRights outer;
	ListCell *cell;

	initStringInfo(&sql);
	foreach (cell, call->columns)
	{
		const Column *column = lfirst(cell);

		appendStringInfo(&sql, "%s ADD COLUMN %s %s", sql.len > 0 ? "," : "",
						 quote_identifier(column->shadow), column->sql_type);
		if (column->collation != NULL)
			appendStringInfo(&sql, " COLLATE %s", column->collation);
	}
	ec_become(&outer, ec_relation_owner(call->relation));
	ec_run_ddl(psprintf("ALTER TABLE %s%s", ec_relation_name(call->relation),
						sql.data));
	ec_become_caller(&outer);
	CommandCounterIncrement();
}

static void
retype_of(const Call *call, EcRetype *retype)
{
	ListCell *cell;

	memset(retype, 0, sizeof(*retype));
	retype->change = call->change;
	retype->relation = call->relation;
	retype->space = get_rel_namespace(call->relation);
	retype->table = ec_relation_name(call->relation);
	retype->label = "_new";
	retype->old_label = "_old";
	foreach (cell, call->columns)
	{
		const Column *column = lfirst(cell);
		EcTwinPair *pair = palloc0(sizeof(EcTwinPair));

		pair->from = column->attnum;
		pair->to = get_attnum(call->relation, column->shadow);
		pair->from_name = column->name;
		pair->to_name = column->shadow;
		retype->pairs = lappend(retype->pairs, pair);
		retype->from = bms_add_member(retype->from, pair->from);
		retype->to = bms_add_member(retype->to, pair->to);
	}
}

/* All reasons at once. */
static void
refuse_what_has_no_twin(const Call *call)
{
	EcTwinPlan *plan;
	EcRetype retype;

	retype_of(call, &retype);
	plan = ec_twins_look(&retype);
	ec_twins_try_views(&retype, plan);
	if (plan->refused == NIL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("columns of table \"%s\" cannot get another type under their names",
					get_rel_name(call->relation)),
			 errdetail("In the way: %s.", ec_twins_list(plan->refused, ";\n")),
			 ec_errhint(
				 "Do what stands in parentheses, or use ec_expand with a column of another name.")));
}

static const char *
shadow_of(const Call *call, const char *name)
{
	ListCell *cell;

	foreach (cell, call->columns)
	{
		const Column *column = lfirst(cell);

		if (strcmp(column->name, name) == 0)
			return column->shadow;
	}
	return name;
}

static bool
is_total(const Call *call, const char *name)
{
	ListCell *cell;

	foreach (cell, call->columns)
	{
		const Column *column = lfirst(cell);

		if (strcmp(column->name, name) == 0)
			return column->is_total;
	}
	return false;
}

/*
 * A backward mapping that can fail would leave the old column behind, and so
 * the way back.
 */
static void
require_total_backward(const Call *call)
{
	Relation relation = table_open(call->relation, AccessShareLock);
	List *entries = ec_mapping_analyse(relation, relation, as_object(call, 1),
									   "backward", true);
	ListCell *cell;

	foreach (cell, entries)
	{
		const EcMappedColumn *entry = lfirst(cell);

		if (!is_total(call, entry->name) && ec_can_fail(entry->analysed))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("column \"%s\" needs a way back", entry->name),
					 errdetail("The cast %s can fail for a value of the new type.",
							   entry->expression),
					 errhint("Give argument \"backward\" an expression over column \"%s\" that yields NULL for what does not fit, for example CASE WHEN … THEN %s END.",
							 shadow_of(call, entry->name), entry->expression)));
	}
	table_close(relation, AccessShareLock);
}

static void
expand(const Call *call, Jsonb *forward, Jsonb *backward, Jsonb *kept_names)
{
	LOCAL_FCINFO(fcinfo, 10);
	FmgrInfo function = {0};

	function.fn_nargs = 10;
	function.fn_mcxt = CurrentMemoryContext;
	InitFunctionCallInfoData(*fcinfo, &function, 10, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = CStringGetTextDatum(call->change);
	fcinfo->args[1].value = ObjectIdGetDatum(call->relation);
	fcinfo->args[2].value = JsonbPGetDatum(forward);
	fcinfo->args[3].value = JsonbPGetDatum(backward);
	fcinfo->args[7].value = PointerGetDatum(call->on_error);
	fcinfo->args[9].value = JsonbPGetDatum(kept_names);
	for (int i = 0; i < 10; i++)
		fcinfo->args[i].isnull =
			i != 0 && i != 1 && i != 2 && i != 3 && i != 7 && i != 9;
	(void) ec_expand(fcinfo);
}

/* Is the change registered, for these columns and types? */
static bool
is_registered(const Call *call, EcChange *change)
{
	EcChange known;
	EcRetype retype;
	ListCell *cell;
	bool same;

	if (!ec_change_load(call->change, &known) || ec_change_is_over(&known))
		return false;
	same = known.kept_names != NULL && known.relation == call->relation;
	if (same)
	{
		ec_retype_of(&known, &retype);
		same = list_length(retype.pairs) ==
			   list_length(names_in(call->types, "types"));
		foreach (cell, same ? retype.pairs : NIL)
		{
			const EcTwinPair *pair = lfirst(cell);
			char *text = entry_of(call->types, "types", pair->from_name);
			Column column = {0};
			Oid type;
			int32 typmod;
			Oid collation;

			if (text != NULL)
				read_type(text, pair->from_name, &column);
			get_atttypetypmodcoll(call->relation,
								  ec_old_is_authority(&known) ? pair->to : pair->from,
								  &type, &typmod, &collation);
			same = same && text != NULL && column.type == type &&
				   column.typmod == typmod;
		}
	}
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("change \"%s\" exists already, and differs", call->change),
				 errhint("Choose another name, or end that change first.")));
	*change = known;
	return true;
}

/*
 * In a restored database, or where the trigger has gone, the change is set up
 * again.  Once the names are swapped, its columns are not those of the first
 * call any more, and it goes on as it is.
 */
static void
renew(Call *call, const EcChange *known)
{
	call->is_done = true;
	if (!ec_old_is_authority(known) ||
		(!known->is_restored &&
		 ec_has_dual_writes(known->relation, ec_change_trigger_name(known->name))))
		return;
	call->is_done = false;
	expand(call, known->forward, known->backward, known->kept_names);
}

/*
 * The views are tried with the new types.  Readers of a view lock it before the
 * table, so in the other order each try would end in a deadlock.
 */
static void
lock_views(const Call *call)
{
	EcRetype retype = {.relation = call->relation};
	ListCell *cell;

	foreach (cell, names_in(call->types, "types"))
	{
		EcTwinPair *pair = palloc0(sizeof(EcTwinPair));

		pair->from = get_attnum(call->relation, lfirst(cell));
		retype.pairs = lappend(retype.pairs, pair);
	}
	foreach (cell, ec_twin_views(&retype))
		LockRelationOid(lfirst_oid(cell), AccessExclusiveLock);
	foreach (cell, ec_twin_tables_of_rules(&retype))
		LockRelationOid(lfirst_oid(cell), AccessExclusiveLock);
}

static void
change_type(void *arg)
{
	Call *call = arg;
	Relation relation;
	EcChange known;
	ListCell *cell;

	lock_views(call);
	LockRelationOid(call->relation, AccessExclusiveLock);
	if (is_registered(call, &known))
	{
		renew(call, &known);
		return;
	}
	relation = table_open(call->relation, NoLock);
	ec_check_dual_write_table(relation);
	ec_require_acting_as(relation->rd_rel->relowner,
						 psprintf("change \"%s\"", call->change));
	call->columns = NIL;
	foreach (cell, names_in(call->types, "types"))
	{
		Column *column = read_column(call, relation, lfirst(cell));

		map_column(call, column);
		call->columns = lappend(call->columns, column);
	}
	table_close(relation, NoLock);
	add_shadows(call);
	refuse_what_has_no_twin(call);
	require_total_backward(call);
	expand(call, as_object(call, 0), as_object(call, 1), as_object(call, 2));
}

static ErrorData *
try_change_type(void *arg, int lock_wait_ms)
{
	return ec_try_work(change_type, arg, lock_wait_ms);
}

static void
tell_what_is_not_cured(void)
{
	ereport(NOTICE,
			(errmsg("the cutover changes the type that applications see"),
			 errdetail("Prepared statements that return one of the columns fail then, until they are prepared again. Functions with arguments or variables of the old type keep it. A subscriber needs the new columns first. The new columns come last in SELECT *, and an INSERT without a list of columns fails while the change lasts."),
			 ec_errhint(
				 "ec_prepare comes after the backfill; then ec_verify_change and ec_cutover.")));
}

/*
 * ec_change_type(change, relation, types, using, backward, on_error) →
 *		 'expanded' or 'unchanged'
 *
 * Registers a change that gives columns another type and keeps their names.
 * types is {"column": "type"}; using gives the expression over the old column
 * where a cast is not what is wanted; backward likewise over the new column,
 * "<name>__new", NULL for values that the old type cannot hold.
 *
 * Only the owner of the table may call it (42501).  Raises 0A000, with all
 * reasons, for what cannot keep its names, and for a backward cast that can
 * fail; 42710 if another change has that name; 55P03 if the table's lock could
 * not be obtained within expand_contract.lock_timeout; and the errors of
 * ec_expand.
 */
Datum
ec_change_type(PG_FUNCTION_ARGS)
{
	Call call = {0};
	ErrorData *error;

	read_arguments(fcinfo, &call);
	ec_look_at_dual_write_table(call.relation);
	error = ec_try_for_locks(try_change_type, &call, ec_lock_timeout);
	if (error != NULL)
		ec_raise_lock_timeout(error, call.relation, "Nothing has changed.");
	if (!call.is_done)
		tell_what_is_not_cured();
	PG_RETURN_TEXT_P(cstring_to_text(call.is_done ? "unchanged" : "expanded"));
}
