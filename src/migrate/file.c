/*
 * file.c
 *		Reads a migration file: up, down, and what it says about itself.
 *
 * A directive is a comment that stands alone on its line.  Whether a line is
 * one is decided by the server's scanner: what looks like a directive inside
 * of a string, a function's body or a block comment is none.
 *
 * Our statements are split by the server's parser, so goose's StatementBegin
 * and StatementEnd say nothing new, and whether a statement can run in a
 * transaction is decided statement by statement, so neither do dbmate's
 * transaction:false and goose's NO TRANSACTION.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "parser/scanner.h"
#include "parser/scansup.h"

#include "expand_contract.h"
#include "migrate/file.h"
#include "script/script.h"

typedef enum Section
{
	SECTION_NONE,
	SECTION_UP,
	SECTION_DOWN
} Section;

typedef struct Reader
{
	const char *what;
	EcFile *file;
	StringInfoData head; /* before the first section */
	StringInfoData up;
	StringInfoData down;
	Section section;
	bool has_up;
	bool has_down;
	const char *style; /* the tool whose sections these are; NULL: none yet */
	int line;          /* the one that is read, from 1 */
	const char *text;  /* the directive on it */
} Reader;

static void
raise_problem(const Reader *reader, int code, const char *message, const char *hint)
{
	ereport(ERROR,
			(errcode(code), errmsg("script of %s has %s", reader->what, message),
			 errdetail("Line %d: %s", reader->line, reader->text),
			 errhint("%s", hint)));
}

static void
raise_unknown(const Reader *reader, const char *hint)
{
	raise_problem(reader, ERRCODE_INVALID_PARAMETER_VALUE,
				  "an unknown directive", hint);
}

static char *
trimmed(const char *text, size_t length)
{
	while (length > 0 && scanner_isspace(*text))
	{
		text++;
		length--;
	}
	while (length > 0 && scanner_isspace(text[length - 1]))
		length--;
	return pnstrdup(text, length);
}

static List *
append_words(Reader *reader, List *words, const char *value)
{
	const char *c = value;

	for (;;)
	{
		size_t length = strcspn(c, ",");
		char *word = trimmed(c, length);

		if (*word == '\0')
			raise_problem(reader, ERRCODE_INVALID_PARAMETER_VALUE,
						  "a directive with an empty name",
						  "Write the names with commas between them.");
		words = lappend(words, word);
		if (c[length] == '\0')
			return words;
		c += length + 1;
	}
}

static void
begin_section(Reader *reader, Section section, const char *style)
{
	bool *seen = section == SECTION_UP ? &reader->has_up : &reader->has_down;

	if (reader->style != NULL && strcmp(reader->style, style) != 0)
		raise_problem(reader, ERRCODE_INVALID_PARAMETER_VALUE,
					  "directives of more than one tool",
					  "Use those of expand_contract, dbmate or goose.");
	if (*seen)
		raise_problem(reader, ERRCODE_INVALID_PARAMETER_VALUE,
					  "the same section twice",
					  "Put each direction into one section.");
	reader->style = style;
	reader->section = section;
	*seen = true;
}

static void
set_once(Reader *reader, char **field, const char *value)
{
	if (*value == '\0')
		raise_problem(reader, ERRCODE_INVALID_PARAMETER_VALUE,
					  "a directive without a value",
					  "Write the value after its name.");
	if (*field != NULL)
		raise_problem(reader, ERRCODE_INVALID_PARAMETER_VALUE,
					  "the same directive twice", "Say it once.");
	*field = pstrdup(value);
}

static void
read_ours(Reader *reader, const char *name, const char *value)
{
	EcFile *file = reader->file;

	if (strcmp(name, "up") == 0 && *value == '\0')
		begin_section(reader, SECTION_UP, "expand_contract");
	else if (strcmp(name, "down") == 0 && *value == '\0')
		begin_section(reader, SECTION_DOWN, "expand_contract");
	else if (strcmp(name, "requires") == 0)
	file->requires = append_words(reader, file->requires, value);
	else if (strcmp(name, "allow") == 0) file->allow =
		append_words(reader, file->allow, value);
	else if (strcmp(name, "phase") == 0) set_once(reader, &file->phase, value);
	else if (strcmp(name, "description") == 0)
		set_once(reader, &file->description, value);
	else raise_unknown(reader, "The directives are ec:up, ec:down, ec:requires, ec:phase, "
							   "ec:description and ec:allow.");
}

static void
read_dbmate(Reader *reader, const char *name, const char *options)
{
	if (*options != '\0' && strcmp(options, "transaction:false") != 0 &&
		strcmp(options, "transaction:true") != 0)
		raise_problem(reader, ERRCODE_INVALID_PARAMETER_VALUE,
					  "an unknown option", "The option is transaction:false.");
	if (strcmp(name, "up") == 0)
		begin_section(reader, SECTION_UP, "dbmate");
	else if (strcmp(name, "down") == 0)
		begin_section(reader, SECTION_DOWN, "dbmate");
	else
		raise_unknown(reader, "The directives are migrate:up and migrate:down.");
}

static StringInfo
section_text(Reader *reader)
{
	switch (reader->section)
	{
		case SECTION_UP:
			return &reader->up;
		case SECTION_DOWN:
			return &reader->down;
		default:
			return &reader->head;
	}
}

