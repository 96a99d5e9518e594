/*
 * apply_file.c
 *		ec_apply_script: applies the text of a migration file.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "core/arguments.h"
#include "lint/lint.h"
#include "migrate/apply.h"
#include "migrate/file.h"
#include "migrate/scope.h"
#include "migrate/version.h"

const char *
ec_file_apply(const EcFile *file, const char *version, const EcFileOptions *options)
{
	EcApplyArguments arguments = {0};

	arguments.scope = options->scope;
	arguments.version = version;
	arguments.up = file->up;
	arguments.down = file->down;
	arguments.has_sections = file->has_sections;
	arguments.description =
		file->description ? file->description : options->description;
	arguments.requires = file->requires;
	arguments.phase = file->phase ? file->phase : EC_DEPLOY_EXPAND;
	arguments.allow = list_concat_copy(file->allow, options->allow);
	arguments.dry_run = options->dry_run;
	arguments.online = ec_is_online(options->online, file->online);
	return ec_apply_migration(&arguments);
}

/*
 * ec_apply_script(version text, script text, dry_run boolean, scope text,
 *		online boolean) → text
 *
 * Applies a file with up and down sections, and returns what ec_apply returns.
 *
 * Errors: those of ec_apply; 22023 for an unknown directive, 0A000 for one
 * that is not supported.
 */
PG_FUNCTION_INFO_V1(ec_apply_script);
Datum
ec_apply_script(PG_FUNCTION_ARGS)
{
	char *version = ec_text_argument(fcinfo, 0, "version");
	char *script = ec_text_argument(fcinfo, 1, "script");
	bool dry_run = ec_bool_argument(fcinfo, 2, "dry_run");
	EcFileOptions options = {ec_scope_argument(fcinfo, 3), NULL, NIL, dry_run,
							 ec_online_argument(fcinfo, 4)};
	EcFile *file;

	ec_check_version(version);
	file = ec_file_read(script, ec_migration_name(options.scope, version), NULL);
	PG_RETURN_TEXT_P(cstring_to_text(ec_file_apply(file, version, &options)));
}
