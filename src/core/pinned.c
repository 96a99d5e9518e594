/*
 * pinned.c
 *		Settings under which text means the same in every session.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/bytea.h"
#include "utils/float.h"
#include "utils/guc.h"

#include "core/pinned.h"

static void
pin(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/* Called for single values: where a setting is right, as by default, it is left. */
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

	pin("search_path", "pg_catalog, pg_temp");
	pin("datestyle", "ISO, YMD");
	pin("timezone", "UTC");
	pin("transform_null_equals", "off");
	return level;
}
