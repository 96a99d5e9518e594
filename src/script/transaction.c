/*
 * transaction.c
 *		Removes BEGIN and COMMIT around a script.
 *
 * Many tools write them, and so do authors of scripts for psql.  A script runs
 * in a transaction anyway, so it has the same effect without them.  If BEGIN
 * sets something else, for example an isolation level, the pair is kept, and
 * the script is rejected later as one with forbidden statements.
 */
#include "postgres.h"

#include "nodes/parsenodes.h"
#include "nodes/value.h"

#include "script/script.h"

/* Does the option set what applies anyway? */
static bool
says_nothing_new(const DefElem *option)
{
	const A_Const *value = (const A_Const *) option->arg;

	if (value == NULL || !IsA(value, A_Const))
		return false;
	if (strcmp(option->defname, "transaction_isolation") == 0)
		return strcmp(strVal(&value->val), "read committed") == 0;
	if (strcmp(option->defname, "transaction_read_only") == 0 ||
		strcmp(option->defname, "transaction_deferrable") == 0)
		return intVal(&value->val) == 0;
	return false;
}

static bool
is_plain_begin(Node *node)
{
	TransactionStmt *stmt = (TransactionStmt *) node;
	ListCell *cell;

	if (!IsA(node, TransactionStmt) ||
		(stmt->kind != TRANS_STMT_BEGIN && stmt->kind != TRANS_STMT_START))
		return false;
	foreach (cell, stmt->options)
	{
		if (!says_nothing_new(lfirst_node(DefElem, cell)))
			return false;
	}
	return true;
}

static bool
is_plain_commit(Node *node)
{
	TransactionStmt *stmt = (TransactionStmt *) node;

	return IsA(node, TransactionStmt) && stmt->kind == TRANS_STMT_COMMIT &&
		   !stmt->chain;
}

static bool
is_savepoint(Node *node)
{
	TransactionStmtKind kind = castNode(TransactionStmt, node)->kind;

	return kind == TRANS_STMT_SAVEPOINT || kind == TRANS_STMT_RELEASE ||
		   kind == TRANS_STMT_ROLLBACK_TO;
}

/*
 * SET LOCAL has no effect outside of the transaction, but it would have one
 * inside.
 */
static bool
is_set(Node *node)
{
	VariableSetStmt *stmt = (VariableSetStmt *) node;

	return IsA(node, VariableSetStmt) && !stmt->is_local &&
		   stmt->kind != VAR_SET_MULTI;
}

static Node *
node_at(const EcScript *script, int n)
{
	return ((EcStatement *) list_nth(script->statements, n))->node;
}

void
ec_take_out_transaction(EcScript *script)
{
	int first = 0;
	int last = list_length(script->statements) - 1;
	List *inner = NIL;
	ListCell *cell;

	while (first < last && is_set(node_at(script, first)))
		first++;
	while (last > first && is_set(node_at(script, last)))
		last--;
	if (first >= last || !is_plain_begin(node_at(script, first)) ||
		!is_plain_commit(node_at(script, last)))
		return;
	foreach (cell, script->statements)
	{
		EcStatement *statement = lfirst(cell);
		int n = foreach_current_index(cell);

		if (n == first || n == last)
			continue;
		/*
		 * only one pair is removed; savepoints are rejected later, by their
		 * own names
		 */
		if (IsA(statement->node, TransactionStmt) && !is_savepoint(statement->node))
			return;
		inner = lappend(inner, statement);
	}
	foreach (cell, inner)
	{
		((EcStatement *) lfirst(cell))->number = foreach_current_index(cell) + 1;
	}
	script->statements = inner;
}
