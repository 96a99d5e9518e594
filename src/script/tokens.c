/*
 * tokens.c
 *		Splits a script into tokens with the server's scanner.
 */
#include "postgres.h"

#include "script/lines.h"
#include "script/script_errors.h"
#include "script/tokens.h"

/*
 * With max_kw_len 0 no word can be a keyword, so the other fields are not
 * used.
 */
static const ScanKeywordList no_keywords = {"", NULL, NULL, 0, 0};

void
ec_scanner_begin(EcScanner *scanner, const char *text)
{
	scanner->yyscanner = scanner_init(text, &scanner->extra, &no_keywords, NULL);
	scanner->extra.escape_string_warning = false;
}

bool
ec_scanner_next(EcScanner *scanner, EcToken *token)
{
	YYLTYPE location;

	token->kind = core_yylex(&token->value, &location, scanner->yyscanner);
	if (token->kind == 0)
		return false;
	token->offset = location;
	/* the scanner has written a zero byte after the token */
	token->end = location + strlen(scanner->extra.scanbuf + location);
	return true;
}

void
ec_scanner_end(EcScanner *scanner)
{
	scanner_finish(scanner->yyscanner);
}

bool
ec_token_is_word(const EcToken *token, const char *text, const char *word)
{
	return token->kind == EC_TOKEN_IDENT && text[token->offset] != '"' &&
		   strcmp(token->value.str, word) == 0;
}

/* Marks the starts of the comments between two tokens. */
static void
map_comments(const char *text, int from, int until, char *map)
{
	int depth = 0;

	for (int i = from; i < until; i++)
	{
		if (text[i] == '/' && text[i + 1] == '*')
		{
			if (depth++ == 0)
				map[i] = 'b';
			i++;
		}
		else if (depth > 0 && text[i] == '*' && text[i + 1] == '/')
		{
			depth--;
			i++;
		}
		else if (depth == 0 && text[i] == '-' && text[i + 1] == '-')
		{
			map[i] = 'c';
			i += ec_line_length(text + i);
		}
	}
}

char *
ec_map_script(const char *text, const char *what)
{
	size_t length = strlen(text);
	char *map = palloc(length + 1);
	EcScanner scanner;
	EcToken token;
	EcScriptErrors errors;
	int end = 0;

	memset(map, ' ', length);
	map[length] = '\0';
	ec_script_errors_begin(&errors, text, what);
	ec_scanner_begin(&scanner, text);
	while (ec_scanner_next(&scanner, &token))
	{
		map_comments(text, end, token.offset, map);
		memset(map + token.offset, '.', token.end - token.offset);
		map[token.offset] = 't';
		end = token.end;
	}
	map_comments(text, end, length, map);
	ec_scanner_end(&scanner);
	ec_script_errors_end(&errors);
	return map;
}

bool
ec_has_tokens(const char *text, const char *what)
{
	EcScanner scanner;
	EcToken token;
	EcScriptErrors errors;
	bool found;

	ec_script_errors_begin(&errors, text, what);
	ec_scanner_begin(&scanner, text);
	found = ec_scanner_next(&scanner, &token);
	ec_scanner_end(&scanner);
	ec_script_errors_end(&errors);
	return found;
}

bool
ec_text_names(const char *text, const char *name)
{
	EcScanner scanner;
	EcToken token;
	bool found = false;

	ec_scanner_begin(&scanner, text);
	while (!found && ec_scanner_next(&scanner, &token))
	{
		if (token.kind == EC_TOKEN_IDENT)
			found = strcmp(token.value.str, name) == 0;
		else if (token.kind == EC_TOKEN_SCONST)
			found = strstr(token.value.str, name) != NULL;
	}
	ec_scanner_end(&scanner);
	return found;
}
