/*
 * route.c
 *		A route: one direction of a change between two tables, in the compiled
 *		form that the triggers of one table execute.
 *
 * A route that has become invalid may still be in use further up the stack:
 * the target's own triggers may write to the source, with a DDL command in
 * between. So it is freed only at the end of the transaction.
 */
#include "postgres.h"

#include "access/nbtree.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "core/catalog.h"
#include "core/sequence.h"
#include "dualwrite/mapping.h"
#include "dualwrite/sequences.h"
#include "model/owner.h"
#include "dualwrite/tables/route.h"
#include "dualwrite/table.h"
#include "dualwrite/tables/temporary.h"
#include "expand_contract.h"

typedef struct RouteKey
{
	Oid source;
	char change[NAMEDATALEN];
} RouteKey;

typedef struct RouteEntry
{
	RouteKey key;
	bool is_valid;
	bool has_warned;
	EcRoute *route;
} RouteEntry;

static HTAB *routes = NULL;

static void
forget_relation(Datum arg, Oid relation)
{
	HASH_SEQ_STATUS scan;
	RouteEntry *entry;

	hash_seq_init(&scan, routes);
	while ((entry = hash_seq_search(&scan)) != NULL)
		if (!OidIsValid(relation) || entry->route == NULL ||
			entry->key.source == relation || entry->route->target == relation ||
			entry->route->source_root == relation ||
			list_member_oid(entry->route->below, relation))
			entry->is_valid = false;
}

/* A function or an ownership has changed. */
static void
forget_all(Datum arg, int cache, uint32 hash)
{
	forget_relation(arg, InvalidOid);
}

static void
start_cache(void)
{
	HASHCTL control = {0};

	control.keysize = sizeof(RouteKey);
	control.entrysize = sizeof(RouteEntry);
	control.hcxt = TopMemoryContext;
	routes = hash_create("expand_contract routes", 16, &control,
						 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	CacheRegisterRelcacheCallback(forget_relation, (Datum) 0);
	CacheRegisterSyscacheCallback(PROCOID, forget_all, (Datum) 0);
}

/*
 * True if the relation currently is this table, or a partition or child of it.
 */
static bool
belongs_to(Relation relation, Oid table)
{
	Oid type;

	if (RelationGetRelid(relation) == table)
		return true;
	type = get_rel_type_id(table);
	return OidIsValid(type) && OidIsValid(relation->rd_rel->reltype) &&
		   typeInheritsFrom(relation->rd_rel->reltype, type);
}

/*
 * Returns false if a column that the expressions read does not exist any more.
 */
static bool
find_sources(EcRoute *route, Relation source, const EcChange *change)
{
	EcSide side = route->is_forward ? EC_SIDE_OLD : EC_SIDE_NEW;
	Relation root = try_table_open(route->source_root, AccessShareLock);
	ListCell *cell;
	bool found = root != NULL;

	for (int i = 0; i < RelationGetNumberOfAttributes(source); i++)
		route->names = lappend(route->names, makeString(""));
	foreach (cell, change->columns)
	{
		EcChangeColumn *column = lfirst(cell);
		AttrNumber attnum;

		if (column->side != side || !found)
			continue;
		attnum = ec_leaf_attnum(source, root, column->attnum);
		found = attnum > 0;
		if (!found)
			break;
		lfirst(list_nth_cell(route->names, attnum - 1)) = makeString(column->name);
		if (column->key_position > 0)
			route->identity = bms_add_member(route->identity, attnum);
	}
	if (root != NULL)
		table_close(root, AccessShareLock);
	return found;
}

static void
add_target(EcRoute *route, Relation target, const EcChangeColumn *known,
		   AttrNumber attnum)
{
	EcRouteColumn *column = &route->columns[route->column_count++];

	column->attnum = attnum;
	column->name = pstrdup(
		NameStr(TupleDescAttr(RelationGetDescr(target), attnum - 1)->attname));
	column->known = known;
}

/*
 * The columns of the key come first, in its order.  Returns false if a column
 * does not exist any more.
 */
static bool
find_targets(EcRoute *route, Relation target, const EcChange *change)
{
	EcSide side = route->is_forward ? EC_SIDE_NEW : EC_SIDE_OLD;
	int count = list_length(change->columns);

	route->columns = palloc0(sizeof(EcRouteColumn) * Max(1, count));
	for (int position = 1; position <= count + 1; position++)
	{
		ListCell *cell;

		foreach (cell, change->columns)
		{
			EcChangeColumn *known = lfirst(cell);
			AttrNumber attnum;

			if (known->side != side || known->expression == NULL ||
				known->key_position != (position <= count ? position : 0))
				continue;
			attnum = ec_leaf_attnum(target, target, known->attnum);
			if (attnum <= 0)
				return false;
			add_target(route, target, known, attnum);
			if (position <= count)
				route->key_count++;
		}
	}
	return route->key_count > 0;
}

static TupleDesc
describe(const EcRoute *route, Relation target, int count)
{
	TupleDesc description = CreateTemplateTupleDesc(count);

	for (int i = 0; i < count; i++)
		TupleDescCopyEntry(description, i + 1, RelationGetDescr(target),
						   route->columns[i].attnum);
	return description;
}

/*
 * Returns "ONLY schema.table AS t", because children of the target do not
 * belong to the change.
 */
static char *
target_name(Relation target)
{
	return psprintf("%s%s",
					target->rd_rel->relkind == RELKIND_RELATION ? "ONLY " : "",
					ec_relation_name(RelationGetRelid(target)));
}

/*
 * All names are qualified, including operators, so that replanning under
 * another search_path gives the same statement.
 */
static char *
make_key_condition(const EcRoute *route, Relation target)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < route->key_count; i++)
	{
		const EcRouteColumn *column = &route->columns[i];
		const char *name = quote_identifier(column->name);
		Oid type =
			TupleDescAttr(RelationGetDescr(target), column->attnum - 1)->atttypid;
		Oid equality = lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr;

		if (i > 0)
			appendStringInfoString(&sql, " AND ");
		generate_operator_clause(&sql, psprintf("t.%s", name), type, equality,
								 psprintf("g.%s", name), type);
	}
	return sql.data;
}

