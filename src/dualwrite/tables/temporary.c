/*
 * temporary.c
 *		Protects code that runs as another role from temporary objects of the
 *		writer's session.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_language.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "nodes/nodeFuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
#include "utils/varlena.h"

#include "core/index_parts.h"
#include "core/catalog.h"
#include "core/query.h"
#include "core/function_path.h"
#include "core/rights.h"
#include "dualwrite/tables/temporary.h"

static Oid
temporary_schema(void)
{
	Oid schema;
	Oid toast_schema;

	GetTempNamespaceState(&schema, &toast_schema);
	return schema;
}

/* Every object in a schema, other than the system's, depends on the schema. */
static bool
has_objects(Oid schema)
{
	Relation depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyData key[2];
	SysScanDesc scan;
	bool found;

	ScanKeyInit(&key[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(NamespaceRelationId));
	ScanKeyInit(&key[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(schema));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, 2, key);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return found;
}

bool
ec_session_has_temporary(void)
{
	Oid schema = temporary_schema();

	return OidIsValid(schema) && has_objects(schema);
}

/* True if the function resolves names when it runs. */
static bool
looks_names_up(Oid function)
{
	HeapTuple tuple;
	Oid language;
	bool is_parsed;

	if (function < FirstNormalObjectId)
		return false;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		return false;
	language = ((Form_pg_proc) GETSTRUCT(tuple))->prolang;
	/* A BEGIN ATOMIC body was parsed when the function was created. */
	is_parsed = !heap_attisnull(tuple, Anum_pg_proc_prosqlbody, NULL);
	ReleaseSysCache(tuple);
	return language != INTERNALlanguageId && language != ClanguageId && !is_parsed;
}

static bool
add_function(Oid function, void *context)
{
	List **functions = context;

	if (looks_names_up(function))
		*functions = list_append_unique_oid(*functions, function);
	return false;
}

static bool add_functions(Node *node, void *context);

static void
add_checks_of_domain(Oid domain, void *context)
{
	DomainConstraintRef *checks = palloc(sizeof(DomainConstraintRef));
	ListCell *cell;

	InitDomainConstraintRef(domain, checks, CurrentMemoryContext, false);
	foreach (cell, checks->constraints)
	{
		DomainConstraintState *check = lfirst(cell);

		if (check->constrainttype == DOM_CONSTRAINT_CHECK)
			(void) add_functions((Node *) check->check_expr, context);
	}
}

static bool
add_functions(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, CoerceToDomain))
		add_checks_of_domain(((CoerceToDomain *) node)->resulttype, context);
	(void) check_functions_in_node(node, add_function, context);
	return expression_tree_walker(node, add_functions, context);
}

static void
add_triggers(Relation relation, List **functions)
{
	TriggerDesc *triggers = relation->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		if (triggers->triggers[i].tgenabled != TRIGGER_DISABLED)
			(void) add_function(triggers->triggers[i].tgfoid, functions);
}

/* CHECK constraints, defaults and generated columns */
static void
add_constraints(Relation relation, List **functions)
{
	TupleConstr *constraints = RelationGetDescr(relation)->constr;

	for (int i = 0; constraints != NULL && i < constraints->num_check; i++)
		(void) add_functions(stringToNode(constraints->check[i].ccbin), functions);
	for (int i = 0; constraints != NULL && i < constraints->num_defval; i++)
		(void) add_functions(stringToNode(constraints->defval[i].adbin), functions);
}

static void
add_indexes(Relation relation, List **functions)
{
	ListCell *cell;

	foreach (cell, RelationGetIndexList(relation))
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);

		(void) add_functions((Node *) ec_index_expressions(index), functions);
		(void) add_functions((Node *) ec_index_predicate(index), functions);
		index_close(index, NoLock);
	}
}

List *
ec_functions_of_write(Relation target, List *expressions)
{
	List *below =
		find_all_inheritors(RelationGetRelid(target), AccessShareLock, NULL);
	List *functions = NIL;
	ListCell *cell;

	foreach (cell, below)
	{
		Relation relation = table_open(lfirst_oid(cell), NoLock);

		add_triggers(relation, &functions);
		add_constraints(relation, &functions);
		add_indexes(relation, &functions);
		table_close(relation, NoLock);
	}
	(void) add_functions((Node *) expressions, &functions);
	return functions;
}

