/*
 * plan_retype.c
 *		ALTER COLUMN ... TYPE that writes the rows anew.
 *
 * The online way is a change that keeps the column's name (ec_change_type): a
 * column of the new type is filled in the background and takes the name over.
 * The old one stays, for the way back, until ec_contract.
 *
 * The way back has to be known: what a cast to the old type cannot hold would
 * fail an application's write.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/json.h"

#include "lint/plan/planner.h"

static bool
is_integer(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

/* Does ec_change_type know a way back that cannot fail? */
static bool
has_way_back(const EcColumn *column, const EcTypeChange *change)
{
	return is_integer(column->type) &&
		   (is_integer(change->type) || change->type == NUMERICOID);
}

/* Is it the column itself, or a cast of it? */
static bool
is_plain(const Node *node, const char *column)
{
	const ColumnRef *reference;

	if (node != NULL && IsA(node, TypeCast))
		node = ((const TypeCast *) node)->arg;
	if (node == NULL)
		return true;
	reference = (const ColumnRef *) node;
	return IsA(node, ColumnRef) && list_length(reference->fields) == 1 &&
		   IsA(linitial(reference->fields), String) &&
		   strcmp(strVal(linitial(reference->fields)), column) == 0;
}

/* Why there is no such way; NULL: there is one. */
static char *
obstacle(EcPlanner *planner, EcRelation *relation, const EcColumn *column,
		 const ColumnDef *definition, const EcTypeChange *change)
{
	EcWorld *world = planner->lint.world;

	if (relation->kind == RELKIND_PARTITIONED_TABLE ||
		list_length(ec_world_family(world, relation)) > 1 ||
		ec_world_parents(world, relation) != NIL)
		return "the table has partitions or children, or is one; ec_copy brings the rows to a new table";
	if (relation->kind != RELKIND_RELATION)
		return "it is no table";
	if (definition->collClause != NULL)
		return "it changes the collation; use ec_expand with a column of another name";
	if (!is_plain(definition->raw_default, column->name))
		return "USING says how the new values are made, but not the old ones; use ec_change_type with argument \"backward\"";
	if (!has_way_back(column, change))
		return "not every value of the new type has one of the old type; use ec_change_type with argument \"backward\"";
	return NULL;
}

char *
ec_plan_retype(EcPlanner *planner, EcDraft *draft, EcRelation *relation,
			   const AlterTableCmd *command)
{
	EcWorld *world = planner->lint.world;
	ColumnDef *definition = castNode(ColumnDef, command->def);
	EcColumn *column = ec_find_column(world, relation, command->name);
	EcTypeChange change;
	char *reason;

	if (column == NULL || column->is_new || ec_is_new(relation) ||
		relation->persistence == RELPERSISTENCE_TEMP)
		return NULL;
	change = ec_lint_type_change(world, relation, column, definition);
	if (!change.rewrites || !OidIsValid(column->type) || !OidIsValid(change.type))
		return NULL;
	reason = obstacle(planner, relation, column, definition, &change);
	if (reason != NULL)
		return reason;
	draft->retyped = palloc(sizeof(EcRetyped));
	draft->retyped->column = pstrdup(command->name);
	draft->retyped->type = format_type_extended(change.type, change.typmod,
												FORMAT_TYPE_TYPEMOD_GIVEN |
													FORMAT_TYPE_FORCE_QUALIFY);
	draft->steps =
		ec_plan_retype_steps(planner, relation, list_make1(draft->retyped));
	return NULL;
}

List *
ec_plan_retype_steps(EcPlanner *planner, EcRelation *relation, List *retyped)
{
	EcDraft draft = {0};
	StringInfoData types;
	List *columns = NIL;
	const char *change;
	EcPlanStep *step;
	ListCell *cell;

	initStringInfo(&types);
	foreach (cell, retyped)
	{
		const EcRetyped *one = lfirst(cell);

		appendStringInfoString(&types, types.len > 0 ? ", " : "{");
		escape_json(&types, one->column);
		appendStringInfoString(&types, ": ");
		escape_json(&types, one->type);
		columns = lappend(columns, one->column);
	}
	appendStringInfoChar(&types, '}');
	change = quote_literal_cstr(
		psprintf("%s_%s", relation->name, ec_plan_joined_columns(columns)));
	/* a value that the cast does not take would fail the write with the other type, too */
	step =
		ec_plan_step(&draft, EC_PLAN_TRANSACTION,
					 psprintf("SELECT %s.ec_change_type(%s, %s, %s, on_error => 'raise')",
							  planner->extension, change,
							  quote_literal_cstr(ec_plan_name(relation->schema,
															  relation->name)),
							  quote_literal_cstr(types.data)),
					 relation, AccessExclusiveLock, false);
	step->undo = psprintf("SELECT %s.ec_revert(%s)", planner->extension, change);
	step->detail = "adds a column of the new type, which follows the other one";
	step = ec_plan_step(&draft, EC_PLAN_JOB,
						psprintf("SELECT %s.ec_advance(%s, until => 'cut_over')",
								 planner->extension, change),
						relation, AccessExclusiveLock, false);
	step->detail =
		"fills it, builds on it what hangs on the other one, compares, and swaps the names; ec_contract drops the other one later";
	return draft.steps;
}
