/*
 * script.c
 *		Splits a migration's script into statements.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"

#include "expand_contract.h"
#include "migrate/script.h"

typedef struct ParseErrorArg
{
	const char *text;
	const char *what;
} ParseErrorArg;

/* The byte offset of a character position (from 1) of a server error. */
static int
offset_of_position(const char *text, int position)
{
	const char *c = text;

	while (*c && --position > 0)
		c += pg_mblen(c);
	return c - text;
}

static int
line_of_offset(const char *text, int offset)
{
	int line = 1;

	for (int i = 0; i < offset; i++)
	{
		if (text[i] == '\n')
			line++;
	}
	return line;
}

static int
column_of_offset(const char *text, int offset)
{
	int start = offset;

	while (start > 0 && text[start - 1] != '\n')
		start--;
	return pg_mbstrlen_with_len(text + start, offset - start) + 1;
}

/*
 * The server's positions count from the start of the text that its parser was
 * given; without this the client would point into its own query.
 */
static void
parse_error_callback(void *arg)
{
	ParseErrorArg *script = (ParseErrorArg *) arg;
	int position = geterrposition();
	int offset;

	if (position <= 0)
	{
		errcontext("script of %s", script->what);
		return;
	}
	errposition(0);
	internalerrposition(position);
	internalerrquery(script->text);
	offset = offset_of_position(script->text, position);
	errcontext("script of %s, line %d, column %d", script->what,
			   line_of_offset(script->text, offset),
			   column_of_offset(script->text, offset));
	if (geterrcode() == ERRCODE_SYNTAX_ERROR && script->text[offset] == '\\')
		errhint("Commands of psql (\\d, \\copy, \\i and others) are not SQL; "
				"take them out of the script.");
}

/*
 * A RawStmt's location is, depending on the server's version, that of its
 * first word or of the white space and comments before it.
 */
static int
first_token_from(const int *offsets, int count, int location)
{
	int low = 0;
	int high = count;

	while (low < high)
	{
		int middle = (low + high) / 2;

		if (offsets[middle] < location)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count ? offsets[low] : location;
}

EcScript *
ec_script_parse(const char *text, const char *what)
{
	EcScript *script = palloc0(sizeof(EcScript));
	ParseErrorArg arg = {text, what};
	ErrorContextCallback callback;
	List *parsed;
	ListCell *cell;
	int *offsets;
	int count;

	callback.callback = parse_error_callback;
	callback.arg = &arg;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	parsed = raw_parser(text, RAW_PARSE_DEFAULT);
	script->checksum = ec_script_checksum(text, &offsets, &count);
	error_context_stack = callback.previous;

	if (parsed == NIL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("script of %s has no statement", what)));

	script->what = what;
	script->text = text;
	foreach (cell, parsed)
	{
		RawStmt *raw = lfirst_node(RawStmt, cell);
		EcStatement *statement = palloc0(sizeof(EcStatement));
		int start = first_token_from(offsets, count, raw->stmt_location);
		int end = raw->stmt_len > 0 ? raw->stmt_location + raw->stmt_len
									: (int) strlen(text);

		statement->number = list_length(script->statements) + 1;
		statement->line = line_of_offset(text, start);
		statement->column = column_of_offset(text, start);
		statement->text = pnstrdup(text + start, end - start);
		statement->node = raw->stmt;
		script->statements = lappend(script->statements, statement);
	}
	return script;
}

char *
ec_statement_place(const EcStatement *statement)
{
	return psprintf("Statement %d, line %d, column %d", statement->number,
					statement->line, statement->column);
}