/* Returns "one of these columns differs in its binary image". */
static char *
make_differs(const EcRoute *route, int from, int to, const char *other)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = from; i < to; i++)
	{
		const char *name = quote_identifier(route->columns[i].name);

		appendStringInfo(&sql, "%sexpand_contract.differs(t.%s, %s.%s)",
						 i > from ? " OR " : "", name, other, name);
	}
	return from < to ? sql.data : "false";
}

/* Returns "the keys are equal but differ in their binary image". */
static char *
make_other_image(const EcRoute *route, const char *other)
{
	return make_differs(route, 0, route->key_count, other);
}

static void
append_names(StringInfo sql, const EcRoute *route, int count)
{
	for (int i = 0; i < count; i++)
		appendStringInfo(sql, "%s%s", i > 0 ? ", " : "",
						 quote_identifier(route->columns[i].name));
}

/* Rows that are already right are not updated. */
static char *
make_put_sql(const EcRoute *route, Relation target)
{
	StringInfoData sql;
	char *differs =
		make_differs(route, route->key_count, route->column_count, "excluded");

	initStringInfo(&sql);
	appendStringInfo(&sql, "INSERT INTO %s AS t (",
					 ec_relation_name(RelationGetRelid(target)));
	append_names(&sql, route, route->column_count);
	appendStringInfoString(&sql, ") SELECT ");
	append_names(&sql, route, route->column_count);
	appendStringInfoString(&sql, " FROM " EC_PUT_ROWS " ON CONFLICT (");
	append_names(&sql, route, route->key_count);
	if (route->column_count == route->key_count)
	{
		appendStringInfoString(&sql, ") DO NOTHING");
		return sql.data;
	}
	appendStringInfoString(&sql, ") DO UPDATE SET ");
	for (int i = route->key_count; i < route->column_count; i++)
	{
		const char *name = quote_identifier(route->columns[i].name);

		appendStringInfo(&sql, "%s%s = excluded.%s",
						 i > route->key_count ? ", " : "", name, name);
	}
	if (route->by_image)
		appendStringInfo(&sql, " WHERE (%s) AND NOT (%s)", differs,
						 make_other_image(route, "excluded"));
	else
		appendStringInfo(&sql, " WHERE %s", differs);
	return sql.data;
}

