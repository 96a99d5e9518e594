/*
 * session.c
 *		The submitting session's settings that affect the meaning of user SQL.
 *
 * A worker parses and computes as the submitting session would: with its
 * search_path, with its row_security (for what triggers and functions read;
 * our own statements use core/planned.h), and with the settings that affect
 * the conversion between text and values.  They give the owner no additional
 * rights, because the worker runs as the owner.  Settings of the role or the
 * database apply as they were at the submission.
 */
#include "postgres.h"

#include "utils/guc.h"
#include "utils/jsonb.h"

#include "core/json.h"
#include "worker/jobs/session.h"

static const char *const captured[] = {
	"search_path",
	"row_security",
	"TimeZone",
	"timezone_abbreviations",
	"DateStyle",
	"IntervalStyle",
	"bytea_output",
	"extra_float_digits",
	"lc_monetary",
	"lc_numeric",
	"lc_time",
	"standard_conforming_strings",
	"default_text_search_config",
	"xmlbinary",
	"xmloption",
	"array_nulls",
	"backslash_quote",
	"check_function_bodies",
	"default_table_access_method",
	"default_tablespace",
	"default_toast_compression",
	"quote_all_identifiers",
	"restrict_nonsystem_relation_kind", /* not in all minor versions */
	"temp_tablespaces",
	"transform_null_equals",
};

Jsonb *
ec_capture_session(void)
{
	EcJsonWriter writer;

	ec_json_begin(&writer);
	for (int i = 0; i < lengthof(captured); i++)
	{
		const char *value = GetConfigOption(captured[i], true, false);

		if (value != NULL)
			ec_json_text(&writer, captured[i], value);
	}
	return ec_json_end(&writer);
}

void
ec_apply_session(Jsonb *settings)
{
	for (int i = 0; i < lengthof(captured); i++)
	{
		char *value = ec_json_get_text(settings, captured[i]);

		if (value != NULL)
			SetConfigOption(captured[i], value, PGC_USERSET, PGC_S_SESSION);
	}
}
