/*
 * plan_table.c
 *		Plans an ALTER TABLE command by command.
 *
 * The server runs the commands of a statement in an order of its own: drops
 * first, then types, columns, NOT NULL, constraints.  The steps follow that
 * order.  If no command blocks others, the statement stays as it is.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "lint/plan/plan_table.h"

/* A command, and what the plan does in its place. */
typedef struct Command
{
	char *text;
	bool blocks;
	EcDraft draft;
} Command;

static void
draft_command(EcPlanner *planner, EcDraft *draft, EcRelation *relation, bool inh,
			  AlterTableCmd *command, const EcPieces *pieces, const char *text)
{
	char *reason;

	switch (command->subtype)
	{
		case AT_AddColumn:
			ec_plan_column(planner, draft, relation, inh, command, pieces);
			break;
		case AT_SetNotNull:
			ec_plan_not_null(planner, draft, relation, inh, command->name, NULL);
			break;
		case AT_AddConstraint:
		{
			Constraint *constraint = castNode(Constraint, command->def);

			ec_plan_constraint(planner, draft, relation, inh, constraint, NULL,
							   constraint->contype == CONSTR_CHECK
								   ? ec_pieces_of_check(pieces, constraint)
								   : NULL);
			break;
		}
		case AT_AlterConstraint:
			ec_plan_enforce(planner, draft, relation, inh, command);
			break;
		case AT_ValidateConstraint:
			ec_plan_validation(draft, relation, ec_plan_table(relation, inh),
							   command->name);
			break;
		case AT_AlterColumnType:
			reason = ec_plan_retype(planner, draft, relation, command);
			if (draft->retyped == NULL)
				ec_plan_type(planner, draft, relation, inh, command, text);
			if (draft->steps == NIL && draft->reason == NULL)
				draft->reason = reason;
			break;
		case AT_AttachPartition:
			ec_plan_attach(planner, draft, relation,
						   castNode(PartitionCmd, command->def), text);
			break;
		case AT_DetachPartition:
			ec_plan_detach(planner, draft, relation,
						   castNode(PartitionCmd, command->def));
			break;
		default:
			break;
	}
}

/* Commands that stay as they are and follow one another share a statement. */
static void
add_written(EcPlanner *planner, EcRelation *relation, bool inh, List *texts)
{
	EcDraft draft = {0};
	char *joined = NULL;
	ListCell *cell;

	if (texts == NIL)
		return;
	foreach (cell, texts)
	{
		joined = joined ? psprintf("%s, %s", joined, (char *) lfirst(cell))
						: lfirst(cell);
	}
	ec_plan_alter(&draft, relation, ec_plan_table(relation, inh), joined)->detail =
		"is done in a moment";
	ec_plan_add_all(planner, draft.steps);
}

static void
add_commands(EcPlanner *planner, EcRelation *relation, bool inh, List *commands)
{
	List *written = NIL;
	List *retyped = NIL;
	ListCell *cell;

	foreach (cell, commands)
	{
		Command *command = lfirst(cell);
		bool is_online = command->blocks && command->draft.steps != NIL;

		/* one change gives all columns their types, which come in one pass */
		if (is_online && command->draft.retyped != NULL)
			retyped = lappend(retyped, command->draft.retyped);
		if (retyped != NIL && (!is_online || command->draft.retyped == NULL ||
							   lnext(commands, cell) == NULL))
		{
			add_written(planner, relation, inh, written);
			written = NIL;
			ec_plan_add_all(planner,
							ec_plan_retype_steps(planner, relation, retyped));
			retyped = NIL;
		}
		if (is_online && command->draft.retyped != NULL)
			continue;
		if (!is_online)
		{
			written = lappend(written, command->text);
			continue;
		}
		add_written(planner, relation, inh, written);
		written = NIL;
		ec_plan_add_all(planner, command->draft.steps);
	}
	add_written(planner, relation, inh, written);
}

void
ec_plan_alter_table(EcPlanner *planner)
{
	AlterTableStmt *stmt =
		copyObject(castNode(AlterTableStmt, planner->statement->node));
	EcRelation *relation = ec_world_find(planner->lint.world, stmt->relation);
	EcPieces *pieces = ec_pieces_of(planner->statement);
	List *texts = relation ? ec_pieces_of_alter(pieces, stmt) : NIL;
	List *commands = NIL;
	bool is_online = false;

	if (texts == NIL)
	{
		(void) ec_plan_lint(planner, (Node *) stmt);
		ec_plan_add_written(planner);
		return;
	}
	for (int pass = 0; pass <= EC_LINT_LAST_PASS; pass++)
	{
		for (int i = 0; i < list_length(stmt->cmds); i++)
		{
			AlterTableCmd *written = list_nth_node(AlterTableCmd, stmt->cmds, i);
			AlterTableStmt *single;
			Command *command;
			EcFinding *finding;

			if (ec_lint_pass(written) != pass)
				continue;
			command = palloc0(sizeof(Command));
			command->text = list_nth(texts, i);
			if (written->subtype == AT_SetTableSpace)
				ec_plan_move(&command->draft, relation, written->name);
			else if (stmt->objtype == OBJECT_TABLE)
				draft_command(planner, &command->draft, relation,
							  stmt->relation->inh, written, pieces, command->text);
			ec_plan_check_local(planner, &command->draft);
			single = copyObject(stmt);
			single->cmds = list_make1(written);
			finding = ec_plan_lint(planner, (Node *) single);
			command->blocks = finding != NULL;
			if (finding != NULL && command->draft.steps != NIL)
				is_online = true;
			else if (finding != NULL && (finding->scans || finding->rewrites))
				ec_plan_refuse(planner, finding, &command->draft);
			commands = lappend(commands, command);
		}
	}
	if (is_online)
		add_commands(planner, relation, stmt->relation->inh, commands);
	else
		ec_plan_add_written(planner);
}
