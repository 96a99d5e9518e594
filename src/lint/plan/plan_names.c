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
#include "miscadmin.h"
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
	/* what it was made of, and how many numbers from 0 on are planned */
	const char *table;
	const char *columns;
	const char *label;
	int count;
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

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* The newest name that was made of the same parts. */
static const PlannedName *
last_of_same_parts(const EcPlanner *planner, const PlannedName *name)
{
	for (int i = list_length(planner->names) - 1; i >= 0; i--)
	{
		const PlannedName *other = list_nth(planner->names, i);

		if (other->is_relation == name->is_relation &&
			other->is_constraint == name->is_constraint &&
			strcmp(other->schema, name->schema) == 0 &&
			strcmp(other->table, name->table) == 0 &&
			same_text(other->columns, name->columns) &&
			strcmp(other->label, name->label) == 0)
			return other;
	}
	return NULL;
}

char *
ec_plan_choose_name(EcPlanner *planner, EcRelation *relation, const char *columns,
					const char *label, bool is_relation, bool is_constraint)
{
	PlannedName *planned = palloc0(sizeof(PlannedName));
	const PlannedName *last;
	int number;

	planned->schema = relation->schema;
	planned->is_relation = is_relation;
	planned->is_constraint = is_constraint;
	planned->table = relation->name;
	planned->columns = columns;
	planned->label = label;
	last = last_of_same_parts(planner, planned);
	planned->count = last ? last->count : 0;
	for (number = planned->count;; number++)
	{
		CHECK_FOR_INTERRUPTS();
		planned->name =
			makeObjectName(relation->name, columns,
						   number == 0 ? label : psprintf("%s%d", label, number));
		if (is_planned(planner, relation, planned->name, is_relation, is_constraint))
			planned->count += number == planned->count;
		else if (!(is_relation && relation_exists(planner, relation, planned->name)) &&
				 !(is_constraint &&
				   constraint_exists(planner, relation, planned->name)))
			break;
	}
	planned->count += number == planned->count;
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
