/*
 * plan_key.c
 *		UNIQUE and PRIMARY KEY: of an index that is built while others write.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "lint/plan/planner.h"

const char *
ec_plan_deferrable(const Constraint *constraint)
{
	if (constraint->initdeferred)
		return " DEFERRABLE INITIALLY DEFERRED";
	return constraint->deferrable ? " DEFERRABLE" : "";
}

static char *
option_value(DefElem *option)
{
	return quote_literal_cstr(defGetString(option));
}

/* WITH (...), TABLESPACE, as both an index and a constraint take them. */
static char *
storage_sql(const Constraint *constraint, const char *tablespace)
{
	StringInfoData text;
	ListCell *cell;

	initStringInfo(&text);
	foreach (cell, constraint->options)
	{
		DefElem *option = lfirst_node(DefElem, cell);

		appendStringInfo(&text, "%s%s = %s", text.len > 0 ? ", " : " WITH (",
						 quote_identifier(option->defname), option_value(option));
	}
	if (text.len > 0)
		appendStringInfoChar(&text, ')');
	if (constraint->indexspace != NULL)
		appendStringInfo(&text, " %s %s", tablespace,
						 quote_identifier(constraint->indexspace));
	return text.data;
}

static char *
including_sql(const Constraint *constraint)
{
	return constraint->including == NIL
			   ? ""
			   : psprintf(" INCLUDE (%s)",
						  ec_lint_joined(constraint->including, ", ", true));
}

static const char *
word_of(const Constraint *constraint)
{
	return constraint->contype == CONSTR_PRIMARY ? "PRIMARY KEY" : "UNIQUE";
}

static char *
choose_name(EcPlanner *planner, EcRelation *relation,
			const Constraint *constraint, List *columns)
{
	List *all;

	if (constraint->contype == CONSTR_PRIMARY)
		return ec_plan_choose_name(planner, relation, NULL, "pkey", true, true);
	all = list_concat_copy(columns, constraint->including);
	return ec_plan_choose_name(planner, relation,
							   ec_plan_joined_columns(ec_plan_strings(all)),
							   "key", true, true);
}

/* The index of one table, and the constraint on it. */
static void
plan_own(EcDraft *draft, EcRelation *relation, const Constraint *constraint,
		 List *columns, const char *name)
{
	const char *table = ec_plan_name(relation->schema, relation->name);
	const char *quoted = quote_identifier(name);
	EcPlanStep *step;

	step =
		ec_plan_step(draft, EC_PLAN_TOP_LEVEL,
					 psprintf("CREATE UNIQUE INDEX CONCURRENTLY %s ON %s (%s)%s%s%s",
							  quoted, table, ec_lint_joined(columns, ", ", true),
							  including_sql(constraint),
							  constraint->nulls_not_distinct ? " NULLS NOT DISTINCT"
															 : "",
							  storage_sql(constraint, "TABLESPACE")),
					 relation, ShareUpdateExclusiveLock, true);
	step->undo = psprintf("DROP INDEX CONCURRENTLY IF EXISTS %s",
						  ec_plan_name(relation->schema, name));
	step->detail = "builds the index, while others read and write the table";
	step = ec_plan_alter(draft, relation, table,
						 psprintf("ADD CONSTRAINT %s %s USING INDEX %s%s",
								  quoted, word_of(constraint), quoted,
								  ec_plan_deferrable(constraint)));
	step->undo =
		psprintf("ALTER TABLE %s DROP CONSTRAINT IF EXISTS %s", table, quoted);
	step->detail = "takes the index that is there";
}

/* Takes those of the partitions along that are attached. */
static char *
drop_root(const EcRelation *relation, const char *name)
{
	return psprintf("ALTER TABLE %s DROP CONSTRAINT IF EXISTS %s",
					ec_plan_name(relation->schema, relation->name),
					quote_identifier(name));
}

/*
 * A partitioned table cannot take an index that is there.  The constraint on
 * it alone gets an index that is not valid, to which those of the partitions
 * are attached.
 */
