/*
 * plan_script.c
 *		The online plan of a script.
 *
 * The lint looks at the script statement by statement.  A statement that it
 * finds to block others for long is replaced by its online way.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/catalog.h"
#include "lint/lint_object.h"
#include "lint/plan/plan_table.h"

static void
draft_statement(EcPlanner *planner, EcDraft *draft, Node *node)
{
	switch (nodeTag(node))
	{
		case T_IndexStmt:
			ec_plan_index(planner, draft, castNode(IndexStmt, node));
			break;
		case T_DropStmt:
			ec_plan_drop_index(planner, draft, castNode(DropStmt, node));
			break;
		case T_CreateStmt:
			ec_plan_new_partition(planner, draft, castNode(CreateStmt, node));
			break;
		case T_ReindexStmt:
			ec_plan_reindex(planner, draft, castNode(ReindexStmt, node));
			break;
		case T_AlterTableMoveAllStmt:
			ec_plan_move_all(planner, draft, castNode(AlterTableMoveAllStmt, node));
			break;
		case T_RefreshMatViewStmt:
			ec_plan_refresh(planner, draft, castNode(RefreshMatViewStmt, node));
			break;
		case T_UpdateStmt:
		case T_DeleteStmt:
			ec_plan_rows(planner, draft, node);
			break;
		default:
			break;
	}
}

/*
 * An UPDATE or DELETE takes row locks only.  Without a reason against batches
 * it is a warning.
 */
static bool
is_about_rows(const EcFinding *finding)
{
	return finding->lock < ShareLock;
}

/* A setting that what follows may depend on, until the transaction ends. */
static void
note_local(EcPlanner *planner, const VariableSetStmt *stmt)
{
	static const char *const names[] = {"search_path", "role",
										"session_authorization", "timezone"};

	if (!stmt->is_local || stmt->name == NULL)
		return;
	for (int i = 0; i < lengthof(names); i++)
	{
		if (pg_strcasecmp(stmt->name, names[i]) == 0)
			planner->local = names[i];
	}
}

static void
plan_statement(EcPlanner *planner)
{
	/* A draft notes the names that it chooses in it, for the lint. */
	Node *node = copyObject(planner->statement->node);
	EcDraft draft = {0};
	EcDraft left = {0};
	EcFinding *finding;

	if (IsA(node, AlterTableStmt))
	{
		ec_plan_alter_table(planner);
		return;
	}
	if (IsA(node, IndexStmt))
		ec_plan_left_index(planner, &left, castNode(IndexStmt, node));
	if (left.steps == NIL)
		draft_statement(planner, &draft, node);
	ec_plan_check_local(planner, &draft);
	ec_plan_check_local(planner, &left);
	if (IsA(node, VariableSetStmt))
		note_local(planner, castNode(VariableSetStmt, node));
	finding = ec_plan_lint(planner, node);
	if (left.steps != NIL)
		ec_plan_add_all(planner, left.steps);
	else if (finding != NULL && draft.steps != NIL)
		ec_plan_add_all(planner, draft.steps);
	else
	{
		/* The reason says what to do instead. */
		if (finding != NULL && is_about_rows(finding))
			finding->recipe = NULL;
		if (finding != NULL &&
			(is_about_rows(finding) ? draft.reason != NULL
									: finding->scans || finding->rewrites))
			ec_plan_refuse(planner, finding, &draft);
		ec_plan_add_written(planner);
	}
}

static EcPlan *
plan_script(const EcScript *script, bool if_large)
{
	EcPlanner planner = {0};
	EcExtension extension;
	ListCell *cell;

	planner.plan = palloc0(sizeof(EcPlan));
	planner.extension = "public";
	if (ec_extension_lookup(&extension))
		planner.extension =
			pstrdup(quote_identifier(get_namespace_name(extension.schema)));
	planner.if_large = if_large;
	planner.lint.script = script;
	/* Each step is a transaction, and each lock ends with it. */
	planner.lint.is_mixed = true;
	planner.lint.made_later = ec_lint_made_later(script);
	planner.lint.world = ec_world_begin();
	foreach (cell, script->statements)
	{
		CHECK_FOR_INTERRUPTS();
		planner.statement = lfirst(cell);
		planner.looked_at = palloc(sizeof(EcStatement));
		*planner.looked_at = *planner.statement;
		plan_statement(&planner);
	}
	ec_world_end(planner.lint.world);
	return planner.plan;
}

EcPlan *
ec_plan_script(const EcScript *script)
{
	return plan_script(script, false);
}

EcPlan *
ec_plan_if_large(const EcScript *script)
{
	return plan_script(script, true);
}
