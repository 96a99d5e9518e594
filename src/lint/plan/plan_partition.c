/*
 * plan_partition.c
 *		Partitions: their bound is proven by a CHECK before they are attached.
 *
 * The server does not read a partition, or the default partition, if a valid
 * CHECK implies that its rows are where they belong.  The CHECK is dropped
 * again after that.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "core/pinned.h"
#include "lint/plan/planner.h"

/* Returns the name of the CHECK; NULL: none is needed, or possible. */
static char *
plan_bound(EcPlanner *planner, EcDraft *draft, EcRelation *parent,
		   EcRelation *partition, PartitionBoundSpec *bound, bool of_default,
		   bool *is_possible)
{
	bool is_proven;
	char *name;
	char *text;

	if (ec_is_new(partition))
		return NULL;
	text = ec_lint_bound_text(&planner->lint, parent, partition, bound,
							  of_default, &is_proven);
	if (is_proven)
		return NULL;
	if (text == NULL)
	{
		*is_possible = false;
		return NULL;
	}
	name = ec_plan_choose_name(planner, partition, NULL, "bound_proof", false, true);
	ec_plan_proof(planner, draft, partition, true, name,
				  psprintf("CHECK (%s)", text));
	return name;
}

static void
drop_proof(EcDraft *draft, EcRelation *relation, const char *name)
{
	EcPlanStep *step;

	if (name == NULL)
		return;
	step = ec_plan_alter(draft, relation, ec_plan_table(relation, true),
						 psprintf("DROP CONSTRAINT %s", quote_identifier(name)));
	step->undo = "";
	step->detail = "drops the proof, which is not needed any more";
}

/* of an index of the partitioned table, on the partition */
static bool
plan_lacking(EcPlanner *planner, EcDraft *draft, EcRelation *parent,
			 EcRelation *child, const EcIndex *index)
{
	Constraint *constraint = NULL;
	ListCell *cell;

	foreach (cell, parent->constraints)
	{
		const EcConstraint *key = lfirst(cell);

		if (!OidIsValid(index->oid) || key->index != index->oid ||
			(key->type != CONSTRAINT_PRIMARY && key->type != CONSTRAINT_UNIQUE))
			continue;
		constraint = makeNode(Constraint);
		constraint->contype =
			key->type == CONSTRAINT_PRIMARY ? CONSTR_PRIMARY : CONSTR_UNIQUE;
	}
	if (child->kind == RELKIND_PARTITIONED_TABLE || !OidIsValid(index->oid))
		return false;
	if (constraint != NULL)
	{
		List *keys = NIL;

		for (int i = 0; i < list_length(index->keys); i++)
		{
			EcColumn *column =
				ec_column_numbered(parent, list_nth_int(index->keys, i));

			if (column == NULL)
				return false;
			if (OidIsValid(list_nth_oid(index->opclasses, i)))
				keys = lappend(keys, makeString(column->name));
			else
				constraint->including =
					lappend(constraint->including, makeString(column->name));
		}
		ec_plan_key(planner, draft, child, true, constraint, keys);
		return draft->reason == NULL;
	}
	else
	{
		int level = ec_pin_text();
		char *definition = TextDatumGetCString(
			DirectFunctionCall1(pg_get_indexdef, ObjectIdGetDatum(index->oid)));
		char *rest = strstr(definition, " USING ");
		List *names = NIL;
		char *name;
		EcPlanStep *step;

		AtEOXact_GUC(false, level);
		if (rest == NULL)
			return false;
		for (int i = 0; i < list_length(index->keys); i++)
			names = lappend(names, get_attname(index->oid, i + 1, false));
		name = ec_plan_choose_name(planner, child, ec_plan_joined_columns(names),
								   "idx", true, false);
		step = ec_plan_step(draft, EC_PLAN_TOP_LEVEL,
							psprintf("CREATE %sINDEX CONCURRENTLY %s ON %s%s",
									 index->is_unique ? "UNIQUE " : "",
									 quote_identifier(name),
									 ec_plan_table(child, true), rest),
							child, ShareUpdateExclusiveLock, true);
		step->undo = psprintf("DROP INDEX CONCURRENTLY IF EXISTS %s",
							  ec_plan_name(child->schema, name));
		step->detail = "builds the index that each partition has";
	}
	return true;
}

