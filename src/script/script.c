/*
 * script.c
 *		Splits a migration's script into statements.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"

#include "expand_contract.h"
#include "script/script.h"

/* in UTF-8; some editors put it at the start of a file, where nobody sees it */
#define BYTE_ORDER_MARK "\xEF\xBB\xBF"

/* The byte offset of a character position (from 1) of a server error. */
static int
offset_of_position(const char *text, int position)
{
	const char *c = text;

	while (*c && --position > 0)
		c += pg_mblen(c);
	return c - text;
}

/*
 * Where an offset is.  Starts at what is known of an earlier one, so that a
 * script of many statements is walked over once.
 */
typedef struct Place
{
	int offset;
	int line;       /* from 1 */
	int line_start; /* offset of its first character */
} Place;

static void
move_to(Place *place, const char *text, int offset)
{
	for (; place->offset < offset; place->offset++)
	{
		if (text[place->offset] == '\n')
		{
			place->line++;
			place->line_start = place->offset + 1;
		}
	}
}

static int
column_of(const Place *place, const char *text)
{
	return pg_mbstrlen_with_len(text + place->line_start,
								place->offset - place->line_start) +
		   1;
}

/*
 * The server's positions count from the start of the text that its parser was
 * given; without this the client would point into its own query.
 */
static void
parse_error_callback(void *arg)
{
	EcScriptErrors *script = (EcScriptErrors *) arg;
	int position = geterrposition();
	Place place = {0, 1, 0};

	if (position <= 0)
	{
		errcontext("script of %s", script->what);
		return;
	}
	errposition(0);
	internalerrposition(position);
	internalerrquery(script->text);
	move_to(&place, script->text, offset_of_position(script->text, position));
	errcontext("script of %s, line %d, column %d", script->what, place.line,
			   column_of(&place, script->text));
	if (geterrcode() != ERRCODE_SYNTAX_ERROR)
		return;
	if (script->text[place.offset] == '\\')
		errhint("Commands of psql (\\d, \\copy, \\i and others) are not SQL; "
				"take them out of the script.");
	else if (strncmp(script->text + place.offset, BYTE_ORDER_MARK,
					 strlen(BYTE_ORDER_MARK)) == 0)
		errhint("The script begins with a byte order mark; save it without.");
}

void
ec_script_errors_begin(EcScriptErrors *errors, const char *text, const char *what)
{
	errors->text = text;
	errors->what = what;
	errors->callback.callback = parse_error_callback;
	errors->callback.arg = errors;
	errors->callback.previous = error_context_stack;
	error_context_stack = &errors->callback;
}

void
ec_script_errors_end(EcScriptErrors *errors)
{
	error_context_stack = errors->callback.previous;
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
	EcScriptErrors errors;
	Place place = {0, 1, 0};
	List *parsed;
	ListCell *cell;
	int *offsets;
	int count;

	ec_script_errors_begin(&errors, text, what);
	parsed = raw_parser(text, RAW_PARSE_DEFAULT);
	script->checksum = ec_script_checksum(text, &offsets, &count);
	ec_script_errors_end(&errors);

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
		move_to(&place, text, start);
		statement->line = place.line;
		statement->column = column_of(&place, text);
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
