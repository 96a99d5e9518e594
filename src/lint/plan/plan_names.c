/*
 * plan_names.c
 *		The names that the server would choose.
 *
 * A statement may leave the name of a constraint, index or sequence to the
 * server.  The steps need the name, and the result has to have the same one.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "commands/defrem.h"
#include "mb/pg_wchar.h"
#include "nodes/makefuncs.h"
#include "parser/parse_target.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"

#include "lint/plan/planner.h"

typedef struct PlannedName
{
	char *schema;
	char *name;
	bool is_relation;
	bool is_constraint;
} PlannedName;

static bool
is_planned(EcPlanner *planner, const EcRelation *relation, const char *name,
		   bool is_relation, bool is_constraint)
{
	ListCell *cell;

	foreach (cell, planner->names)
	{
		PlannedName *planned = lfirst(cell);

		if (strcmp(planned->name, name) == 0 &&
			strcmp(planned->schema, relation->schema) == 0 &&
			((is_relation && planned->is_relation) ||
			 (is_constraint && planned->is_constraint)))
			return true;
	}
	return false;
}

/* An index that the script has dropped along with its constraint is gone. */
static bool
relation_exists(EcPlanner *planner, EcRelation *relation, const char *name)
{
	EcWorld *world = planner->lint.world;
	EcRelation *found =
		ec_world_find(world, makeRangeVar(relation->schema, pstrdup(name), -1));

	if (found == NULL)
		return false;
	return !(found->kind == RELKIND_INDEX && OidIsValid(found->oid) &&
			 IndexGetRelation(found->oid, true) == relation->oid &&
			 ec_find_index(world, relation, name) == NULL);
}

/* of any relation of the schema, like ConstraintNameExists */
static bool
constraint_exists(EcPlanner *planner, EcRelation *relation, const char *name)
{
	EcWorld *world = planner->lint.world;
	Oid schema = get_namespace_oid(relation->schema, true);
	Relation catalog;
	ScanKeyData key[2];
	SysScanDesc scan;
	HeapTuple tuple;
	bool found = false;

	if (!OidIsValid(schema))
		return false;
	catalog = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyInit(&key[0], Anum_pg_constraint_conname, BTEqualStrategyNumber,
				F_NAMEEQ, CStringGetDatum(name));
	ScanKeyInit(&key[1], Anum_pg_constraint_connamespace, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(schema));
	scan = systable_beginscan(catalog, ConstraintNameNspIndexId, true, NULL, 2, key);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Oid owner = ((Form_pg_constraint) GETSTRUCT(tuple))->conrelid;
		EcRelation *holder = ec_world_relation(world, owner);

		/* The script may have dropped it. */
		found = holder == NULL || (!holder->is_dropped &&
								   ec_find_constraint(world, holder, name) != NULL);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return found;
}

char *
ec_plan_choose_name(EcPlanner *planner, EcRelation *relation, const char *columns,
					const char *label, bool is_relation, bool is_constraint)
{
	PlannedName *planned = palloc0(sizeof(PlannedName));
	const char *suffix = label;

	for (int pass = 1;; pass++)
	{
		planned->name = makeObjectName(relation->name, columns, suffix);
		if (!is_planned(planner, relation, planned->name, is_relation, is_constraint) &&
			!(is_relation && relation_exists(planner, relation, planned->name)) &&
			!(is_constraint && constraint_exists(planner, relation, planned->name)))
			break;
		suffix = psprintf("%s%d", label, pass);
	}
	planned->schema = relation->schema;
	planned->is_relation = is_relation;
	planned->is_constraint = is_constraint;
	planner->names = lappend(planner->names, planned);
	return planned->name;
}

/* like ChooseIndexNameAddition and ChooseForeignKeyConstraintNameAddition */
char *
ec_plan_joined_columns(List *names)
{
	char *joined = palloc0(NAMEDATALEN * 2);
	int length = 0;
	ListCell *cell;

	foreach (cell, names)
	{
		if (length > 0)
			joined[length++] = '_';
		strlcpy(joined + length, lfirst(cell), NAMEDATALEN);
		length += strlen(joined + length);
		if (length >= NAMEDATALEN)
			break;
	}
	return joined;
}

List *
ec_plan_strings(List *nodes)
{
	List *names = NIL;
	ListCell *cell;

	foreach (cell, nodes)
	{
		names = lappend(names, strVal(lfirst(cell)));
	}
	return names;
}

static bool
is_listed(List *names, const char *name)
{
	ListCell *cell;

	foreach (cell, names)
	{
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	}
	return false;
}

/* like ChooseIndexColumnNames: no name twice */
static char *
index_column(List *names, char *name)
{
	char *unique = name;

	for (int i = 1; is_listed(names, unique); i++)
	{
		char *number = psprintf("%d", i);
		int length = pg_mbcliplen(name, strlen(name),
								  NAMEDATALEN - 1 - (int) strlen(number));

		unique = psprintf("%.*s%s", length, name, number);
	}
	return unique;
}

char *
ec_plan_index_columns(const IndexStmt *stmt)
{
	List *elements =
		list_concat_copy(stmt->indexParams, stmt->indexIncludingParams);
	List *names = NIL;
	ListCell *cell;

	foreach (cell, elements)
	{
		IndexElem *element = lfirst_node(IndexElem, cell);
		char *name = element->indexcolname ? element->indexcolname
					 : element->name       ? element->name
										   : FigureIndexColname(element->expr);

		names = lappend(names, index_column(names, name ? name : "expr"));
	}
	return ec_plan_joined_columns(names);
}
