/*
 * pinned.c
 *		Settings under which a text has the same meaning in every session.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "parser/parse_expr.h"
#include "parser/parser.h"
#include "pgtime.h"
#include "tsearch/ts_cache.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/bytea.h"
#include "utils/float.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"
#include "utils/lsyscache.h"
#include "utils/xml.h"

#include "core/callers_path.h"
#include "core/json.h"
#include "core/pinned.h"

static void
pin(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/*
 * Called for single values, so it sets only what differs; the defaults need
 * nothing.
 */
int
ec_pin_output(void)
{
	int level = NewGUCNestLevel();

	if (DateStyle != USE_ISO_DATES || DateOrder != DATEORDER_MDY)
		pin("datestyle", "ISO, MDY");
	if (IntervalStyle != INTSTYLE_POSTGRES)
		pin("intervalstyle", "postgres");
	if (extra_float_digits < 1)
		pin("extra_float_digits", "1");
	if (bytea_output != BYTEA_OUTPUT_HEX)
		pin("bytea_output", "hex");
	if (quote_all_identifiers)
		pin("quote_all_identifiers", "off");
	return level;
}

int
ec_pin_text(void)
{
	int level = ec_pin_output();

	ec_use_own_path();
	pin("datestyle", "ISO, YMD");
	pin("timezone", "UTC");
	pin("transform_null_equals", "off");
	return level;
}

/*
 * Declared here because utils/pg_locale.h includes ICU headers, which may be
 * missing.
 */
extern PGDLLIMPORT char *locale_monetary;
extern PGDLLIMPORT char *locale_numeric;
extern PGDLLIMPORT char *locale_time;

/*
 * Settings that functions of the server read although they are marked STABLE
 * or even IMMUTABLE.  search_path is the last one, because not every change
 * pins it.
 */
static const char *const names[] = {
	"DateStyle",
	"IntervalStyle",
	"TimeZone",
	"timezone_abbreviations",
	"extra_float_digits",
	"bytea_output",
	"lc_monetary",
	"lc_numeric",
	"lc_time",
	"default_text_search_config",
	"xmlbinary",
	"xmloption",
	"array_nulls",
	"backslash_quote",
	"quote_all_identifiers",
	"standard_conforming_strings",
	"transform_null_equals",
	"search_path",
};

#define SEARCH_PATH (lengthof(names) - 1)

/*
 * The current search_path without "$user", whose meaning depends on the role:
 * it is replaced by the schema that it stands for now.  Temporary objects come
 * last, so that they cannot mask others.
 */
static char *
present_path(void)
{
	StringInfoData path;
	ListCell *cell;

	initStringInfo(&path);
	foreach (cell, fetch_search_path(false))
	{
		Oid schema = lfirst_oid(cell);

		if (!isAnyTempNamespace(schema))
			appendStringInfo(&path, "%s, ",
							 quote_identifier(get_namespace_name(schema)));
	}
	appendStringInfoString(&path, "pg_temp");
	return path.data;
}

Jsonb *
ec_settings_now(bool with_path)
{
	EcJsonWriter writer;

	ec_json_begin(&writer);
	for (int i = 0; i < SEARCH_PATH; i++)
		ec_json_text(&writer, names[i], GetConfigOption(names[i], false, false));
	if (with_path)
		ec_json_text(&writer, names[SEARCH_PATH], present_path());
	return ec_json_end(&writer);
}

int
ec_pin_settings(const Jsonb *settings)
{
	int level = NewGUCNestLevel();

	for (int i = 0; settings != NULL && i < lengthof(names); i++)
	{
		char *value = ec_json_get_text(settings, names[i]);

		if (value != NULL &&
			strcmp(value, GetConfigOption(names[i], false, false)) != 0)
			pin(names[i], value);
	}
	return level;
}

/*
 * Values of the server's variables.  The server never frees a pg_tz, so
 * comparing pointers is enough.
 */
typedef struct Variables
{
	int date_style;
	int date_order;
	int interval_style;
	int float_digits;
	int bytea;
	int xml_binary;
	int xml_option;
	int backslashes;
	bool null_elements;
	bool quotes_all;
	bool conforming;
	bool null_equals;
	pg_tz *zone;
} Variables;

/* The settings that are strings. */
static const char *const strings[] = {
	"timezone_abbreviations",     "lc_monetary", "lc_numeric", "lc_time",
	"default_text_search_config", "search_path",
};

struct EcPinned
{
	Jsonb *settings;
	Variables variables;
	char *values[lengthof(strings)]; /* NULL: not pinned */
};

static void
read_variables(Variables *variables)
{
	memset(variables, 0, sizeof(*variables));
	variables->date_style = DateStyle;
	variables->date_order = DateOrder;
	variables->interval_style = IntervalStyle;
	variables->float_digits = extra_float_digits;
	variables->bytea = bytea_output;
	variables->xml_binary = xmlbinary;
	variables->xml_option = xmloption;
	variables->backslashes = backslash_quote;
	variables->null_elements = Array_nulls;
	variables->quotes_all = quote_all_identifiers;
	variables->conforming = standard_conforming_strings;
	variables->null_equals = Transform_null_equals;
	variables->zone = session_timezone;
}

EcPinned *
ec_pinned(const Jsonb *settings)
{
	EcPinned *pinned;
	int level;

	if (settings == NULL)
		return NULL;
	pinned = palloc0_object(EcPinned);
	pinned->settings =
		(Jsonb *) memcpy(palloc(VARSIZE(settings)), settings, VARSIZE(settings));
	for (int i = 0; i < lengthof(strings); i++)
		pinned->values[i] = ec_json_get_text(settings, strings[i]);
	level = ec_pin_settings(settings);
	read_variables(&pinned->variables);
	AtEOXact_GUC(false, level);
	return pinned;
}

/* It has no variable that others see; to look it up each time would take longer. */
static const char *
present_abbreviations(void)
{
	static char **variable = NULL;

	if (variable == NULL)
	{
		struct config_generic *setting = NULL;

#if PG_VERSION_NUM >= 160000
		setting = find_option(strings[0], false, false, ERROR);
#else
		for (int i = 0; setting == NULL && i < GetNumConfigOptions(); i++)
			if (strcmp(get_guc_variables()[i]->name, strings[0]) == 0)
				setting = get_guc_variables()[i];
#endif
		variable = ((struct config_string *) setting)->variable;
	}
	return *variable;
}

static bool
is_as_pinned(const EcPinned *pinned)
{
	const char *const present[lengthof(strings)] = {
		present_abbreviations(), locale_monetary,
		locale_numeric,          locale_time,
		TSCurrentConfig,         namespace_search_path,
	};
	Variables variables;

	read_variables(&variables);
	if (memcmp(&variables, &pinned->variables, sizeof(variables)) != 0)
		return false;
	for (int i = 0; i < lengthof(strings); i++)
		if (pinned->values[i] != NULL && strcmp(pinned->values[i], present[i]) != 0)
			return false;
	return true;
}

int
ec_pinned_begin(const EcPinned *pinned)
{
	return pinned == NULL || is_as_pinned(pinned)
			   ? 0
			   : ec_pin_settings(pinned->settings);
}

void
ec_pinned_end(int guc_level)
{
	if (guc_level != 0)
		AtEOXact_GUC(false, guc_level);
}