static void
make_statements(EcRoute *route, Relation target)
{
	char *condition = make_key_condition(route, target);
	char *same = condition;

	if (route->by_image)
	{
		char *other = make_other_image(route, "g");

		same = psprintf("%s AND NOT (%s)", condition, other);
		route->clash_sql = psprintf("SELECT FROM %s AS t, " EC_PUT_ROWS
									" AS g WHERE %s AND (%s) LIMIT 1",
									target_name(target), condition, other);
	}
	route->put_sql = make_put_sql(route, target);
	route->gone_sql =
		psprintf("DELETE FROM %s AS t USING " EC_GONE_ROWS " AS g WHERE %s",
				 target_name(target), same);
	route->gone_rows =
		psprintf("SELECT FROM %s AS t, " EC_GONE_ROWS " AS g WHERE %s",
				 target_name(target), same);
	route->changed_rows =
		psprintf("SELECT FROM %s AS t, " EC_PUT_ROWS " AS g WHERE %s AND (%s)",
				 target_name(target), same,
				 make_differs(route, route->key_count, route->column_count, "g"));
}

/*
 * True if values of the type can be equal and yet differ, as with numeric or
 * citext.
 */
static bool
has_equal_values(Form_pg_attribute column)
{
	TypeCacheEntry *type = lookup_type_cache(getBaseType(column->atttypid),
											 TYPECACHE_BTREE_OPFAMILY);
	Oid function;

	if (!OidIsValid(type->btree_opf))
		return true;
	function = get_opfamily_proc(type->btree_opf, type->btree_opintype,
								 type->btree_opintype, BTEQUALIMAGE_PROC);
	return !OidIsValid(function) ||
		   !DatumGetBool(
			   OidFunctionCall1Coll(function, column->attcollation,
									ObjectIdGetDatum(type->btree_opintype)));
}

/*
 * True if two different keys of the source may be equal in the target.  Then a
 * row of the target corresponds to the row of the source whose key has the
 * same binary image.
 */
static bool
may_have_equal_keys(const EcRoute *route, Relation target)
{
	for (int i = 0; i < route->key_count; i++)
	{
		Form_pg_attribute column =
			TupleDescAttr(RelationGetDescr(target), route->columns[i].attnum - 1);
		Node *expression = (Node *) route->columns[i].expression;

		if (IsA(expression, Var) && exprType(expression) == column->atttypid &&
			exprCollation(expression) == column->attcollation)
			continue;
		if (has_equal_values(column))
			return true;
	}
	return false;
}

static int
by_name(const void *left, const void *right)
{
	return strcmp(((const EcQueueColumn *) left)->known_as,
				  ((const EcQueueColumn *) right)->known_as);
}

/*
 * Determines the columns, sorted by name, by which the queue identifies a row
 * of the source.
 */
static void
describe_queue(EcRoute *route, Relation source)
{
	EcQueueColumn *key;
	int member = -1;

	key = palloc0(sizeof(EcQueueColumn) * Max(1, bms_num_members(route->identity)));
	route->queue.columns = key;
	route->queue.count = 0;
	while ((member = bms_next_member(route->identity, member)) >= 0)
	{
		key[route->queue.count].attnum = member;
		key[route->queue.count++].known_as =
			strVal(list_nth(route->names, member - 1));
	}
	qsort(key, route->queue.count, sizeof(EcQueueColumn), by_name);
}

static bool
compile_tables(EcRoute *route, Relation source, const EcChange *change)
{
	Relation target = try_table_open(route->target, AccessShareLock);
	bool found = target != NULL;

	found = found && find_sources(route, source, change) &&
			find_targets(route, target, change);
	if (found)
	{
		route->owner = ec_change_role(change);
		route->put = describe(route, target, route->column_count);
		route->gone = describe(route, target, route->key_count);
		make_statements(route, target);
		describe_queue(route, source);
	}
	if (target != NULL)
		table_close(target, AccessShareLock);
	return found;
}