static void
read_goose(Reader *reader, const char *annotation)
{
	if (pg_strcasecmp(annotation, "Up") == 0)
		begin_section(reader, SECTION_UP, "goose");
	else if (pg_strcasecmp(annotation, "Down") == 0)
		begin_section(reader, SECTION_DOWN, "goose");
	else if (pg_strcasecmp(annotation, "StatementEnd") == 0)
		/* ends a statement without a semicolon as well */
		appendStringInfoChar(section_text(reader), ';');
	else if (pg_strncasecmp(annotation, "ENVSUB", 6) == 0)
		raise_problem(reader, ERRCODE_FEATURE_NOT_SUPPORTED,
					  "a directive that cannot be followed",
					  "The server does not see the environment of the client. Put the "
					  "values into the script.");
	else if (pg_strcasecmp(annotation, "StatementBegin") != 0 &&
			 pg_strcasecmp(annotation, "NO TRANSACTION") != 0)
		raise_unknown(reader, "The annotations are Up, Down, StatementBegin, "
							  "StatementEnd and NO TRANSACTION.");
}

/* What follows a prefix, or NULL. */
static const char *
after(const char *text, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

/* True if the comment is a directive, which is then followed. */
static bool
read_comment(Reader *reader, const char *line, size_t length)
{
	char *comment = trimmed(line, length);
	const char *words = comment + strspn(comment, "-");
	const char *rest;
	void (*read)(Reader *, const char *, const char *);

	words += strspn(words, " \t");
	reader->text = comment;
	if ((rest = after(words, "+goose")) != NULL)
	{
		read_goose(reader, trimmed(rest, strlen(rest)));
		return true;
	}
	if ((rest = after(words, "ec:")) != NULL)
		read = read_ours;
	else if ((rest = after(words, "migrate:")) != NULL)
		read = read_dbmate;
	else
		return false;
	length = strcspn(rest, " \t");
	read(reader, pnstrdup(rest, length),
		 trimmed(rest + length, strlen(rest + length)));
	return true;
}

/*
 * Mark in where[] the line comments of a gap between two tokens: a 'c' at
 * their first character.
 */
static void
mark_comments(const char *text, int from, int until, char *where)
{
	int depth = 0;

	for (int i = from; i < until; i++)
	{
		if (text[i] == '/' && text[i + 1] == '*')
		{
			depth++;
			i++;
		}
		else if (depth > 0 && text[i] == '*' && text[i + 1] == '/')
		{
			depth--;
			i++;
		}
		else if (depth == 0 && text[i] == '-' && text[i + 1] == '-')
		{
			where[i] = 'c';
			while (i < until && text[i] != '\n')
				i++;
		}
	}
}

/*
 * For each character of a script: 'c' where a line comment begins, 't' where a
 * token does, else a space.
 */
static char *
map_script(const char *text, const char *what)
{
	size_t length = strlen(text);
	char *where = palloc(length + 1);
	core_yy_extra_type extra;
	core_yyscan_t scanner;
	EcScriptErrors errors;
	int end = 0;

	memset(where, ' ', length);
	where[length] = '\0';
	ec_script_errors_begin(&errors, text, what);
	scanner = scanner_init(text, &extra, &ScanKeywords, ScanKeywordTokens);
	extra.escape_string_warning = false;
	for (;;)
	{
		core_YYSTYPE value;
		YYLTYPE location;

		if (core_yylex(&value, &location, scanner) == 0)
			break;
		mark_comments(text, end, location, where);
		where[location] = 't';
		/* the scanner has put a zero byte after the token that it returned */
		end = location + strlen(extra.scanbuf + location);
	}
	mark_comments(text, end, length, where);
	scanner_finish(scanner);
	ec_script_errors_end(&errors);
	return where;
}

/* A line goes to the section it is in, and an empty one to the others. */
static void
read_line(Reader *reader, const char *line, size_t length, const char *where)
{
	size_t first = 0;

	while (first < length && scanner_isspace(line[first]))
		first++;
	reader->line++;
	if (first == length || where[first] != 'c' ||
		!read_comment(reader, line, length))
		appendBinaryStringInfo(section_text(reader), line, length);
	/* the file's last line may have no end */
	if (line[length] == '\n')
	{
		appendStringInfoChar(&reader->head, '\n');
		appendStringInfoChar(&reader->up, '\n');
		appendStringInfoChar(&reader->down, '\n');
	}
}

static bool
has_tokens(const char *text, const char *what)
{
	return strchr(map_script(text, what), 't') != NULL;
}

EcFile *
ec_file_read(const char *text, const char *what)
{
	char *where = map_script(text, what);
	Reader reader = {0};
	EcFile *file = palloc0(sizeof(EcFile));

	reader.what = what;
	reader.file = file;
	initStringInfo(&reader.head);
	initStringInfo(&reader.up);
	initStringInfo(&reader.down);
	for (const char *line = text; *line != '\0';)
	{
		size_t length = strcspn(line, "\n");

		read_line(&reader, line, length, where + (line - text));
		line += length + (line[length] == '\n');
	}

	if (reader.style == NULL)
	{
		file->up = reader.head.data;
		return file;
	}
	if (!reader.has_up)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("script of %s has a way down, but no way up", what),
						errhint("Put the way up after a line -- ec:up.")));
	if (has_tokens(reader.head.data, what))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("script of %s has statements before its first section", what),
				 errhint("Only comments may stand there.")));
	file->up = reader.up.data;
	if (reader.has_down && has_tokens(reader.down.data, what))
		file->down = reader.down.data;
	return file;
}
