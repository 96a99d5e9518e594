/*
 * lint.c
 *		What breaks code that still runs, found before anything has run.
 *
 * While a schema expands, code that knows only its old form is still running;
 * so nothing that such code may name can go away or change its name.  A table
 * that the script itself creates is nobody's yet.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "catalog/namespace.h"
#include "nodes/parsenodes.h"

#include "expand_contract.h"
#include "migrate/lint.h"

typedef struct LintRule
{
	const char *name;
	const char *breaks; /* "… breaks code that …" */
} LintRule;

static const LintRule rules[] = {
	{"drop_column", "code that still uses the column"},
	{"drop_table", "code that still uses the table"},
	{"drop_view", "code that still uses the view"},
	{"drop_sequence", "code that still uses the sequence"},
	{"drop_function", "code that still calls the function"},
	{"drop_type", "code that still uses the type"},
	{"drop_schema", "code that still uses the schema"},
	{"drop_owned", "code that still uses anything that the role owns"},
	{"rename_column", "code that still uses the old name"},
	{"rename_table", "code that still uses the old name"},
	{"rename_function", "code that still uses the old name"},
	{"rename_type", "code that still uses the old name"},
	{"rename_schema", "code that still uses the old name"},
	{"truncate", "code that still needs the rows"},
};

void
ec_lint_check_phase(const char *phase)
{
	if (strcmp(phase, EC_PHASE_EXPAND) != 0 && strcmp(phase, EC_PHASE_CONTRACT) != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("unknown phase \"%s\" of a migration", phase),
						errhint("The phases are \"%s\" and \"%s\".",
								EC_PHASE_EXPAND, EC_PHASE_CONTRACT)));
}

static const LintRule *
find_rule(const char *name)
{
	for (int i = 0; i < lengthof(rules); i++)
	{
		if (strcmp(rules[i].name, name) == 0)
			return &rules[i];
	}
	return NULL;
}

void
ec_lint_check_rules(List *names)
{
	StringInfoData known;
	ListCell *cell;

	initStringInfo(&known);
	for (int i = 0; i < lengthof(rules); i++)
		appendStringInfo(&known, "%s%s", i > 0 ? ", " : "", rules[i].name);
	foreach (cell, names)
	{
		if (find_rule(lfirst(cell)) == NULL)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("unknown rule \"%s\" in \"allow\"",
								   (char *) lfirst(cell)),
							errhint("The rules are %s.", known.data)));
	}
	pfree(known.data);
}

/* A rename of what is left out here breaks no statement of an application. */
static const char *
rename_rule(ObjectType type)
{
	switch (type)
	{
		case OBJECT_COLUMN:
		case OBJECT_ATTRIBUTE:
			return "rename_column";
		case OBJECT_TABLE:
		case OBJECT_FOREIGN_TABLE:
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
		case OBJECT_SEQUENCE:
			return "rename_table";
		case OBJECT_FUNCTION:
		case OBJECT_PROCEDURE:
		case OBJECT_ROUTINE:
		case OBJECT_AGGREGATE:
			return "rename_function";
		case OBJECT_TYPE:
		case OBJECT_DOMAIN:
			return "rename_type";
		case OBJECT_SCHEMA:
			return "rename_schema";
		default:
			return NULL;
	}
}

static const char *
drop_rule(ObjectType type)
{
	switch (type)
	{
		case OBJECT_TABLE:
		case OBJECT_FOREIGN_TABLE:
			return "drop_table";
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
			return "drop_view";
		case OBJECT_SEQUENCE:
			return "drop_sequence";
		case OBJECT_FUNCTION:
		case OBJECT_PROCEDURE:
		case OBJECT_ROUTINE:
		case OBJECT_AGGREGATE:
			return "drop_function";
		case OBJECT_TYPE:
		case OBJECT_DOMAIN:
			return "drop_type";
		case OBJECT_SCHEMA:
			return "drop_schema";
		default:
			return NULL;
	}
}

