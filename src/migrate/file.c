/*
 * file.c
 *		Reads a migration file: its up and down sections and its directives.
 *
 * A directive is a comment that is alone on its line.  The server's scanner
 * decides whether a line is a comment, so text within a string, a function's
 * body or a block comment is no directive.  Other tools read line by line and
 * would follow their directives there, so such a line is rejected.
 *
 * The server's parser splits statements, so goose's StatementBegin and
 * StatementEnd are not needed.  Whether a statement can run in a transaction
 * is decided for each statement, so dbmate's transaction:false and goose's NO
 * TRANSACTION are not needed either.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "parser/scansup.h"
#include "utils/builtins.h"

#include "core/hint.h"
#include "expand_contract.h"
#include "migrate/file.h"
#include "script/foreign.h"
#include "script/script.h"
#include "script/lines.h"
#include "script/tokens.h"
#include "script/unreadable.h"

typedef enum Section
{
	SECTION_NONE,
	SECTION_UP,
	SECTION_DOWN
} Section;

#define OURS "expand_contract"

/* Directives of other tools: the text after the dashes, in lower case. */
typedef struct Marker
{
	const char *tool;
	const char *comment;
	enum
	{
		MARKER_UP,
		MARKER_DOWN,
		MARKER_DOWN_AFTER_UP, /* the text before it is the up section */
		MARKER_END,           /* ends a statement */
		MARKER_NOTHING        /* has no effect here */
	} meaning;
} Marker;

static const Marker markers[] = {
	{"sql-migrate", "+migrate up", MARKER_UP},
	{"sql-migrate", "+migrate up notransaction", MARKER_UP},
	{"sql-migrate", "+migrate down", MARKER_DOWN},
	{"sql-migrate", "+migrate down notransaction", MARKER_DOWN},
	{"sql-migrate", "+migrate statementbegin", MARKER_NOTHING},
	{"sql-migrate", "+migrate statementend", MARKER_END},
	{"micrate", "+micrate up", MARKER_UP},
	{"micrate", "+micrate down", MARKER_DOWN},
	{"micrate", "+micrate statementbegin", MARKER_NOTHING},
	{"micrate", "+micrate statementend", MARKER_END},
	{"rambler", "rambler up", MARKER_UP},
	{"rambler", "rambler down", MARKER_DOWN},
	{"node-pg-migrate", "up migration", MARKER_UP},
	{"node-pg-migrate", "down migration", MARKER_DOWN},
	{"Play", "!ups", MARKER_UP},
	{"Play", "!downs", MARKER_DOWN},
	{"tern", "create above / drop below", MARKER_DOWN_AFTER_UP},
	{"MyBatis", "//@undo", MARKER_DOWN_AFTER_UP},
	{"MyBatis", "// @undo", MARKER_DOWN_AFTER_UP},
	{"MyBatis", "@undo", MARKER_DOWN_AFTER_UP},
	{NULL, "> statement-breakpoint", MARKER_END}, /* Drizzle */
	{NULL, ";;", MARKER_END}                      /* Migratus */
};

typedef struct Reader
{
	const char *what;
	EcFile *file;
	StringInfoData head; /* the text before the first section */
	StringInfoData up;
	StringInfoData down;
	Section section;
	bool has_up;
	bool has_down;
	const char *style; /* the tool whose directives are used; NULL: none yet */
	EcPlaceholder placeholder; /* form of placeholders that the tool
							    * replaces */
	const char *replacer;      /* that tool */
	int line;                  /* number of the current line, from 1 */
	const char *text;          /* the directive on that line */
} Reader;

static void
raise_problem(const Reader *reader, int code, const char *message, const char *hint)
{
	ereport(ERROR,
			(errcode(code), errmsg("script of %s has %s", reader->what, message),
			 errdetail("Line %d: %s", reader->line, reader->text),
			 errhint("%s", ec_qualified(hint))));
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
					  psprintf("Keep to those of %s.", reader->style));
	if (*seen)
		raise_problem(reader, ERRCODE_INVALID_PARAMETER_VALUE,
					  "the same section twice",
					  "Put each direction into one section.");
	reader->style = style;
	reader->section = section;
	*seen = true;
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
set_online(Reader *reader, const char *value)
{
	bool online;

	if (reader->file->online != EC_ONLINE_UNSAID)
		raise_problem(reader, ERRCODE_INVALID_PARAMETER_VALUE,
					  "the same directive twice", "Say it once.");
	if (!parse_bool(value, &online))
		raise_problem(reader, ERRCODE_INVALID_PARAMETER_VALUE,
					  "a directive whose value is neither on nor off",
					  "Write -- ec:online off where the statements are to run as they are.");
	reader->file->online = online ? EC_ONLINE_ON : EC_ONLINE_OFF;
}