/*
 * Returns the schemas of a search_path that are searched after the temporary
 * schema.  If the path does not name pg_temp, that is searched first, even
 * before pg_catalog.
 */
static List *
schemas_behind_temporary(const char *path, Oid owner)
{
	List *names = NIL;
	List *schemas = NIL;
	bool is_behind = true;
	ListCell *cell;

	if (!SplitIdentifierString(pstrdup(path), ',', &names))
		return NIL;
	foreach (cell, names)
		if (strcmp(lfirst(cell), "pg_temp") == 0)
			is_behind = false;
	if (is_behind)
		schemas = lappend(schemas, "pg_catalog");
	foreach (cell, names)
	{
		char *name = lfirst(cell);

		if (strcmp(name, "pg_temp") == 0)
			is_behind = true;
		else if (is_behind && strcmp(name, "$user") == 0)
			schemas = lappend(schemas, GetUserNameFromId(owner, false));
		else if (is_behind)
			schemas = lappend(schemas, name);
	}
	return schemas;
}

/*
 * True if the session has a temporary relation or type that hides one of the
 * schema.
 */
static bool
hides_something(Oid temporary, const char *schema)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	bool found;

	ec_arg_oid(&args, temporary);
	ec_arg_text(&args, schema);
	ec_catalog_begin(&scope);
	found = ec_query("SELECT FROM pg_class t JOIN pg_class c ON c.relname = t.relname"
					 "  JOIN pg_namespace n ON n.oid = c.relnamespace"
					 " WHERE t.relnamespace = $1 AND n.nspname = $2"
					 " UNION ALL "
					 "SELECT FROM pg_type t JOIN pg_type c ON c.typname = t.typname"
					 "  JOIN pg_namespace n ON n.oid = c.typnamespace"
					 " WHERE t.typnamespace = $1 AND n.nspname = $2 LIMIT 1",
					 &args) > 0;
	ec_catalog_end(&scope);
	return found;
}

static bool
leads_to_temporary(Oid function, Oid temporary, Oid owner)
{
	char *path = ec_function_path(function);
	ListCell *cell;

	if (path == NULL)
		return true;
	foreach (cell, schemas_behind_temporary(path, owner))
	{
		if (hides_something(temporary, lfirst(cell)))
			return true;
	}
	return false;
}

void
ec_refuse_temporary(const char *change, Oid target, List *functions)
{
	Oid temporary = temporary_schema();
	Oid owner = ec_relation_owner(target);
	ListCell *cell;

	foreach (cell, functions)
	{
		char *name;

		if (!leads_to_temporary(lfirst_oid(cell), temporary, owner))
			continue;
		name = format_procedure_qualified(lfirst_oid(cell));
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("change \"%s\" does not write table \"%s\" from a session that has temporary objects",
						change, get_rel_name(target)),
				 errdetail("Function %s runs as the owner of the table, and could use a temporary object instead of the one that it names: it has no SET for its search_path that ends in pg_temp.",
						   name),
				 errhint("Use ALTER FUNCTION %s SET search_path = ..., pg_temp; or DISCARD TEMP in the session.",
						 name)));
	}
}

void
ec_warn_of_open_functions(Oid target, List *functions)
{
	ListCell *cell;

	foreach (cell, functions)
	{
		char *name;

		if (ec_function_path(lfirst_oid(cell)) != NULL)
			continue;
		name = format_procedure_qualified(lfirst_oid(cell));
		ereport(WARNING,
				(errmsg("function %s has no SET for its search_path", name),
				 errdetail("It runs when dual writes write table \"%s\", with only pg_catalog in its search_path; sessions that have temporary objects cannot write the table then.",
						   get_rel_name(target)),
				 errhint("Use ALTER FUNCTION %s SET search_path = ..., pg_temp.",
						 name)));
	}
}