static void
compile(EcRoute *route, Relation source, const char *name)
{
	EcChange change;

	route->source = RelationGetRelid(source);
	if (!ec_change_load(name, &change) || !OidIsValid(change.target))
		return;
	route->is_forward = belongs_to(source, change.relation);
	if (!route->is_forward &&
		(change.backward == NULL || !belongs_to(source, change.target)))
		return;
	route->source_root = route->is_forward ? change.relation : change.target;
	route->target = route->is_forward ? change.target : change.relation;
	route->is_on = change.dual_write;
	route->records = change.records;
	route->pinned = ec_pinned(change.settings);
	route->change_columns = change.columns;
	route->queue.change = change.name;
	route->direction = route->is_forward ? "forward" : "backward";
	route->is_found = compile_tables(route, source, &change);
}

static void
free_plans(void *arg)
{
	EcRoute *route = arg;

	if (route->put_plan != NULL)
		SPI_freeplan(route->put_plan);
	if (route->gone_plan != NULL)
		SPI_freeplan(route->gone_plan);
	if (route->clash_plan != NULL)
		SPI_freeplan(route->clash_plan);
}

static EcRoute *
new_route(void)
{
	MemoryContext memory =
		AllocSetContextCreate(TopMemoryContext, "expand_contract route",
							  ALLOCSET_SMALL_SIZES);
	EcRoute *route = MemoryContextAllocZero(memory, sizeof(EcRoute));
	MemoryContextCallback *callback =
		MemoryContextAllocZero(memory, sizeof(MemoryContextCallback));

	route->memory = memory;
	callback->func = free_plans;
	callback->arg = route;
	MemoryContextRegisterResetCallback(memory, callback);
	return route;
}