/* Whether an earlier statement of this script created the table by this name */
static bool
created_here(const EcScript *script, const EcStatement *before,
			 const RangeVar *relation)
{
	ListCell *cell;

	foreach (cell, script->statements)
	{
		const EcStatement *statement = lfirst(cell);
		const RangeVar *created;

		if (statement == before)
			break;
		if (IsA(statement->node, CreateStmt) &&
			!castNode(CreateStmt, statement->node)->if_not_exists)
			created = castNode(CreateStmt, statement->node)->relation;
		else if (IsA(statement->node, CreateTableAsStmt) &&
				 !castNode(CreateTableAsStmt, statement->node)->if_not_exists)
			created = castNode(CreateTableAsStmt, statement->node)->into->rel;
		else
			continue;
		if (strcmp(created->relname, relation->relname) == 0 &&
			(created->schemaname == NULL) == (relation->schemaname == NULL) &&
			(created->schemaname == NULL ||
			 strcmp(created->schemaname, relation->schemaname) == 0))
			return true;
	}
	return false;
}

static bool
all_created_here(const EcScript *script, const EcStatement *statement, List *relations)
{
	ListCell *cell;

	foreach (cell, relations)
	{
		if (!created_here(script, statement, lfirst_node(RangeVar, cell)))
			return false;
	}
	return true;
}

static const char *
drop_stmt_rule(const EcScript *script, const EcStatement *statement)
{
	DropStmt *stmt = castNode(DropStmt, statement->node);
	const char *rule = drop_rule(stmt->removeType);
	List *relations = NIL;
	ListCell *cell;

	if (rule == NULL || stmt->removeType != OBJECT_TABLE)
		return rule;
	foreach (cell, stmt->objects)
		relations = lappend(relations, makeRangeVarFromNameList(lfirst(cell)));
	return all_created_here(script, statement, relations) ? NULL : rule;
}

static const char *
alter_table_rule(const EcScript *script, const EcStatement *statement)
{
	AlterTableStmt *stmt = castNode(AlterTableStmt, statement->node);
	ListCell *cell;

	if (created_here(script, statement, stmt->relation))
		return NULL;
	foreach (cell, stmt->cmds)
	{
		if (lfirst_node(AlterTableCmd, cell)->subtype == AT_DropColumn)
			return "drop_column";
	}
	return NULL;
}

/* The name of the rule that a statement breaks, or NULL. */
static const char *
broken_rule(const EcScript *script, const EcStatement *statement)
{
	Node *node = statement->node;

	switch (nodeTag(node))
	{
		case T_DropStmt:
			return drop_stmt_rule(script, statement);
		case T_AlterTableStmt:
			return alter_table_rule(script, statement);
		case T_RenameStmt:
		{
			RenameStmt *stmt = castNode(RenameStmt, node);

			if (stmt->relation != NULL &&
				created_here(script, statement, stmt->relation))
				return NULL;
			return rename_rule(stmt->renameType);
		}
		case T_AlterObjectSchemaStmt:
		{
			AlterObjectSchemaStmt *stmt = castNode(AlterObjectSchemaStmt, node);

			if (stmt->relation != NULL &&
				created_here(script, statement, stmt->relation))
				return NULL;
			return rename_rule(stmt->objectType);
		}
		case T_TruncateStmt:
			return all_created_here(script, statement,
									castNode(TruncateStmt, node)->relations)
					   ? NULL
					   : "truncate";
		case T_DropOwnedStmt:
			return "drop_owned";
		default:
			return NULL;
	}
}

static bool
is_allowed(const char *rule, List *allow)
{
	ListCell *cell;

	foreach (cell, allow)
	{
		if (strcmp(lfirst(cell), rule) == 0)
			return true;
	}
	return false;
}

void
ec_lint_require_safe(const EcScript *script, const char *phase, List *allow)
{
	ListCell *cell;

	if (strcmp(phase, EC_PHASE_CONTRACT) == 0)
		return;
	foreach (cell, script->statements)
	{
		const EcStatement *statement = lfirst(cell);
		const char *rule = broken_rule(script, statement);
		const char *name;

		if (rule == NULL || is_allowed(rule, allow))
			continue;
		(void) ec_statement_kind(statement->node, &name);
		ereport(ERROR,
				(errcode(EC_ERRCODE_UNSAFE),
				 errmsg("%s is not safe in phase \"%s\": %s", script->what,
						phase, rule),
				 errdetail("%s: %s breaks %s.", ec_statement_place(statement),
						   name, find_rule(rule)->breaks),
				 errhint("Apply it with phase => '%s' once no code needs it, or with "
						 "allow => '{%s}' if nothing does.",
						 EC_PHASE_CONTRACT, rule)));
	}
}
