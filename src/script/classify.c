/*
 * classify.c
 *		Decides how each statement of a script can run.
 *
 * The decision uses the raw parse tree, before any statement has run.  What
 * depends on the catalog has been stored in the statement by by_catalog.c.
 */
#include "postgres.h"

#include "commands/defrem.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"

#include "expand_contract.h"
#include "script/forbidden.h"
#include "script/script.h"

static bool
has_option(List *options, const char *name)
{
	ListCell *cell;

	foreach (cell, options)
	{
		if (strcmp(lfirst_node(DefElem, cell)->defname, name) == 0)
			return true;
	}
	return false;
}

bool
ec_option_is_set(List *options, const char *name)
{
	bool is_set = false;
	ListCell *cell;

	foreach (cell, options)
	{
		DefElem *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, name) == 0)
			is_set = defGetBoolean(option);
	}
	return is_set;
}

static const char *
reindex_name(ReindexStmt *stmt)
{
	switch (stmt->kind)
	{
		case REINDEX_OBJECT_SCHEMA:
			return "REINDEX SCHEMA";
		case REINDEX_OBJECT_SYSTEM:
			return "REINDEX SYSTEM";
		case REINDEX_OBJECT_DATABASE:
			return "REINDEX DATABASE";
		default:
			break;
	}
	if (!ec_option_is_set(stmt->params, "concurrently"))
		return NULL;
	return stmt->kind == REINDEX_OBJECT_INDEX ? "REINDEX INDEX CONCURRENTLY"
											  : "REINDEX TABLE CONCURRENTLY";
}

static const char *
alter_table_name(AlterTableStmt *stmt)
{
	ListCell *cell;

	foreach (cell, stmt->cmds)
	{
		AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);

		if (command->subtype == AT_DetachPartition &&
			castNode(PartitionCmd, command->def)->concurrent)
			return "ALTER TABLE DETACH PARTITION CONCURRENTLY";
	}
	return NULL;
}

/* The name of a statement that cannot run in a transaction block, or NULL. */
static const char *
top_level_name(Node *node)
{
	switch (nodeTag(node))
	{
		case T_IndexStmt:
			return castNode(IndexStmt, node)->concurrent
					   ? "CREATE INDEX CONCURRENTLY"
					   : NULL;
		case T_DropStmt:
			return castNode(DropStmt, node)->concurrent ? "DROP INDEX CONCURRENTLY"
														: NULL;
		case T_ReindexStmt:
			return reindex_name(castNode(ReindexStmt, node));
		case T_AlterTableStmt:
			return alter_table_name(castNode(AlterTableStmt, node));
		case T_VacuumStmt:
			return castNode(VacuumStmt, node)->is_vacuumcmd ? "VACUUM" : NULL;
		case T_ClusterStmt:
			return castNode(ClusterStmt, node)->relation == NULL
					   ? "CLUSTER of all tables"
					   : NULL;
		default:
			return NULL;
	}
}

/* ADD, DROP and SET PUBLICATION refresh, unless an option forbids it. */
static const char *
alter_subscription_name(AlterSubscriptionStmt *stmt)
{
	switch (stmt->kind)
	{
		case ALTER_SUBSCRIPTION_REFRESH:
			return "ALTER SUBSCRIPTION REFRESH PUBLICATION";
		case ALTER_SUBSCRIPTION_SET_PUBLICATION:
		case ALTER_SUBSCRIPTION_ADD_PUBLICATION:
		case ALTER_SUBSCRIPTION_DROP_PUBLICATION:
			return has_option(stmt->options, "refresh")
					   ? NULL
					   : "ALTER SUBSCRIPTION with refresh";
		default:
			return NULL;
	}
}

/*
 * The name of a statement that cannot run in a transaction block and must not
 * be repeated: if it fails half-way, this database's catalog does not show how
 * far it got.  NULL for other statements.
 */
static const char *
not_repeatable_name(Node *node)
{
	switch (nodeTag(node))
	{
		case T_CreatedbStmt:
			return "CREATE DATABASE";
		case T_DropdbStmt:
			return "DROP DATABASE";
		case T_AlterDatabaseStmt:
			return has_option(castNode(AlterDatabaseStmt, node)->options, "tablespace")
					   ? "ALTER DATABASE SET TABLESPACE"
					   : NULL;
		case T_CreateTableSpaceStmt:
			return "CREATE TABLESPACE";
		case T_DropTableSpaceStmt:
			return "DROP TABLESPACE";
		case T_AlterSystemStmt:
			return "ALTER SYSTEM";
		case T_CreateSubscriptionStmt:
			return "CREATE SUBSCRIPTION";
		case T_AlterSubscriptionStmt:
			return alter_subscription_name(castNode(AlterSubscriptionStmt, node));
		case T_DropSubscriptionStmt:
			return "DROP SUBSCRIPTION";
		case T_DiscardStmt:
			return castNode(DiscardStmt, node)->target == DISCARD_ALL ? "DISCARD ALL"
																	  : NULL;
		default:
			return NULL;
	}
}

