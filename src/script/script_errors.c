/*
 * script_errors.c
 *		Shows where in a script an error is.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "script/script_errors.h"
#include "script/syntax_hint.h"

/*
 * Converts the position of a server error (in characters, from 1) to a byte
 * offset.
 */
static int
offset_of_position(const char *text, int position)
{
	const char *c = text;

	while (*c && --position > 0)
		c += pg_mblen(c);
	return c - text;
}

void
ec_move_to(EcPlace *place, const char *text, int offset)
{
	for (; place->offset < offset; place->offset++)
	{
		char c = text[place->offset];

		/* a CR alone ends a line, too */
		if (c == '\n' || (c == '\r' && text[place->offset + 1] != '\n'))
		{
			place->line++;
			place->line_start = place->offset + 1;
		}
	}
}

int
ec_column_of(EcPlace *place, const char *text)
{
	if (place->counted < place->line_start)
	{
		place->counted = place->line_start;
		place->characters = 0;
	}
	place->characters += pg_mbstrlen_with_len(text + place->counted,
											  place->offset - place->counted);
	place->counted = place->offset;
	return place->characters + 1;
}

/*
 * The parser's error position refers to the script.  If it were left as it is,
 * the client would show it as a position in its own query.
 */
static void
parse_error_callback(void *arg)
{
	EcScriptErrors *script = (EcScriptErrors *) arg;
	int position = geterrposition();
	EcPlace place = {0, 1};
	const char *hint;

	if (position <= 0)
	{
		errcontext("script of %s", script->what);
		return;
	}
	errposition(0);
	internalerrposition(position);
	internalerrquery(script->text);
	ec_move_to(&place, script->text, offset_of_position(script->text, position));
	errcontext("script of %s, line %d, column %d", script->what, place.line,
			   ec_column_of(&place, script->text));
	if (geterrcode() != ERRCODE_SYNTAX_ERROR)
		return;
	hint = ec_syntax_hint(script->text, place.offset);
	if (hint != NULL)
		errhint("%s", hint);
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

char *
ec_place(const char *text, int number, int offset)
{
	EcPlace place = {0, 1};

	ec_move_to(&place, text, offset);
	return psprintf("Statement %d, line %d, column %d", number, place.line,
					ec_column_of(&place, text));
}