static bool
lacks_key(EcRelation *parent, EcRelation *child)
{
	ListCell *cell;

	foreach (cell, parent->constraints)
	{
		const EcConstraint *key = lfirst(cell);
		bool found = false;
		ListCell *other;

		if (key->type != CONSTRAINT_FOREIGN)
			continue;
		foreach (other, child->constraints)
		{
			const EcConstraint *own = lfirst(other);

			found |= own->type == CONSTRAINT_FOREIGN &&
					 own->referenced == key->referenced && own->is_valid;
		}
		if (!found)
			return true;
	}
	return false;
}

void
ec_plan_attach(EcPlanner *planner, EcDraft *draft, EcRelation *parent,
			   const PartitionCmd *command, const char *text)
{
	EcWorld *world = planner->lint.world;
	EcRelation *child = ec_world_find(world, command->name);
	EcRelation *other = ec_lint_default_partition(&planner->lint, parent);
	char *proof = NULL;
	char *default_proof = NULL;
	bool is_possible = true;
	EcPlanStep *step;
	ListCell *cell;

	if (child == NULL || ec_is_new(child) || command->bound == NULL)
		return;
	ec_load_facts(world, parent);
	ec_load_facts(world, child);
	if (lacks_key(parent, child))
	{
		draft->reason =
			"the partition needs the foreign keys of the partitioned table first";
		return;
	}
	if (!command->bound->is_default)
		proof = plan_bound(planner, draft, parent, child, command->bound, false,
						   &is_possible);
	if (other != NULL && !command->bound->is_default)
		default_proof = plan_bound(planner, draft, parent, other,
								   command->bound, true, &is_possible);
	foreach (cell, ec_lint_lacking_indexes(&planner->lint, parent, child))
	{
		is_possible &= plan_lacking(planner, draft, parent, child, lfirst(cell));
	}
	if (!is_possible)
	{
		draft->steps = NIL;
		return;
	}
	step = ec_plan_alter(draft, parent, ec_plan_table(parent, true), pstrdup(text));
	step->undo = psprintf("ALTER TABLE %s DETACH PARTITION %s",
						  ec_plan_table(parent, true),
						  ec_plan_name(child->schema, child->name));
	step->detail = "reads no row, since the constraints prove the bound";
	drop_proof(draft, child, proof);
	drop_proof(draft, other, default_proof);
}

void
ec_plan_detach(EcPlanner *planner, EcDraft *draft, EcRelation *parent,
			   const PartitionCmd *command)
{
	EcRelation *child = ec_world_find(planner->lint.world, command->name);
	EcPlanStep *step;
	char *column;
	char *name;

	/* With a default partition the server refuses CONCURRENTLY. */
	if (child == NULL || ec_is_new(child) || command->concurrent ||
		ec_lint_default_partition(&planner->lint, parent) != NULL ||
		!ec_lint_detached_column(child, &column))
		return;
	name = ec_plan_choose_name(planner, child, column, "check", false, true);
	step = ec_plan_step(draft, EC_PLAN_TOP_LEVEL,
						psprintf("ALTER TABLE %s DETACH PARTITION %s CONCURRENTLY",
								 ec_plan_table(parent, true),
								 ec_plan_name(child->schema, child->name)),
						parent, ShareUpdateExclusiveLock, false);
	step->detail = "waits for the queries that use the partition";
	step = ec_plan_alter(draft, child, ec_plan_table(child, true),
						 psprintf("DROP CONSTRAINT IF EXISTS %s",
								  quote_identifier(name)));
	step->undo = "";
	step->detail =
		"drops the CHECK that the server has put in the place of the bound";
}

void
ec_plan_new_partition(EcPlanner *planner, EcDraft *draft, const CreateStmt *stmt)
{
	EcRelation *parent;
	EcRelation *other;
	bool is_possible = true;
	char *proof;
	EcPlanStep *step;

	if (stmt->partbound == NULL || stmt->partbound->is_default ||
		list_length(stmt->inhRelations) != 1)
		return;
	parent = ec_world_find(planner->lint.world, linitial(stmt->inhRelations));
	if (parent == NULL || ec_is_new(parent))
		return;
	other = ec_lint_default_partition(&planner->lint, parent);
	if (other == NULL)
		return;
	proof = plan_bound(planner, draft, parent, other, stmt->partbound, true,
					   &is_possible);
	if (proof == NULL)
		return;
	step = ec_plan_step(draft, EC_PLAN_TRANSACTION, planner->statement->text,
						parent, AccessExclusiveLock, false);
	step->undo = psprintf("DROP TABLE %s", ec_lint_name(stmt->relation));
	step->detail =
		"reads no row of the default partition, since the constraint proves the bound";
	drop_proof(draft, other, proof);
}