static bool
is_forbidden(Node *node)
{
	switch (nodeTag(node))
	{
		case T_TransactionStmt:
		case T_ListenStmt:
		case T_UnlistenStmt:
			return true;
		case T_CopyStmt:
			/* to or from the client, which a script does not have */
			return castNode(CopyStmt, node)->filename == NULL;
		default:
			return false;
	}
}

EcStatementKind
ec_statement_kind(const EcStatement *statement, const char **name)
{
	Node *node = statement->node;

	*name = top_level_name(node);
	if (*name != NULL)
		return EC_STATEMENT_TOP_LEVEL;
	if (statement->needs_top_level)
	{
		*name = CreateCommandName(node);
		return EC_STATEMENT_TOP_LEVEL;
	}
	*name = not_repeatable_name(node);
	if (*name != NULL)
		return EC_STATEMENT_FORBIDDEN;
	if (IsA(node, AlterEnumStmt) && castNode(AlterEnumStmt, node)->oldVal == NULL)
	{
		*name = "ALTER TYPE ADD VALUE";
		return EC_STATEMENT_ALONE;
	}

	*name = CreateCommandName(node);
	if (!is_forbidden(node))
		return EC_STATEMENT_TRANSACTIONAL;
	if (IsA(node, CopyStmt))
		*name = castNode(CopyStmt, node)->is_from ? "COPY FROM STDIN"
												  : "COPY TO STDOUT";
	return EC_STATEMENT_FORBIDDEN;
}

static const char *
hint_at_transaction(const TransactionStmt *stmt)
{
	switch (stmt->kind)
	{
		case TRANS_STMT_SAVEPOINT:
		case TRANS_STMT_RELEASE:
		case TRANS_STMT_ROLLBACK_TO:
			return "Remove it from the script. Put a statement whose failure is to be ignored into a DO block with an EXCEPTION clause.";
		case TRANS_STMT_PREPARE:
		case TRANS_STMT_COMMIT_PREPARED:
		case TRANS_STMT_ROLLBACK_PREPARED:
			return "Remove it from the script: a script cannot begin or end transactions.";
		case TRANS_STMT_BEGIN:
		case TRANS_STMT_START:
			if (stmt->options != NIL)
				return "The script cannot set the isolation level and mode of the transaction that applies the migration. Remove BEGIN and COMMIT.";
			/* FALLTHROUGH */
		default:
			return "Remove it from the script: a script cannot begin or end transactions. One BEGIN and COMMIT around the whole script are allowed; if it has several transactions, make each one a migration of its own.";
	}
}

static void
refuse_forbidden(const EcScript *script, const EcStatement *statement,
				 const char *name)
{
	const char *hint;
	int code = ERRCODE_FEATURE_NOT_SUPPORTED;

	switch (nodeTag(statement->node))
	{
		case T_TransactionStmt:
			code = ERRCODE_INVALID_TRANSACTION_TERMINATION;
			hint = hint_at_transaction((TransactionStmt *) statement->node);
			break;
		case T_CopyStmt:
			hint = EC_COPY_HINT;
			break;
		case T_ListenStmt:
		case T_UnlistenStmt:
		case T_DiscardStmt:
			hint = "Remove it from the script: it would change the session that applies the migration.";
			break;
		default:
			hint = "Remove it from the script and run it separately: if it failed half-way, this database would have no record of it.";
			break;
	}
	ec_raise_forbidden(script->what, ec_statement_place(statement), name, code,
					   hint);
}

bool
ec_script_is_mixed(const EcScript *script)
{
	bool mixed = false;
	ListCell *cell;

	foreach (cell, script->statements)
	{
		const EcStatement *statement = lfirst(cell);
		const char *name;

		switch (ec_statement_kind(statement, &name))
		{
			case EC_STATEMENT_TRANSACTIONAL:
				break;
			case EC_STATEMENT_ALONE:
			case EC_STATEMENT_TOP_LEVEL:
				mixed = true;
				break;
			case EC_STATEMENT_FORBIDDEN:
				refuse_forbidden(script, statement, name);
				break;
		}
	}
	return mixed;
}
