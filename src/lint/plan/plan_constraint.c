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

#if PG_VERSION_NUM >= 180000
static bool
ends_with(const char *text, const char *end)
{
	return strlen(text) > strlen(end) &&
		   strcmp(text + strlen(text) - strlen(end), end) == 0;
}
#endif

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

/* One that nobody checks. */
static void
plan_not_enforced(EcDraft *draft, EcRelation *relation, bool inh,
				  const char *name, const char *body)
{
	const char *table = ec_plan_table(relation, inh);
	EcPlanStep *step = ec_plan_alter(draft, relation, table,
									 psprintf("ADD CONSTRAINT %s %s NOT ENFORCED",
											  quote_identifier(name), body));

	step->undo = psprintf("ALTER TABLE %s DROP CONSTRAINT IF EXISTS %s", table,
						  quote_identifier(name));
	step->detail = "reads no row, since the constraint is not enforced";
}

static void
plan_check(EcPlanner *planner, EcDraft *draft, EcRelation *relation, bool inh,
		   Constraint *constraint, const char *check)
{
	const char *name = constraint->conname;
	char *body;

	if (name == NULL)
		name = constraint->conname =
			ec_plan_choose_name(planner, relation, only_column(constraint),
								"check", false, true);
	body = psprintf("%s%s", check, constraint->is_no_inherit ? " NO INHERIT" : "");
	if (ec_is_enforced(constraint))
		ec_plan_proof(planner, draft, relation, inh, name, body);
	else
		plan_not_enforced(draft, relation, inh, name, body);
}

/* with_period: the last one of a key that knows time */
static char *
columns_sql(List *names, bool with_period)
{
	List *others = list_truncate(list_copy(names), list_length(names) - 1);

	if (!with_period)
		return ec_lint_joined(names, ", ", true);
	return psprintf("%s, PERIOD %s", ec_lint_joined(others, ", ", true),
					quote_identifier(strVal(llast(names))));
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
	bool with_period = false;
	bool referenced_with_period = false;
	StringInfoData text;

#if PG_VERSION_NUM >= 180000
	with_period = constraint->fk_with_period;
	referenced_with_period = constraint->pk_with_period;
#endif
	initStringInfo(&text);
	appendStringInfo(&text, "FOREIGN KEY (%s) REFERENCES %s",
					 columns_sql(columns, with_period),
					 target ? ec_plan_name(target->schema, target->name)
							: ec_lint_name(constraint->pktable));
	if (constraint->pk_attrs != NIL)
		appendStringInfo(&text, " (%s)",
						 columns_sql(constraint->pk_attrs, referenced_with_period));
	if (constraint->fk_matchtype == FKCONSTR_MATCH_FULL)
		appendStringInfoString(&text, " MATCH FULL");
	append_action(&text, "UPDATE", constraint->fk_upd_action);
	append_action(&text, "DELETE", constraint->fk_del_action);
	if (constraint->fk_del_set_cols != NIL)
		appendStringInfo(&text, " (%s)",
						 columns_sql(constraint->fk_del_set_cols, false));
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

	if (name == NULL)
		name = constraint->conname =
			ec_plan_choose_name(planner, relation,
								ec_plan_joined_columns(ec_plan_strings(columns)),
								"fkey", false, true);
	body = key_sql(planner, constraint, columns);
	if (!ec_is_enforced(constraint))
	{
		plan_not_enforced(draft, relation, inh, name, body);
		return;
	}
	if (relation->kind != RELKIND_PARTITIONED_TABLE || PG_VERSION_NUM >= 180000)
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

/*
 * The server checks all rows at once.  A key that is made anew in the same
 * statement, NOT VALID, is checked after that.
 */
void
ec_plan_enforce(EcPlanner *planner, EcDraft *draft, EcRelation *relation,
				bool inh, const AlterTableCmd *command)
{
#if PG_VERSION_NUM >= 180000
	const ATAlterConstraint *change = castNode(ATAlterConstraint, command->def);
	EcConstraint *key =
		ec_find_constraint(planner->lint.world, relation, change->conname);
	const char *table = ec_plan_table(relation, inh);
	const char *quoted = quote_identifier(change->conname);
	EcPlanStep *step;
	char *definition;
	char *comment;
	char *sql;

	if (!change->alterEnforceability || !change->is_enforced || key == NULL ||
		key->type != CONSTRAINT_FOREIGN || key->is_enforced)
		return;
	if (!OidIsValid(key->oid))
	{
		draft->reason =
			psprintf("the script itself adds %s: add it as it is to be", quoted);
		return;
	}
	definition = ec_plan_definition(key);
	/* as pg_get_constraintdef() ends it */
	if (!ends_with(definition, " NOT ENFORCED"))
		return;
	definition[strlen(definition) - strlen(" NOT ENFORCED")] = '\0';
	comment = ec_plan_comments(planner, relation, key->name);
	sql = psprintf("DROP CONSTRAINT %s, ADD CONSTRAINT %s %s NOT VALID%s",
				   quoted, quoted, definition, comment);
	step = ec_plan_alter(draft, relation, table, sql);
	step->detail = "makes the key anew; it holds for new rows from now on";
	ec_plan_validation(draft, relation, table, change->conname);
#endif
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
								 strVal(linitial(constraint->keys)), constraint);
			break;
		default:
			break;
	}
}