static void
plan_partitioned(EcPlanner *planner, EcDraft *draft, EcRelation *relation,
				 const Constraint *constraint, List *columns, const char *name,
				 const char *parent_index, char *drop)
{
	const char *table = ec_plan_table(relation, false);
	const char *index = ec_plan_name(relation->schema, name);
	EcPlanStep *step;
	ListCell *cell;

	if (relation->kind == RELKIND_PARTITIONED_TABLE)
	{
		step =
			ec_plan_alter(draft, relation, table,
						  psprintf("ADD CONSTRAINT %s %s%s (%s)%s%s%s",
								   quote_identifier(name), word_of(constraint),
								   constraint->nulls_not_distinct ? " NULLS NOT DISTINCT"
																  : "",
								   ec_lint_joined(columns, ", ", true),
								   including_sql(constraint),
								   storage_sql(constraint, "USING INDEX TABLESPACE"),
								   ec_plan_deferrable(constraint)));
		step->undo = parent_index ? "" : drop;
		step->detail = "makes the constraint without those of the partitions";
	}
	else
		plan_own(draft, relation, constraint, columns, name);
	if (parent_index != NULL)
		ec_plan_attach_index(draft, relation, parent_index, index, drop);
	if (relation->kind != RELKIND_PARTITIONED_TABLE)
		return;
	foreach (cell, ec_world_children(planner->lint.world, relation))
	{
		EcRelation *child = lfirst(cell);

		plan_partitioned(planner, draft, child, constraint, columns,
						 choose_name(planner, child, constraint, columns),
						 index, drop);
	}
}

void
ec_plan_key(EcPlanner *planner, EcDraft *draft, EcRelation *relation, bool inh,
			Constraint *constraint, List *columns)
{
	const char *name = constraint->conname;
	EcRelation *foreign = ec_plan_foreign(planner, relation);
	EcDraft proofs = {0};
	ListCell *cell;

	if (constraint->indexname == NULL && name == NULL)
		name = constraint->conname =
			choose_name(planner, relation, constraint, columns);
#if PG_VERSION_NUM >= 180000
	if (constraint->without_overlaps)
	{
		draft->reason =
			"a key WITHOUT OVERLAPS has an index that cannot be built before it";
		return;
	}
#endif
	if (constraint->contype == CONSTR_PRIMARY)
	{
		List *keys = columns;

		if (constraint->indexname != NULL)
		{
			EcIndex *index = ec_find_index(planner->lint.world, relation,
										   constraint->indexname);

			keys = NIL;
			foreach (cell, index ? index->keys : NIL)
			{
				EcColumn *column = ec_column_numbered(relation, lfirst_int(cell));

				if (column != NULL)
					keys = lappend(keys, makeString(column->name));
			}
		}
		foreach (cell, keys)
		{
			const char *key = strVal(lfirst(cell));
			EcColumn *column = ec_find_column(planner->lint.world, relation, key);

			if (draft->proven != NULL && strcmp(draft->proven, key) == 0)
				continue;
			if (column == NULL || !column->is_not_null)
				ec_plan_not_null(planner, &proofs, relation, inh, key, NULL);
		}
		if (proofs.reason != NULL)
		{
			draft->reason = proofs.reason;
			return;
		}
	}
	draft->steps = list_concat(draft->steps, proofs.steps);
	if (constraint->indexname != NULL)
	{
		EcPlanStep *step;

		if (proofs.steps == NIL)
			return;
		if (name == NULL)
			name = constraint->indexname;
		step = ec_plan_alter(draft, relation, ec_plan_table(relation, inh),
							 psprintf("ADD CONSTRAINT %s %s USING INDEX %s%s",
									  quote_identifier(name), word_of(constraint),
									  quote_identifier(constraint->indexname),
									  ec_plan_deferrable(constraint)));
		step->undo =
			psprintf("ALTER TABLE %s DROP CONSTRAINT %s",
					 ec_plan_table(relation, inh), quote_identifier(name));
		return;
	}
	if (relation->kind != RELKIND_PARTITIONED_TABLE)
		plan_own(draft, relation, constraint, columns, name);
	else if (foreign != NULL)
	{
		draft->steps = NIL;
		draft->reason =
			psprintf("the partition %s is a foreign table, which has no unique index",
					 quote_identifier(foreign->name));
	}
	else
		plan_partitioned(planner, draft, relation, constraint, columns, name,
						 NULL, drop_root(relation, name));
}
