/*
 * foreign.c
 *		Finds parts of a script that are meant for other migration tools.
 *
 * Only comments that are alone on their line are examined, because tools look
 * for their directives there.  Such a comment is taken for the start of a down
 * section if it contains a direction and otherwise only words that are usual
 * in such directives.  A sentence that merely contains the word is an ordinary
 * comment.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "parser/scansup.h"

#include "core/hint.h"
#include "script/foreign.h"
#include "script/lines.h"
#include "script/tokens.h"

#define MAX_WORDS 4

static const char *const down_words[] = {"down",     "downs",     "undo",
										 "undos",    "rollback",  "rollbacks",
										 "revert",   "reverts",   "downgrade",
										 "backward", "backwards", "unapply",
										 "teardown", "uninstall"};

/* Words that may accompany a direction. */
static const char *const trade_words[] =
	{"migration",    "migrations", "migrate", "script", "scripts",
	 "sql",          "section",    "step",    "part",   "block",
	 "begin",        "begins",     "start",   "starts", "way",
	 "statements",   "commands",   "up",      "goose",  "micrate",
	 "rambler",      "dbmate",     "ec",      "flyway", "liquibase",
	 "mig",          "create",     "above",   "drop",   "below",
	 "notransaction"};

/*
 * Words that may accompany it, too, if the comment has the marks of a
 * directive.
 */
static const char *const option_words[] = {"transaction", "false", "true", "no"};

/* Directives that change what is to be run, identified by their beginning. */
typedef struct Directive
{
	const char *start; /* after dashes and blanks; in lower case */
	const char *hint;
} Directive;

static const Directive directives[] =
	{{"this operation cannot be written as sql",
	  "Django leaves such an operation out of its SQL. Write here what it does, or run it "
	  "by the program that deploys, and remove the line."},
	 {"migration now performs operation that cannot be written as sql",
	  "Django leaves such an operation out of its SQL. Write here what it does, or run it "
	  "by the program that deploys, and remove the line."},
	 {"liquibase formatted sql",
	  "Each changeset of Liquibase has its own conditions and rollback. Give each one a version of its own, with its rollback after a line -- ec:down."},
	 {"+goose envsub on",
	  "The server does not see the environment of the client. Put the values into "
	  "the script."},
	 {"!include",
	  "The server does not see the other file. Put its text into the script."},
	 {"! include",
	  "The server does not see the other file. Put its text into the script."},
	 {"@include",
	  "The server does not see the other file. Put its text into the script."},
	 {"+include",
	  "The server does not see the other file. Put its text into the script."},
	 {"atlas:delimiter",
	  "Statements end with a semicolon. Write them so, and remove the line."},
	 {"atlas:checkpoint",
	  "A checkpoint replaces all versions before it. On a new database, apply it without this line; on other databases, record their version with ec_baseline."},
	 {"atlas:txtar", "Put the parts of the file after lines -- ec:up and -- ec:down."},
	 {"atlas:import",
	  "The server does not see the other file. Put its text into the script."},
	 {"atlas:assert", "Write the assertion as a DO block that raises an error."},
	 {"//@delimiter",
	  "Statements end with a semicolon. Write them so, and remove the line."},
	 {"@delimiter",
	  "Statements end with a semicolon. Write them so, and remove the line."}};

typedef struct Reader
{
	const char *text;
	const char *what;
	const char *map;
} Reader;

static bool
is_one_of(const char *word, const char *const *words, int count)
{
	for (int i = 0; i < count; i++)
	{
		if (strcmp(word, words[i]) == 0)
			return true;
	}
	return false;
}

/*
 * The words of a comment: in lower case, with blanks for all other characters.
 */
static char *
comment_words(const char *comment, size_t length)
{
	char *words = pnstrdup(comment, length);

	for (char *c = words; *c; c++)
	{
		unsigned char letter = pg_ascii_tolower((unsigned char) *c);

		*c = isalnum(letter) || IS_HIGHBIT_SET(letter) ? letter : ' ';
	}
	return words;
}

/*
 * Does the comment consist of one direction and accompanying words?  Sets
 * *is_marked if it also has the marks of a directive.
 */
static bool
looks_like_down(const char *comment, size_t length, bool *is_marked)
{
	char *words = comment_words(comment, length);
	char *rest = words;
	int count = 0;
	int directions = 0;
	char *word;

	*is_marked = false;
	for (size_t i = 0; i < length; i++)
	{
		if (strchr("+@!:", comment[i]) != NULL && comment[i] != '\0' &&
			i + 1 < length && isalpha((unsigned char) comment[i + 1]))
			*is_marked = true;
	}
	/* tern marks its sections with "create above / drop below" */
	if (strstr(words, "drop below") != NULL)
		directions++;
	while ((word = strsep(&rest, " ")) != NULL)
	{
		if (*word == '\0')
			continue;
		if (is_one_of(word, down_words, lengthof(down_words)))
			directions++;
		else if (!is_one_of(word, trade_words, lengthof(trade_words)) &&
				 !(*is_marked &&
				   is_one_of(word, option_words, lengthof(option_words))))
			return false;
		count++;
	}
	pfree(words);
	return directions == 1 && count <= MAX_WORDS;
}

