/*
 * plan_constraint.c
 *		Constraints: added without looking at the rows, and validated under a
 *		lock that blocks neither reads nor writes.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"

#include "lint/plan/planner.h"

static bool
note_name(Node *node, void *context)
{
	List **names = context;

	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
	{
		List *fields = castNode(ColumnRef, node)->fields;

		if (IsA(llast(fields), String) && !list_member(*names, llast(fields)))
			*names = lappend(*names, llast(fields));
		return false;
	}
	return raw_expression_tree_walker(node, note_name, context);
}

/* The only column of an expression gives its name to the constraint. */
static const char *
only_column(const Constraint *constraint)
{
	List *names = NIL;

	(void) note_name(constraint->raw_expr, &names);
	return list_length(names) == 1 ? strVal(linitial(names)) : NULL;
}

static void
plan_check(EcPlanner *planner, EcDraft *draft, EcRelation *relation, bool inh,
		   Constraint *constraint, const char *check)
{
	const char *name = constraint->conname;

	if (name == NULL)
		name = constraint->conname =
			ec_plan_choose_name(planner, relation, only_column(constraint),
								"check", false, true);
	ec_plan_proof(planner, draft, relation, inh, name,
				  psprintf("%s%s", check,
						   constraint->is_no_inherit ? " NO INHERIT" : ""));
}

static char *
columns_sql(List *names)
{
	return ec_lint_joined(names, ", ", true);
}

static void
append_action(StringInfo text, const char *event, char action)
{
	static const struct
	{
		char action;
		const char *name;
	} names[] = {{FKCONSTR_ACTION_RESTRICT, "RESTRICT"},
				 {FKCONSTR_ACTION_CASCADE, "CASCADE"},
				 {FKCONSTR_ACTION_SETNULL, "SET NULL"},
				 {FKCONSTR_ACTION_SETDEFAULT, "SET DEFAULT"}};

	for (int i = 0; i < lengthof(names); i++)
	{
		if (names[i].action == action)
			appendStringInfo(text, " ON %s %s", event, names[i].name);
	}
}

/* The key as table constraint, without NOT VALID. */
static char *
key_sql(EcPlanner *planner, const Constraint *constraint, List *columns)
{
	EcRelation *target = ec_world_find(planner->lint.world, constraint->pktable);
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "FOREIGN KEY (%s) REFERENCES %s", columns_sql(columns),
					 target ? ec_plan_name(target->schema, target->name)
							: ec_lint_name(constraint->pktable));
	if (constraint->pk_attrs != NIL)
		appendStringInfo(&text, " (%s)", columns_sql(constraint->pk_attrs));
	if (constraint->fk_matchtype == FKCONSTR_MATCH_FULL)
		appendStringInfoString(&text, " MATCH FULL");
	append_action(&text, "UPDATE", constraint->fk_upd_action);
	append_action(&text, "DELETE", constraint->fk_del_action);
	if (constraint->fk_del_set_cols != NIL)
		appendStringInfo(&text, " (%s)", columns_sql(constraint->fk_del_set_cols));
	appendStringInfoString(&text, ec_plan_deferrable(constraint));
	return text.data;
}

static void
plan_foreign_key(EcPlanner *planner, EcDraft *draft, EcRelation *relation,
				 bool inh, Constraint *constraint, List *columns)
{
	const char *name = constraint->conname;
	char *body;
	ListCell *cell;

#if PG_VERSION_NUM >= 180000
	if (constraint->fk_with_period || constraint->pk_with_period)
	{
		draft->reason = "a key with PERIOD is not taken apart";
		return;
	}
#endif
	if (name == NULL)
		name = constraint->conname =
			ec_plan_choose_name(planner, relation,
								ec_plan_joined_columns(ec_plan_strings(columns)),
								"fkey", false, true);
	body = key_sql(planner, constraint, columns);
	if (relation->kind != RELKIND_PARTITIONED_TABLE)
	{
		ec_plan_proof(planner, draft, relation, inh, name, body);
		return;
	}
	/*
	 * Before version 18 a partitioned table cannot have a key that is NOT
	 * VALID.  The server takes over the valid keys of the partitions.
	 */
	foreach (cell, ec_world_partitions(planner->lint.world, relation))
	{
		EcRelation *leaf = lfirst(cell);

		if (leaf->kind != RELKIND_PARTITIONED_TABLE)
			ec_plan_proof(planner, draft, leaf, true, name, body);
	}
	ec_plan_alter(draft, relation, ec_plan_table(relation, inh),
				  psprintf("ADD CONSTRAINT %s %s", quote_identifier(name), body))
		->undo = psprintf("ALTER TABLE %s DROP CONSTRAINT %s",
						  ec_plan_table(relation, inh), quote_identifier(name));
}

void
ec_plan_constraint(EcPlanner *planner, EcDraft *draft, EcRelation *relation,
				   bool inh, Constraint *constraint, const char *column,
				   const char *check)
{
	switch (constraint->contype)
	{
		case CONSTR_CHECK:
			plan_check(planner, draft, relation, inh, constraint, check);
			break;
		case CONSTR_FOREIGN:
			plan_foreign_key(planner, draft, relation, inh, constraint,
							 column ? list_make1(makeString(pstrdup(column)))
									: constraint->fk_attrs);
			break;
		case CONSTR_UNIQUE:
		case CONSTR_PRIMARY:
			ec_plan_key(planner, draft, relation, inh, constraint,
						column ? list_make1(makeString(pstrdup(column)))
							   : constraint->keys);
			break;
		case CONSTR_NOTNULL:
			if (column == NULL && constraint->keys != NIL)
				ec_plan_not_null(planner, draft, relation, inh,
								 strVal(linitial(constraint->keys)),
								 constraint->conname);
			break;
		default:
			break;
	}
}
