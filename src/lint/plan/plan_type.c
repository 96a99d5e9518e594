/*
 * plan_type.c
 *		ALTER COLUMN ... TYPE that leaves the rows as they are.
 *
 * The server makes the CHECKs that use the column anew, and reads the table for
 * them under its strongest lock.  The online way makes them anew without
 * looking at the rows, in the same statement, so that they hold for new rows
 * all the time; and validates them after that.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "commands/comment.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/syscache.h"

#include "core/pinned.h"
#include "lint/plan/planner.h"

static bool
is_rechecked(const EcConstraint *constraint, const EcColumn *column)
{
	return constraint->type == CONSTRAINT_CHECK && constraint->is_valid &&
		   bms_is_member(column->number, constraint->columns);
}

/* The valid CHECKs of the relation that use the column (EcConstraint). */
static List *
checks_of(EcWorld *world, EcRelation *relation, const char *name)
{
	EcColumn *column = ec_find_column(world, relation, name);
	List *checks = NIL;
	ListCell *cell;

	foreach (cell, column ? relation->constraints : NIL)
	{
		if (is_rechecked(lfirst(cell), column))
			checks = lappend(checks, lfirst(cell));
	}
	return checks;
}

static bool
is_listed(List *checks, const EcConstraint *wanted)
{
	ListCell *cell;

	foreach (cell, checks)
	{
		const EcConstraint *check = lfirst(cell);

		if (strcmp(check->name, wanted->name) == 0 && !check->no_inherit)
			return true;
	}
	return false;
}

/* An index on the column that would be built anew; NULL: none. */
static const EcIndex *
index_on(EcRelation *relation, const EcColumn *column)
{
	ListCell *cell;

	foreach (cell, relation->indexes)
	{
		EcIndex *index = lfirst(cell);

		if (list_member_int(index->keys, column->number) ||
			bms_is_member(column->number, index->in_expressions))
			return index;
	}
	return NULL;
}

/*
 * Returns false if there is no online way; the reason, if it is not the
 * rewriting itself.
 */
static bool
is_possible(EcPlanner *planner, EcRelation *relation, EcRelation *member,
			const AlterTableCmd *command, List *checks, char **reason)
{
	EcWorld *world = planner->lint.world;
	EcColumn *column = ec_find_column(world, member, command->name);
	EcTypeChange change;
	ListCell *cell;

	if (column == NULL)
		return true;
	change = ec_lint_type_change(world, member, column,
								 castNode(ColumnDef, command->def));
	if (change.rewrites)
		return false;
	if (change.rebuilds ||
		(member->kind == RELKIND_PARTITIONED_TABLE && index_on(member, column)))
	{
		const EcIndex *index = index_on(member, column);

		*reason =
			psprintf("the type leaves the rows as they are, but index %s has to be built anew; where the application can do without it, drop it before and create it after",
					 index ? quote_identifier(index->name) : "");
		return false;
	}
	foreach (cell, member->constraints)
	{
		const EcConstraint *constraint = lfirst(cell);

		if (constraint->type == CONSTRAINT_FOREIGN &&
			bms_is_member(column->number, constraint->columns) &&
			!ec_lint_key_is_kept(constraint, member, column, &change))
			return false;
	}
	foreach (cell, checks_of(world, member, command->name))
	{
		const EcConstraint *check = lfirst(cell);

		/* A child's own one stays when that of its parent is dropped. */
		if (!OidIsValid(check->oid) || check->is_new ||
			(member != relation && (check->is_local || !is_listed(checks, check))))
			return false;
	}
	return true;
}

char *
ec_plan_definition(const EcConstraint *check)
{
	int level = ec_pin_text();
	char *definition = TextDatumGetCString(
		DirectFunctionCall1(pg_get_constraintdef, ObjectIdGetDatum(check->oid)));

	AtEOXact_GUC(false, level);
	return definition;
}

