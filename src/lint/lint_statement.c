/*
 * lint_statement.c
 *		The lint's rules except for those of ALTER TABLE.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "commands/defrem.h"
#include "utils/builtins.h"

#include "lint/lint_rules.h"

/*
 * Renaming an object of any other type breaks no statement of an application.
 */
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
		case OBJECT_EXTENSION:
			return "drop_extension";
		default:
			return NULL;
	}
}

static void
lint_drop(EcLint *lint, DropStmt *stmt)
{
	const char *rule = drop_rule(stmt->removeType);
	ListCell *cell;

	if (stmt->removeType == OBJECT_INDEX && !stmt->concurrent)
		foreach (cell, stmt->objects)
		{
			RangeVar *index = makeRangeVarFromNameList(lfirst(cell));
			EcFinding *finding = ec_lint_add(lint, "drop_index", index);

			finding->lock = AccessExclusiveLock;
			finding->recipe =
				psprintf("DROP INDEX CONCURRENTLY %s;", ec_lint_name(index));
		}
	if (rule == NULL)
		return;
	switch (stmt->removeType)
	{
		case OBJECT_TABLE:
		case OBJECT_FOREIGN_TABLE:
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
		case OBJECT_SEQUENCE:
			break;
		default:
			(void) ec_lint_add(lint, rule, NULL);
			return;
	}
	foreach (cell, stmt->objects)
	{
		RangeVar *relation = makeRangeVarFromNameList(lfirst(cell));

		if (!ec_lint_is_new(lint, relation))
			ec_lint_add(lint, rule, relation)->lock = AccessExclusiveLock;
	}
}

static void
lint_rename(EcLint *lint, ObjectType type, const RangeVar *relation)
{
	const char *rule = rename_rule(type);
	EcFinding *finding;

	if (rule == NULL || (relation != NULL && ec_lint_is_new(lint, relation)))
		return;
	finding = ec_lint_add(lint, rule, relation);
	if (relation != NULL)
		finding->lock = AccessExclusiveLock;
}

static void
lint_truncate(EcLint *lint, TruncateStmt *stmt)
{
	ListCell *cell;

	foreach (cell, stmt->relations)
	{
		RangeVar *relation = lfirst_node(RangeVar, cell);

		if (!ec_lint_is_new(lint, relation))
			ec_lint_add(lint, "truncate", relation)->lock = AccessExclusiveLock;
	}
}

/* The statement itself, with CONCURRENTLY after the word INDEX. */
static char *
concurrent_index(const char *text)
{
	const char *word;

	for (word = text; *word; word++)
	{
		if (pg_strncasecmp(word, "INDEX", 5) == 0)
			return psprintf("%.*s CONCURRENTLY%s;", (int) (word + 5 - text),
							text, word + 5);
	}
	return NULL;
}

static void
lint_index(EcLint *lint, IndexStmt *stmt)
{
	EcFinding *finding;

	if (stmt->concurrent || ec_lint_is_new(lint, stmt->relation))
		return;
	finding = ec_lint_add(lint, "create_index", stmt->relation);
	finding->lock = ShareLock;
	finding->scans = true;
	finding->recipe = concurrent_index(lint->statement->text);
	if (!OidIsValid(finding->relation))
		finding->severity = EC_SEVERITY_WARNING;
	else if (ec_lint_is_small(finding->relation))
		finding->severity = EC_SEVERITY_NOTICE;
}

static bool
is_set(List *options, const char *name)
{
	ListCell *cell;

	foreach (cell, options)
	{
		DefElem *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, name) == 0 && defGetBoolean(option))
			return true;
	}
	return false;
}

static void
lint_rewriting(EcLint *lint, const RangeVar *relation, const char *recipe)
{
	EcFinding *finding;

	if (relation != NULL && ec_lint_is_new(lint, relation))
		return;
	finding = ec_lint_add(lint, "rewrite_table", relation);
	finding->lock = AccessExclusiveLock;
	finding->rewrites = true;
	finding->scans = true;
	finding->recipe = pstrdup(recipe);
}

static void
lint_vacuum(EcLint *lint, VacuumStmt *stmt)
{
	ListCell *cell;

	if (!stmt->is_vacuumcmd || !is_set(stmt->options, "full"))
		return;
	if (stmt->rels == NIL)
		lint_rewriting(lint, NULL, "VACUUM;");
	foreach (cell, stmt->rels)
	{
		RangeVar *relation = lfirst_node(VacuumRelation, cell)->relation;

		lint_rewriting(lint, relation,
					   psprintf("VACUUM %s;", ec_lint_name(relation)));
	}
}

