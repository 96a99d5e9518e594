/*
 * unreadable.c
 *		Detects text for which the parser's error would be hard to understand.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"
#include "parser/parser.h"

#include "script/forbidden.h"
#include "script/script_errors.h"
#include "script/tokens.h"
#include "script/unreadable.h"

typedef struct Invisible
{
	pg_wchar first;
	pg_wchar last;
	const char *name;
} Invisible;

static const Invisible invisible[] = {
	{0x0085, 0x0085, "a next line"},
	{0x00A0, 0x00A0, "a no-break space"},
	{0x00AD, 0x00AD, "a soft hyphen"},
	{0x034F, 0x034F, "a combining grapheme joiner"},
	{0x061C, 0x061C, "a direction mark"},
	{0x1680, 0x1680, "a space"},
	{0x180E, 0x180E, "a vowel separator"},
	{0x2000, 0x200A, "a space"},
	{0x200B, 0x200B, "a zero-width space"},
	{0x200C, 0x200D, "a zero-width joiner or non-joiner"},
	{0x200E, 0x200F, "a direction mark"},
	{0x2028, 0x2029, "a line or paragraph separator"},
	{0x202A, 0x202E, "a direction mark"},
	{0x202F, 0x202F, "a narrow no-break space"},
	{0x205F, 0x205F, "a space"},
	{0x2060, 0x2064, "a word joiner or another invisible sign"},
	{0x2066, 0x2069, "a direction mark"},
	{0x3000, 0x3000, "an ideographic space"},
	{0xFEFF, 0xFEFF, "a byte order mark"},
};

static const char *
name_of_invisible(pg_wchar character)
{
	for (int i = 0; i < lengthof(invisible); i++)
	{
		if (character >= invisible[i].first && character <= invisible[i].last)
			return invisible[i].name;
	}
	return NULL;
}

/*
 * The code point of the character at this place in a text in the database's
 * encoding; 0 if Unicode has none for it, or the encoding is not known.
 */
static pg_wchar
code_point(const char *c)
{
	int encoding = GetDatabaseEncoding();
	unsigned char utf8[MAX_MULTIBYTE_CHAR_LEN + 1] = {0};
	int length = pg_mblen(c);
	Oid conversion;

	if (encoding == PG_UTF8)
		return utf8_to_unicode((const unsigned char *) c);
	conversion = FindDefaultConversionProc(encoding, PG_UTF8);
	if (!OidIsValid(conversion) ||
		pg_do_encoding_conversion_buf(conversion, encoding, PG_UTF8,
									  (unsigned char *) unconstify(char *, c),
									  length, utf8, sizeof(utf8), true) != length)
		return 0;
	return utf8_to_unicode(utf8);
}

/* The first invisible character in a word, or NULL. */
static const char *
find_invisible(const char *text, const EcToken *token)
{
	for (const char *c = text + token->offset; c < text + token->end;
		 c += pg_mblen(c))
	{
		if (IS_HIGHBIT_SET(*c) && name_of_invisible(code_point(c)) != NULL)
			return c;
	}
	return NULL;
}

static void
refuse_invisible(const char *text, const char *c)
{
	pg_wchar character = code_point(c);

	ereport(ERROR,
			(errcode(ERRCODE_SYNTAX_ERROR),
			 errmsg("invisible character U+%04X in an unquoted word", character),
			 errdetail("It is %s, which the server takes for a letter.",
					   name_of_invisible(character)),
			 errhint("Take it out, or put the name into double quotes."),
			 errposition(pg_mbstrlen_with_len(text, c - text) + 1)));
}

/* What is known of the current statement, to recognize COPY FROM STDIN. */
typedef struct Copy
{
	int number;
	int start; /* offset of its first token; -1 before it */
	bool is_copy;
	bool after_from;
	bool from_stdin;
} Copy;

static void
look_at_token(Copy *copy, const EcToken *token, const char *text)
{
	if (copy->start < 0)
	{
		copy->start = token->offset;
		copy->number++;
		copy->is_copy = ec_token_is_word(token, text, "copy");
		copy->after_from = copy->from_stdin = false;
		return;
	}
	if (copy->after_from && ec_token_is_word(token, text, "stdin"))
		copy->from_stdin = copy->is_copy;
	copy->after_from = ec_token_is_word(token, text, "from");
}

/*
 * Scans up to the first invisible character, which it returns, or to the end
 * of a COPY FROM STDIN or of the text.
 */
static const char *
scan(const char *text, Copy *copy)
{
	const char *found = NULL;
	EcScanner scanner;
	EcToken token;

	ec_scanner_begin(&scanner, text);
	while (found == NULL && ec_scanner_next(&scanner, &token))
	{
		if (token.kind == EC_TOKEN_IDENT && text[token.offset] != '"')
			found = find_invisible(text, &token);
		if (token.kind != ';')
			look_at_token(copy, &token, text);
		else if (copy->from_stdin)
			break;
		else
			copy->start = -1;
	}
	ec_scanner_end(&scanner);
	return found;
}

void
ec_refuse_unreadable(const char *text, const char *what)
{
	MemoryContext context = CurrentMemoryContext;
	const char *volatile invisible_character = NULL;
	Copy copy = {0, -1};
	EcScriptErrors errors;

	ec_script_errors_begin(&errors, text, what);
	PG_TRY();
	{
		invisible_character = scan(text, &copy);
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		/*
		 * for example an unterminated string; an error that the parser finds
		 * before it is more helpful
		 */
		(void) raw_parser(text, RAW_PARSE_DEFAULT);
		ReThrowError(error);
	}
	PG_END_TRY();
	if (invisible_character != NULL)
		refuse_invisible(text, invisible_character);
	ec_script_errors_end(&errors);
	if (copy.from_stdin)
		ec_refuse_copy_from_stdin(what, ec_place(text, copy.number, copy.start));
}
