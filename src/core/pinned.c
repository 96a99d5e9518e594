/*
 * pinned.c
 *		Settings under which text means the same in every session.
 */
#include "postgres.h"

#include "utils/guc.h"

#include "core/pinned.h"

int
ec_pin_text(void)
{
	static const char *const settings[][2] = {
		{"search_path", "pg_catalog, pg_temp"},
		{"datestyle", "ISO, YMD"},
		{"intervalstyle", "postgres"},
		{"timezone", "UTC"},
		{"extra_float_digits", "1"},
		{"bytea_output", "hex"},
		{"transform_null_equals", "off"},
	};
	int guc_level = NewGUCNestLevel();

	for (int i = 0; i < lengthof(settings); i++)
		(void) set_config_option(settings[i][0], settings[i][1], PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return guc_level;
}
