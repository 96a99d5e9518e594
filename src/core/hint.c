/*
 * hint.c
 *		Hints and statements that name functions and views of the extension.
 */
#include "postgres.h"

#include "access/xact.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/callers_path.h"
#include "core/catalog.h"
#include "core/hint.h"

/* Returns what names need before them; NULL if they need nothing. */
static char *
qualifier(bool in_format)
{
	EcExtension extension;
	StringInfoData result;

	if (!IsTransactionState() || !ec_extension_lookup(&extension) ||
		ec_caller_finds(extension.schema))
		return NULL;
	initStringInfo(&result);
	for (const char *c = quote_identifier(get_namespace_name(extension.schema));
		 *c; c++)
	{
		if (*c == '%' && in_format)
			appendStringInfoChar(&result, '%');
		appendStringInfoChar(&result, *c);
	}
	appendStringInfoChar(&result, '.');
	return result.data;
}

static bool
is_in_name(char c)
{
	return isalnum((unsigned char) c) || c == '_' || c == '.' || c == '"' ||
		   c == '~';
}

static char *
qualify(const char *format, bool in_format)
{
	char *before = strstr(format, "ec_") == NULL ? NULL : qualifier(in_format);
	StringInfoData result;

	if (before == NULL)
		return pstrdup(format);
	initStringInfo(&result);
	for (const char *c = format; *c; c++)
	{
		if (strncmp(c, "ec_", 3) == 0 && (c == format || !is_in_name(c[-1])))
			appendStringInfoString(&result, before);
		appendStringInfoChar(&result, *c);
	}
	return result.data;
}

static char *
print(const char *format, va_list *arguments) pg_attribute_printf(1, 0);

static char *
print(const char *format, va_list *arguments)
{
	char *template = qualify(format, true);
	size_t size = 256;

	for (;;)
	{
		char *text = palloc(size);
		va_list copy;
		size_t needed;

		va_copy(copy, *arguments);
		needed = pvsnprintf(text, size, template, copy);
		va_end(copy);
		if (needed < size)
			return text;
		pfree(text);
		size = needed;
	}
}

char *
ec_qualified(const char *text)
{
	return qualify(text, false);
}

char *
ec_hint(const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	text = print(format, &arguments);
	va_end(arguments);
	return text;
}

int
ec_errhint(const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	text = print(format, &arguments);
	va_end(arguments);
	return errhint("%s", text);
}
