/*
 * assignments.c
 *		Parses the SET list of a backfill, and analyses it in an UPDATE.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "parser/parser.h"
#include "utils/builtins.h"

#include "backfill/analyse.h"
#include "backfill/assignments.h"
#include "core/catalog.h"
#include "core/compat.h"
#include "core/expression.h"

#define ASSIGNMENTS_HINT                                                       \
	"Give what follows SET in an UPDATE, as in \"email = lower(name), seen = true\"; the condition goes into the argument predicate."

static void
refuse_assignments(const char *assignments, const char *reason)
{
	ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR),
					errmsg("assignments are not the SET list of one UPDATE"),
					errdetail("\"%s\" %s.", assignments, reason),
					errhint(ASSIGNMENTS_HINT)));
}

static void
assignments_error_callback(void *arg)
{
	const char *assignments = arg;

	errdetail("\"%s\" is not the SET list of one UPDATE.", assignments);
	errhint(ASSIGNMENTS_HINT);
}

static bool
contains_default(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, SetToDefault))
		return true;
	return raw_expression_tree_walker(node, contains_default, context);
}

/*
 * The SET list becomes part of our statement, so it must be exactly one SET
 * list.  Returns true if it assigns a DEFAULT.
 */
static bool
check_assignments(const char *assignments)
{
	ErrorContextCallback position;
	ErrorContextCallback callback;
	UpdateStmt *update;
	List *parsed;
	char *sql;

	if (assignments[strspn(assignments, " \t\r\n\f")] == '\0')
		refuse_assignments(assignments, "is empty");
	sql = psprintf("UPDATE t SET %s\n", assignments);
	position.callback = ec_statement_error_callback;
	position.arg = sql;
	position.previous = error_context_stack;
	callback.callback = assignments_error_callback;
	callback.arg = unconstify(char *, assignments);
	callback.previous = &position;
	error_context_stack = &callback;
	parsed = raw_parser(sql, RAW_PARSE_DEFAULT);
	error_context_stack = position.previous;

	if (list_length(parsed) != 1)
		refuse_assignments(assignments, "holds more than one statement");
	update = (UpdateStmt *) linitial_node(RawStmt, parsed)->stmt;
	if (!IsA(update, UpdateStmt) || update->fromClause != NIL ||
		update->whereClause != NULL || ec_has_returning(update))
		refuse_assignments(assignments, "goes on after the SET list");
	return contains_default((Node *) update->targetList, NULL);
}

Query *
ec_analyse_assignments(Relation relation, const char *assignments,
					   const char *predicate, bool *uses_default)
{
	StringInfoData sql;

	*uses_default = check_assignments(assignments);
	if (predicate != NULL)
		ec_check_expression(predicate, "predicate");
	initStringInfo(&sql);
	appendStringInfo(&sql, "UPDATE ONLY %s SET %s\n",
					 ec_relation_name(RelationGetRelid(relation)), assignments);
	if (predicate != NULL)
	{
		appendStringInfoString(&sql, " WHERE ");
		ec_append_expression(&sql, predicate);
	}
	return ec_analyse_statement(sql.data);
}
