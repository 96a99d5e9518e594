/*
 * making.c
 *		What all parts of making a successor use.
 */
#include "postgres.h"

#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/ruleutils.h"

#include "core/query.h"
#include "twins/successor/making.h"

void
ec_making_run(EcMaking *making, char *sql, Oid tablespace)
{
	EcStatement *statement = palloc(sizeof(EcStatement));

	statement->sql = sql;
	statement->tablespace = tablespace;
	making->statements = lappend(making->statements, statement);
}

void
ec_making_leave_out(EcMaking *making, char *what)
{
	making->left_out = lappend(making->left_out, what);
}

void
ec_making_refuse(EcMaking *making, char *what)
{
	making->refused = lappend(making->refused, what);
}

void
ec_making_take(EcMaking *making, uint64 count, MemoryContext memory)
{
	for (uint64 row = 0; row < count; row++)
	{
		char *sql = ec_get_text(row, 1);
		char *left_out = ec_get_text(row, 2);
		char *refused = ec_get_text(row, 3);
		MemoryContext caller = MemoryContextSwitchTo(memory);

		if (sql != NULL)
			ec_making_run(making, sql, InvalidOid);
		if (left_out != NULL)
			ec_making_leave_out(making, left_out);
		if (refused != NULL)
			ec_making_refuse(making, refused);
		MemoryContextSwitchTo(caller);
	}
}

/* Its own name occurs in it for the whole row, and where a subquery reads too. */
char *
ec_making_write(const EcMaking *making, const char *stored)
{
	return deparse_expression(stringToNode(stored),
							  deparse_context_for(making->name, making->source_oid),
							  false, false);
}

char *
ec_making_tail(const EcMaking *making, char *definition, char **before)
{
	Node *parsed =
		linitial_node(RawStmt, raw_parser(definition, RAW_PARSE_DEFAULT))->stmt;
	const RangeVar *table = IsA(parsed, IndexStmt)
								? castNode(IndexStmt, parsed)->relation
								: castNode(CreateTrigStmt, parsed)->relation;
	int length = strlen(making->source);

	if (strncmp(definition + table->location, making->source, length) != 0)
		elog(ERROR, "table %s is not named in \"%s\"", making->source, definition);
	if (before != NULL)
		*before = pnstrdup(definition, table->location);
	return definition + table->location + length;
}
