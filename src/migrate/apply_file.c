/*
 * apply_file.c
 *		ec_apply_script: applies the text of a migration file.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "core/arguments.h"
#include "migrate/file.h"
#include "lint/lint.h"
#include "migrate/version.h"

extern Datum ec_apply(PG_FUNCTION_ARGS);

static Datum
text_array(List *words)
{
	Datum *values = palloc(Max(1, list_length(words)) * sizeof(Datum));

	for (int i = 0; i < list_length(words); i++)
		values[i] = CStringGetTextDatum(list_nth(words, i));
	return PointerGetDatum(construct_array(values, list_length(words), TEXTOID,
										   -1, false, TYPALIGN_INT));
}

static void
set_argument(FunctionCallInfo fcinfo, int n, Datum value, bool isnull)
{
	fcinfo->args[n].value = value;
	fcinfo->args[n].isnull = isnull;
}

static void
set_text(FunctionCallInfo fcinfo, int n, const char *value)
{
	set_argument(fcinfo, n, value ? CStringGetTextDatum(value) : (Datum) 0,
				 value == NULL);
}

char *
ec_file_apply(const EcFile *file, const char *version, const char *description,
			  bool dry_run)
{
	LOCAL_FCINFO(call, 8);

	InitFunctionCallInfoData(*call, NULL, 8, InvalidOid, NULL, NULL);
	set_text(call, 0, version);
	set_text(call, 1, file->up);
	set_text(call, 2, file->down);
	set_text(call, 3, file->description ? file->description : description);
	set_argument(call, 4, text_array(file->requires), false);
	set_text(call, 5, file->phase ? file->phase : EC_DEPLOY_EXPAND);
	set_argument(call, 6, text_array(file->allow), false);
	set_argument(call, 7, BoolGetDatum(dry_run), false);
	return TextDatumGetCString(ec_apply(call));
}

/*
 * ec_apply_script(version text, script text, dry_run boolean) → text
 *
 * Applies a file with up and down, and returns what ec_apply returns.
 *
 * Errors: those of ec_apply; 22023 for a directive that is not known, 0A000
 * for one that cannot be followed.
 */
PG_FUNCTION_INFO_V1(ec_apply_script);
Datum
ec_apply_script(PG_FUNCTION_ARGS)
{
	char *version = ec_text_argument(fcinfo, 0, "version");
	char *script = ec_text_argument(fcinfo, 1, "script");
	bool dry_run = ec_bool_argument(fcinfo, 2, "dry_run");
	EcFile *file;

	ec_check_version(version);
	file = ec_file_read(script, psprintf("migration \"%s\"", version));
	PG_RETURN_TEXT_P(cstring_to_text(ec_file_apply(file, version, NULL, dry_run)));
}