static void
read_ours(Reader *reader, const char *name, const char *value)
{
	EcFile *file = reader->file;

	if (strcmp(name, "up") == 0 && *value == '\0')
		begin_section(reader, SECTION_UP, OURS);
	else if (strcmp(name, "down") == 0 && *value == '\0')
		begin_section(reader, SECTION_DOWN, OURS);
	else if (strcmp(name, "requires") == 0)
	file->requires = append_words(reader, file->requires, value);
	else if (strcmp(name, "allow") == 0) file->allow =
		append_words(reader, file->allow, value);
	else if (strcmp(name, "phase") == 0) set_once(reader, &file->phase, value);
	else if (strcmp(name, "description") == 0)
		set_once(reader, &file->description, value);
	else if (strcmp(name, "online") == 0) set_online(reader, value);
	else raise_unknown(reader, "The directives are ec:up, ec:down, ec:requires, ec:phase, "
							   "ec:description, ec:allow and ec:online.");
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

static void
read_goose(Reader *reader, const char *annotation)
{
	if (pg_strcasecmp(annotation, "Up") == 0)
		begin_section(reader, SECTION_UP, "goose");
	else if (pg_strcasecmp(annotation, "Down") == 0)
		begin_section(reader, SECTION_DOWN, "goose");
	else if (pg_strcasecmp(annotation, "StatementEnd") == 0)
		/* it also ends a statement without a semicolon */
		appendStringInfoChar(section_text(reader), ';');
	else if (pg_strcasecmp(annotation, "ENVSUB ON") == 0)
		raise_problem(reader, ERRCODE_FEATURE_NOT_SUPPORTED,
					  "a directive that is not supported",
					  "The server does not see the environment of the client. Put the "
					  "values into the script.");
	else if (pg_strcasecmp(annotation, "StatementBegin") != 0 &&
			 pg_strcasecmp(annotation, "ENVSUB OFF") != 0 &&
			 pg_strcasecmp(annotation, "NO TRANSACTION") != 0)
		raise_unknown(reader, "The annotations are Up, Down, StatementBegin, "
							  "StatementEnd and NO TRANSACTION.");
}

/* Returns the text after a prefix, or NULL. */
static const char *
after(const char *text, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

/*
 * A comment without its dashes, the blanks around it, and dashes at its end.
 */
static char *
comment_text(const char *comment)
{
	char *text;
	size_t length;

	comment += strspn(comment, "-");
	comment += strspn(comment, " \t");
	length = strlen(comment);
	while (length > 0 &&
		   (comment[length - 1] == '-' || scanner_isspace(comment[length - 1])))
		length--;
	text = pnstrdup(comment, length);
	for (char *c = text; *c; c++)
		*c = pg_ascii_tolower((unsigned char) *c);
	return text;
}

static const Marker *
find_marker(const char *comment)
{
	char *text = comment_text(comment);
	const Marker *found = NULL;

	for (int i = 0; i < lengthof(markers) && found == NULL; i++)
	{
		if (strcmp(text, markers[i].comment) == 0)
			found = &markers[i];
	}
	pfree(text);
	return found;
}

static void
follow_marker(Reader *reader, const Marker *marker)
{
	switch (marker->meaning)
	{
		case MARKER_UP:
			begin_section(reader, SECTION_UP, marker->tool);
			break;
		case MARKER_DOWN_AFTER_UP:
			if (reader->style == NULL)
			{
				/* the text so far is the up section */
				StringInfoData empty = reader->up;

				reader->up = reader->head;
				reader->head = empty;
				reader->has_up = true;
			}
			reader->placeholder = strcmp(marker->tool, "tern") == 0
									  ? EC_PLACEHOLDER_BRACES
									  : EC_PLACEHOLDER_DOLLAR;
			reader->replacer = marker->tool;
			begin_section(reader, SECTION_DOWN, marker->tool);
			break;
		case MARKER_DOWN:
			begin_section(reader, SECTION_DOWN, marker->tool);
			break;
		case MARKER_END:
			/* it also ends a statement without a semicolon */
			appendStringInfoChar(section_text(reader), ';');
			break;
		case MARKER_NOTHING:
			break;
	}
}

/*
 * yoyo names the migrations that come before: "0001.users 0002.places".  Where
 * a word is no such name, it is an ordinary comment.
 */
static void
read_depends(Reader *reader, const char *names)
{
	List *versions = NIL;
	EcFileName name;
	const char *problem;
	const char *hint;

	for (names += strspn(names, " \t"); *names != '\0';)
	{
		size_t length = strcspn(names, " \t");

		if (!ec_file_name_read(psprintf("%.*s.sql", (int) length, names), &name,
							   &problem, &hint) ||
			name.is_flyway)
			return;
		versions = lappend(versions, name.version);
		names += length;
		names += strspn(names, " \t");
	}
	reader->file->requires = list_concat(reader->file->requires, versions);
}

/* Returns true if the comment is a directive, and follows it. */
static bool
read_comment(Reader *reader, const char *line, size_t length)
{
	char *comment = trimmed(line, length);
	const char *words = comment + strspn(comment, "-");
	const Marker *marker = find_marker(comment);
	const char *rest;
	void (*read)(Reader *, const char *, const char *);

	words += strspn(words, " \t");
	reader->text = comment;
	if (marker != NULL)
	{
		follow_marker(reader, marker);
		return true;
	}
	if ((rest = after(words, "+goose")) != NULL)
	{
		read_goose(reader, trimmed(rest, strlen(rest)));
		return true;
	}
	if (after(words, "! Previous:") != NULL || after(words, "! Hash:") != NULL)
	{
		reader->placeholder = EC_PLACEHOLDER_COLON;
		reader->replacer = "graphile-migrate";
		return false;
	}
	if ((rest = after(words, "depends:")) != NULL)
	{
		read_depends(reader, rest);
		return false;
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
 * Rejects a line within a string, a body or a block comment that a tool that
 * reads line by line would take for a directive.
 */
static void
refuse_hidden_directive(Reader *reader, const char *line, size_t length)
{
	char *comment = trimmed(line, length);
	const char *words = comment + strspn(comment, "-");
	const Marker *marker;

	if (reader->style == NULL || strcmp(reader->style, OURS) == 0 ||
		strncmp(comment, "--", 2) != 0)
		return;
	words += strspn(words, " \t");
	marker = find_marker(comment);
	reader->text = comment;
	if (strcmp(reader->style, "goose") == 0 ? after(words, "+goose") != NULL
		: strcmp(reader->style, "dbmate") == 0
			? after(words, "migrate:") != NULL
			: marker != NULL && marker->tool != NULL &&
				  strcmp(marker->tool, reader->style) == 0)
		raise_problem(reader, ERRCODE_FEATURE_NOT_SUPPORTED,
					  "a directive inside of a string, a body or a comment",
					  psprintf("%s would obey it there, but the server reads it as text. Move or remove it.",
							   reader->style));
}

/* The sections of Play begin with "#", which is not a comment in SQL. */
static bool
read_play(Reader *reader, const char *line, size_t length)
{
	char *text = trimmed(line, length);
	const Marker *marker;

	if (*text != '#')
		return false;
	text = trimmed(text + 1, strlen(text + 1));
	marker = strncmp(text, "---", 3) == 0 ? find_marker(text) : NULL;
	if (marker == NULL || marker->tool == NULL || strcmp(marker->tool, "Play") != 0)
		return false;
	reader->text = trimmed(line, length);
	follow_marker(reader, marker);
	return true;
}

static bool
read_directive(Reader *reader, const char *line, size_t length, const char *map)
{
	size_t first = 0;

	while (first < length && scanner_isspace(line[first]))
		first++;
	if (first == length)
		return false;
	if (map[first] == 'c')
		return read_comment(reader, line, length);
	if (map[first] == 't')
		return read_play(reader, line, length);
	refuse_hidden_directive(reader, line, length);
	return false;
}

/* Appends a line to its section, and an empty line to the others. */
static const char *
read_line(Reader *reader, const char *line, const char *map)
{
	size_t length = ec_line_length(line);
	size_t end_length = ec_line_end_length(line + length);

	reader->line++;
	if (!read_directive(reader, line, length, map))
		appendBinaryStringInfo(section_text(reader), line, length);
	line += length;
	appendBinaryStringInfo(&reader->head, line, end_length);
	appendBinaryStringInfo(&reader->up, line, end_length);
	appendBinaryStringInfo(&reader->down, line, end_length);
	return line + end_length;
}

EcFile *
ec_file_read(const char *text, const char *what, const EcFileName *name)
{
	Reader reader = {0};
	EcFile *file = palloc0(sizeof(EcFile));
	const char *map;

	text = ec_after_byte_order_mark(text);
	ec_refuse_unreadable(text, what);
	map = ec_map_script(text, what);
	reader.what = what;
	reader.file = file;
	if (name != NULL && name->is_flyway)
	{
		reader.placeholder = EC_PLACEHOLDER_DOLLAR;
		reader.replacer = "flyway";
	}
	initStringInfo(&reader.head);
	initStringInfo(&reader.up);
	initStringInfo(&reader.down);
	for (const char *line = text; *line != '\0';)
		line = read_line(&reader, line, map + (line - text));
	ec_refuse_placeholders(text, what, reader.placeholder, reader.replacer);

	if (reader.style == NULL)
	{
		file->up = reader.head.data;
		return file;
	}
	file->has_sections = true;
	if (!reader.has_up)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("script of %s has a down section, but no up section", what),
				 errhint("Put the up script after a line -- ec:up.")));
	if (ec_has_tokens(reader.head.data, what))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("script of %s has statements before its first section", what),
				 errhint("Only comments may stand there.")));
	file->up = reader.up.data;
	if (reader.has_down && ec_has_tokens(reader.down.data, what))
		file->down = reader.down.data;
	return file;
}
