/*
 * syntax_hint.c
 *		Recognizes text of other tools at the position of a syntax error.
 */
#include "postgres.h"

#include "script/dialect.h"
#include "script/lines.h"
#include "script/syntax_hint.h"

/*
 * The length of a name of letters, digits, and other characters that tools
 * allow.
 */
static size_t
name_length(const char *text)
{
	return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
						"0123456789_.:- ");
}

typedef struct Form
{
	const char *start;
	const char *end; /* on the same line */
	const char *name;
} Form;

static const Form forms[] =
	{{"${", "}", "${name}"},     {"{{", "}}", "{{name}}"},
	 {"{%", "%}", "{% name %}"}, {"<%", "%>", "<%= name %>"},
	 {"#{", "}", "#{name}"},     {"%(", ")s", "%(name)s"},
	 {"$(", ")", "$(name)"},     {"@{", "}", "@{name}"},
	 {":'", "'", ":'name'"},     {":\"", "\"", ":\"name\""},
	 {":{?", "}", ":{?name}"}};

static const char *
placeholder_form(const char *c)
{
	size_t line = ec_line_length(c);

	for (int i = 0; i < lengthof(forms); i++)
	{
		size_t start = strlen(forms[i].start);
		const char *end;

		if (strncmp(c, forms[i].start, start) != 0)
			continue;
		end = strstr(c + start, forms[i].end);
		if (end != NULL && end < c + line)
			return forms[i].name;
	}
	if (c[0] == ':' && (isalpha((unsigned char) c[1]) || c[1] == '_'))
		return ":name";
	if (c[0] == '@' && isalpha((unsigned char) c[1]) &&
		c[1 + strspn(c + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
							"0123456789_.")] == '@')
		return "@name@";
	if (c[0] == '%' && isalpha((unsigned char) c[1]) &&
		c[1 + name_length(c + 1)] == '%')
		return "%name%";
	if (c[0] == '$' && isalpha((unsigned char) c[1]))
		return c[1 + name_length(c + 1)] == '$' ? "$name$" : "$name";
	if (c[0] == '_' && c[1] == '_' && isupper((unsigned char) c[2]))
		return "__NAME__";
	return NULL;
}

typedef struct ErrorHint
{
	const char *start; /* of the text at the error; in lower case */
	const char *hint;
} ErrorHint;

static const ErrorHint hints[] =
	{{"\\restrict",
	  "pg_dump writes \\restrict and \\unrestrict for psql; take these lines out of the script."},
	 {"\\unrestrict",
	  "pg_dump writes \\restrict and \\unrestrict for psql; take these lines out of the script."},
	 {"\\.", "The rows of a COPY FROM STDIN end here. A script has no client to copy "
			 "from; write them as INSERT (pg_dump --inserts does)."},
	 {"\\", "Commands of psql (\\d, \\copy, \\i and others) are not SQL; take them out of "
			"the script."},
	 {"# ---",
	  "It looks like a section of Play's evolutions. Write -- ec:up and -- ec:down."},
	 {"#", "Comments begin with -- or stand between /* and */."}};

const char *
ec_syntax_hint(const char *text, int offset)
{
	const char *at = text + offset;
	const char *form = placeholder_form(at);

	for (int i = 0; form == NULL && i < lengthof(hints); i++)
	{
		if (pg_strncasecmp(at, hints[i].start, strlen(hints[i].start)) == 0)
			return hints[i].hint;
	}
	/* the error may be at the second character, or at the name */
	for (int back = 1; form == NULL && back <= 3 && back <= offset; back++)
	{
		if (strchr("\r\n;", at[-back]) != NULL)
			break;
		form = placeholder_form(at - back);
	}
	if (form == NULL)
		return ec_dialect_hint(text, offset);
	return psprintf("It looks like a placeholder, %s, that a client or another tool "
					"replaces. The server does not know its value; put it into the script.",
					form);
}