char *
ec_plan_comments(EcPlanner *planner, EcRelation *relation, const char *name)
{
	StringInfoData comments;
	ListCell *cell;

	initStringInfo(&comments);
	foreach (cell, ec_world_family(planner->lint.world, relation))
	{
		EcRelation *member = lfirst(cell);
		const EcConstraint *constraint =
			ec_find_constraint(planner->lint.world, member, name);
		char *comment = constraint != NULL && OidIsValid(constraint->oid)
							? GetComment(constraint->oid, ConstraintRelationId, 0)
							: NULL;

		if (comment != NULL)
			appendStringInfo(&comments, ";\nCOMMENT ON CONSTRAINT %s ON %s IS %s",
							 quote_identifier(name), ec_plan_table(member, true),
							 quote_literal_cstr(comment));
	}
	return comments.data;
}

/*
 * The change of ec_change_type, step by step.  What else it may refuse, it tells
 * itself.
 */
static char *
change_sql(EcPlanner *planner, EcRelation *relation, const AlterTableCmd *command)
{
	ColumnDef *definition = castNode(ColumnDef, command->def);
	const char *schema = planner->extension;
	int32 typmod;
	Type type;
	StringInfoData types;
	char *change;
	char *table;

	if (ec_is_new(relation) || relation->kind != RELKIND_RELATION ||
		has_subclass(relation->oid) || definition->raw_default != NULL ||
		definition->collClause != NULL)
		return NULL;
	type = ec_lint_find_type(planner->lint.world, definition->typeName, &typmod);
	if (type == NULL)
		return NULL;
	initStringInfo(&types);
	appendStringInfoChar(&types, '{');
	escape_json(&types, command->name);
	appendStringInfoString(&types, ": ");
	escape_json(&types, format_type_extended(typeTypeId(type), typmod,
											 FORMAT_TYPE_TYPEMOD_GIVEN |
												 FORMAT_TYPE_FORCE_QUALIFY));
	appendStringInfoChar(&types, '}');
	ReleaseSysCache(type);
	change = quote_literal_cstr(psprintf("%s_%s", relation->name, command->name));
	table = quote_literal_cstr(ec_plan_name(relation->schema, relation->name));
	return psprintf("SELECT %s.ec_change_type(%s, %s, %s);\n"
					"CALL %s.ec_wait(%s.ec_backfill_change(%s));\n"
					"CALL %s.ec_wait(%s.ec_prepare(%s));\n"
					"SELECT ok, different FROM %s.ec_verify_change(%s);\n"
					"SELECT %s.ec_cutover(%s);",
					schema, change, table, quote_literal_cstr(types.data),
					schema, schema, change, schema, schema, change, schema,
					change, schema, change);
}

void
ec_plan_type(EcPlanner *planner, EcDraft *draft, EcRelation *relation, bool inh,
			 const AlterTableCmd *command, const char *text)
{
	EcWorld *world = planner->lint.world;
	const char *table = ec_plan_table(relation, inh);
	StringInfoData drops;
	StringInfoData adds;
	StringInfoData comments;
	List *checks;
	ListCell *cell;

	if (ec_find_column(world, relation, command->name) == NULL)
		return;
	checks = checks_of(world, relation, command->name);
	foreach (cell, ec_world_family(world, relation))
	{
		ec_load_facts(world, lfirst(cell));
		if (!is_possible(planner, relation, lfirst(cell), command, checks,
						 &draft->reason))
		{
			if (draft->reason == NULL)
				draft->instead = change_sql(planner, relation, command);
			return;
		}
	}
	if (checks == NIL)
		return;
	initStringInfo(&drops);
	initStringInfo(&adds);
	initStringInfo(&comments);
	foreach (cell, checks)
	{
		const EcConstraint *check = lfirst(cell);
		const char *name = quote_identifier(check->name);

		appendStringInfo(&drops, "DROP CONSTRAINT %s, ", name);
		appendStringInfo(&adds, ", ADD CONSTRAINT %s %s NOT VALID", name,
						 ec_plan_definition(check));
		appendStringInfoString(&comments,
							   ec_plan_comments(planner, relation, check->name));
	}
	ec_plan_alter(draft, relation, table,
				  psprintf("%s%s%s%s", drops.data, text, adds.data, comments.data))
		->detail = "changes the type; the constraints hold for new rows";
	foreach (cell, checks)
		ec_plan_validation(draft, relation, table,
						   ((EcConstraint *) lfirst(cell))->name);
}