static void
lint_reindex(EcLint *lint, ReindexStmt *stmt)
{
	EcFinding *finding;

	if (is_set(stmt->params, "concurrently"))
		return;
	finding = ec_lint_add(lint, "reindex", stmt->relation);
	finding->lock =
		stmt->kind == REINDEX_OBJECT_INDEX ? AccessExclusiveLock : ShareLock;
	finding->scans = true;
	if (stmt->relation != NULL)
		finding->recipe =
			psprintf("REINDEX %s CONCURRENTLY %s;",
					 stmt->kind == REINDEX_OBJECT_INDEX ? "INDEX" : "TABLE",
					 ec_lint_name(stmt->relation));
}

static void
lint_refresh(EcLint *lint, RefreshMatViewStmt *stmt)
{
	EcFinding *finding;

	if (stmt->concurrent || ec_lint_is_new(lint, stmt->relation))
		return;
	finding = ec_lint_add(lint, "refresh", stmt->relation);
	finding->lock = AccessExclusiveLock;
	finding->rewrites = true;
	finding->recipe = psprintf("-- needs a unique index on columns of the view\n"
							   "REFRESH MATERIALIZED VIEW CONCURRENTLY %s;",
							   ec_lint_name(stmt->relation));
}

static void
lint_update(EcLint *lint, UpdateStmt *stmt)
{
	EcFinding *finding;

	if (stmt->whereClause != NULL || stmt->fromClause != NIL ||
		ec_lint_is_new(lint, stmt->relation))
		return;
	finding = ec_lint_add(lint, "update_all", stmt->relation);
	finding->lock = RowExclusiveLock;
	finding->scans = true;
	finding->recipe = psprintf("SELECT ec_backfill(%s, '...', predicate => '...');",
							   quote_literal_cstr(ec_lint_name(stmt->relation)));
}

static void
lint_domain(EcLint *lint, AlterDomainStmt *stmt)
{
	EcFinding *finding;

	/* 'O' is SET NOT NULL, 'C' is ADD CONSTRAINT */
	if (stmt->subtype == 'O')
		finding = ec_lint_add(lint, "set_not_null", NULL);
	else if (stmt->subtype == 'C' && IsA(stmt->def, Constraint) &&
			 !castNode(Constraint, stmt->def)->skip_validation)
	{
		finding = ec_lint_add(lint, "add_check", NULL);
		finding->recipe = pstrdup("-- add it NOT VALID, and in a migration of its own:\n"
								  "ALTER DOMAIN ... VALIDATE CONSTRAINT ...;");
	}
	else
		return;
	/* every table with a column of this domain is locked and scanned */
	finding->lock = ShareLock;
	finding->scans = true;
}

void
ec_lint_statement(EcLint *lint)
{
	Node *node = lint->statement->node;

	switch (nodeTag(node))
	{
		case T_DropStmt:
			lint_drop(lint, castNode(DropStmt, node));
			break;
		case T_DropOwnedStmt:
			(void) ec_lint_add(lint, "drop_owned", NULL);
			break;
		case T_RenameStmt:
			lint_rename(lint, castNode(RenameStmt, node)->renameType,
						castNode(RenameStmt, node)->relation);
			break;
		case T_AlterObjectSchemaStmt:
			lint_rename(lint, castNode(AlterObjectSchemaStmt, node)->objectType,
						castNode(AlterObjectSchemaStmt, node)->relation);
			break;
		case T_AlterEnumStmt:
			if (castNode(AlterEnumStmt, node)->oldVal != NULL)
				(void) ec_lint_add(lint, "rename_value", NULL);
			break;
		case T_TruncateStmt:
			lint_truncate(lint, castNode(TruncateStmt, node));
			break;
		case T_AlterTableStmt:
			if (!ec_lint_is_new(lint, castNode(AlterTableStmt, node)->relation))
				ec_lint_alter_table(lint, castNode(AlterTableStmt, node));
			break;
		case T_IndexStmt:
			lint_index(lint, castNode(IndexStmt, node));
			break;
		case T_ReindexStmt:
			lint_reindex(lint, castNode(ReindexStmt, node));
			break;
		case T_VacuumStmt:
			lint_vacuum(lint, castNode(VacuumStmt, node));
			break;
		case T_ClusterStmt:
			lint_rewriting(lint, castNode(ClusterStmt, node)->relation,
						   "-- there is no way to order a table that others use");
			break;
		case T_RefreshMatViewStmt:
			lint_refresh(lint, castNode(RefreshMatViewStmt, node));
			break;
		case T_UpdateStmt:
			lint_update(lint, castNode(UpdateStmt, node));
			break;
		case T_AlterDomainStmt:
			lint_domain(lint, castNode(AlterDomainStmt, node));
			break;
		default:
			break;
	}
}