static void
raise(const Reader *reader, int offset, size_t length, const char *message,
	  const char *hint)
{
	int line = 1;

	for (const char *c = reader->text; c < reader->text + offset;)
	{
		c += ec_line_length(c);
		c += ec_line_end_length(c);
		if (c <= reader->text + offset)
			line++;
	}
	ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("script of %s has %s", reader->what, message),
					errdetail("Line %d: %s", line,
							  pnstrdup(reader->text + offset, length)),
					errhint("%s", ec_qualified(hint))));
}

static void
check_directive(const Reader *reader, int offset, size_t length,
				const char *comment, size_t comment_length)
{
	char *small = pnstrdup(comment, comment_length);

	for (char *c = small; *c; c++)
		*c = pg_ascii_tolower((unsigned char) *c);
	for (int i = 0; i < lengthof(directives); i++)
	{
		if (strncmp(small, directives[i].start, strlen(directives[i].start)) == 0)
			raise(reader, offset, length, "a directive that is not supported",
				  directives[i].hint);
	}
	/* the header of a file in a txtar archive */
	if (comment_length > 8 && strcmp(small + comment_length - 7, ".sql --") == 0 &&
		strchr(small, ' ') == small + comment_length - 3)
		raise(reader, offset, length, "a directive that is not supported",
			  "Put the parts of the file after lines -- ec:up and -- ec:down.");
	pfree(small);
}

/*
 * Checks a comment that is alone on its line; offset is that of its first
 * character.
 */
static void
check_comment(const Reader *reader, int offset, size_t length,
			  EcForeignSections sections)
{
	const char *comment = reader->text + offset;
	size_t left = length;
	bool is_marked;

	if (reader->map[offset] == 'b' &&
		(left < 4 || strncmp(comment + left - 2, "*/", 2) != 0))
		return; /* it continues on the next line */
	while (left > 0 && strchr("-/*#= \t", *comment) != NULL)
	{
		/* MyBatis writes //@ */
		if (*comment == '/' && left > 2 && comment[1] == '/' && comment[2] == '@')
			break;
		comment++;
		left--;
	}
	check_directive(reader, offset, length, comment, left);
	if (sections == EC_FOREIGN_NO_SECTIONS ||
		!looks_like_down(comment, left, &is_marked) ||
		(sections == EC_FOREIGN_MARKED_SECTIONS && !is_marked) ||
		strchr(reader->map + offset, 't') == NULL)
		return;
	raise(reader, offset, length,
		  "a comment that looks like the beginning of its down script",
		  "The server reads this as a comment, and what follows as part of the up script. Put the down script after a line -- ec:down in a file for ec_apply_script or ec_apply_directory, or pass it to ec_apply as \"down\". If it is only a comment, reword it.");
}

void
ec_refuse_foreign(const char *text, const char *what, EcForeignSections sections)
{
	Reader reader = {text, what, NULL};

	/* most scripts have no comment at all */
	if (strstr(text, "--") == NULL && strstr(text, "/*") == NULL)
		return;
	reader.map = ec_map_script(text, what);
	for (const char *line = text; *line != '\0';)
	{
		size_t length = ec_line_length(line);
		size_t first = 0;
		size_t last = length;

		while (first < last && scanner_isspace(line[first]))
			first++;
		while (last > first && scanner_isspace(line[last - 1]))
			last--;
		if (first < last && (reader.map[line - text + first] == 'c' ||
							 reader.map[line - text + first] == 'b'))
			check_comment(&reader, line - text + first, last - first, sections);
		line += length;
		line += ec_line_end_length(line);
	}
}

/* ------------------------------------------------------------ placeholders */

/*
 * The length of a placeholder of that form at this place; 0 if there is none.
 */
static size_t
placeholder_length(const char *text, const char *c, EcPlaceholder form)
{
	size_t length;

	switch (form)
	{
		case EC_PLACEHOLDER_DOLLAR:
			if (c[0] != '$' || c[1] != '{')
				return 0;
			length = strcspn(c, "}\r\n");
			return c[length] == '}' ? length + 1 : 0;
		case EC_PLACEHOLDER_BRACES:
			if (c[0] != '{' || c[1] != '{')
				return 0;
			for (length = 2; c[length] && strchr("\r\n", c[length]) == NULL;
				 length++)
			{
				if (c[length] == '}' && c[length + 1] == '}')
					return length + 2;
			}
			return 0;
		case EC_PLACEHOLDER_COLON:
			if (c[0] != ':' || c[1] < 'A' || c[1] > 'Z' ||
				(c > text && (c[-1] == ':' || isalnum((unsigned char) c[-1]))))
				return 0;
			length = 1 + strspn(c + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
			return length > 2 && !isalnum((unsigned char) c[length]) ? length : 0;
		case EC_PLACEHOLDER_NONE:
			break;
	}
	return 0;
}

void
ec_refuse_placeholders(const char *text, const char *what, EcPlaceholder form,
					   const char *tool)
{
	Reader reader = {text, what, NULL};

	if (form == EC_PLACEHOLDER_NONE)
		return;
	/*
	 * a placeholder outside of all tokens needs no check here: it is a syntax
	 * error
	 */
	for (const char *c = text; *c; c++)
	{
		size_t length = placeholder_length(text, c, form);

		if (length == 0)
			continue;
		if (reader.map == NULL)
			reader.map = ec_map_script(text, what);
		if (reader.map[c - text] == 't' || reader.map[c - text] == '.')
			raise(&reader, c - text, length, "a placeholder that is not replaced",
				  psprintf("%s would replace it with a value; the server does not. Put the value into the script.",
						   tool));
	}
}