static void
renew(RouteEntry *entry, Relation source)
{
	EcRoute *route = new_route();
	MemoryContext caller;

	route->has_warned = &entry->has_warned;
	if (entry->route != NULL)
	{
		route->queue.gap_transaction = entry->route->queue.gap_transaction;
		MemoryContextSetParent(entry->route->memory, TopTransactionContext);
	}
	entry->route = route;
	/*
	 * Set first, so that an invalidation that arrives during compilation
	 * resets it.
	 */
	entry->is_valid = true;
	caller = MemoryContextSwitchTo(route->memory);
	PG_TRY();
	{
		compile(route, source, entry->key.change);
	}
	PG_CATCH();
	{
		entry->is_valid = false;
		PG_RE_THROW();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
}

EcRoute *
ec_route(Relation source, const char *change)
{
	RouteKey key;
	RouteEntry *entry;
	bool found;

	if (routes == NULL)
		start_cache();
	memset(&key, 0, sizeof(key));
	key.source = RelationGetRelid(source);
	strlcpy(key.change, change, sizeof(key.change));
	entry = hash_search(routes, &key, HASH_ENTER, &found);
	if (!found)
	{
		entry->is_valid = false;
		entry->has_warned = false;
		entry->route = NULL;
	}
	if (!entry->is_valid)
		renew(entry, source);
	return entry->route;
}

static void
note_reads(EcRoute *route, int column, Node *expression)
{
	Bitmapset *read = NULL;
	int member = -1;

	pull_varattnos(expression, 1, &read);
	while ((member = bms_next_member(read, member)) >= 0)
	{
		AttrNumber attnum = member + FirstLowInvalidHeapAttributeNumber;

		route->reads = bms_add_member(route->reads, attnum);
		if (column < route->key_count)
			route->identity = bms_add_member(route->identity, attnum);
	}
}

/*
 * Returns the text expression that is cast to char(n), or NULL.  The cast
 * removes trailing spaces, so two different keys can become equal.
 */
static Expr *
find_unpadded(Node *expression)
{
	Oid type = InvalidOid;

	if (exprType(expression) != BPCHAROID)
		return NULL;
	while (expression != NULL && exprType(expression) == BPCHAROID)
	{
		if (IsA(expression, RelabelType))
			expression = (Node *) ((RelabelType *) expression)->arg;
		else if (IsA(expression, FuncExpr) &&
				 ((FuncExpr *) expression)->funcformat != COERCE_EXPLICIT_CALL)
			expression = linitial(((FuncExpr *) expression)->args);
		else
			return NULL;
		type = exprType(expression);
	}
	return type == TEXTOID || type == VARCHAROID ? (Expr *) copyObject(expression)
												 : NULL;
}

/* Runs once per route; the result is in the route's memory. */
static void
find_functions(EcRoute *route)
{
	MemoryContext caller = MemoryContextSwitchTo(route->memory);
	Relation target = table_open(route->target, AccessShareLock);
	List *expressions = NIL;

	for (int i = 0; i < route->column_count; i++)
		expressions = lappend(expressions, route->columns[i].expression);
	route->functions = ec_functions_of_write(target, expressions);
	route->below = find_all_inheritors(route->target, NoLock, NULL);
	table_close(target, AccessShareLock);
	MemoryContextSwitchTo(caller);
}

bool
ec_route_needs_prepare(const EcRoute *route)
{
	return !route->is_prepared || ec_session_has_temporary();
}

static void
add_sequence(EcRoute *route, int column, Oid oid)
{
	EcSequence known;
	EcRouteSequence *sequence;

	if (pg_class_aclcheck(oid, route->owner, ACL_UPDATE) != ACLCHECK_OK ||
		!ec_sequence_read(oid, &known) || known.cycles)
		return;
	route->sequences =
		route->sequences == NULL
			? palloc(sizeof(EcRouteSequence))
			: repalloc(route->sequences,
					   sizeof(EcRouteSequence) * (route->sequence_count + 1));
	sequence = &route->sequences[route->sequence_count++];
	memset(sequence, 0, sizeof(*sequence));
	sequence->oid = oid;
	sequence->column = column;
	sequence->is_descending = known.increment < 0;
}

/* Only for key columns: there a number given twice is an error. */
static void
find_sequences(EcRoute *route)
{
	route->sequence_count = 0;
	route->sequences = NULL;
	for (int i = 0; i < route->key_count; i++)
	{
		AttrNumber attnum = route->columns[i].attnum;
		Oid type = getBaseType(get_atttype(route->target, attnum));
		ListCell *cell;

		if (type != INT2OID && type != INT4OID && type != INT8OID)
			continue;
		foreach (cell, ec_sequences_of_column(route->target, attnum))
		{
			add_sequence(route, i, lfirst_oid(cell));
		}
	}
}

static void
prepare_expressions(EcRoute *route, Relation source)
{
	Relation target;
	MemoryContext caller;
	EcRights outer;
	int guc_level;

	if (!OidIsValid(route->owner))
		ec_refuse_other_owner(route->queue.change, route->source_root);
	target = table_open(route->target, AccessShareLock);
	/* The planner evaluates constant parts. */
	ec_become(&outer, route->owner);
	guc_level = ec_pinned_begin(route->pinned);
	caller = MemoryContextSwitchTo(route->memory);
	for (int i = 0; i < route->column_count; i++)
	{
		EcRouteColumn *column = &route->columns[i];
		Node *expression = ec_mapping_reparse(source, route->names, target,
											  column->attnum, column->known);

		note_reads(route, i, expression);
		if (i < route->key_count)
			column->unpadded = find_unpadded(expression);
		if (column->unpadded != NULL)
			column->unpadded = expression_planner(column->unpadded);
		column->expression = expression_planner((Expr *) expression);
	}
	describe_queue(route, source);
	find_sequences(route);
	route->by_image = may_have_equal_keys(route, target);
	if (route->by_image)
		make_statements(route, target);
	MemoryContextSwitchTo(caller);
	ec_pinned_end(guc_level);
	ec_become_caller(&outer);
	table_close(target, AccessShareLock);
	route->is_prepared = true;
}

void
ec_route_prepare(EcRoute *route, Relation source)
{
	if (!route->is_prepared)
		prepare_expressions(route, source);
	if (!ec_session_has_temporary())
		return;
	if (route->below == NIL)
		find_functions(route);
	ec_refuse_temporary(route->queue.change, route->target, route->functions);
}
