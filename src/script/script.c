/*
 * script.c
 *		Splits a migration's script into statements.
 */
#include "postgres.h"

#include "nodes/parsenodes.h"
#include "parser/parser.h"

#include "expand_contract.h"
#include "script/lines.h"
#include "script/script.h"
#include "script/script_errors.h"
#include "script/unreadable.h"

/*
 * Depending on the server's version, a RawStmt's location is that of its first
 * word, or of the white space and comments before it.  Returns the former.
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
	EcPlace place = {0, 1};
	List *parsed;
	ListCell *cell;
	int *offsets;
	int count;

	text = ec_after_byte_order_mark(text);
	ec_refuse_unreadable(text, what);
	ec_script_errors_begin(&errors, text, what);
	parsed = raw_parser(text, RAW_PARSE_DEFAULT);
	script->checksum = ec_script_checksum(text, &offsets, &count);
	ec_script_errors_end(&errors);

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
		ec_move_to(&place, text, start);
		statement->line = place.line;
		statement->column = ec_column_of(&place, text);
		statement->offset = start;
		statement->text = pnstrdup(text + start, end - start);
		statement->node = raw->stmt;
		script->statements = lappend(script->statements, statement);
	}
	ec_take_out_transaction(script);
	ec_look_at_catalog(script);
	return script;
}

char *
ec_statement_place(const EcStatement *statement)
{
	return psprintf("Statement %d, line %d, column %d", statement->number,
					statement->line, statement->column);
}
