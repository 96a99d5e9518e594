/*
 * app_versions.c
 *		Records which versions of an application run, or have run lately.
 *
 * Applications give their version in application_name, in the format of the
 * setting app_version_pattern.  While a change requires a version, the
 * launcher's database worker reads pg_stat_activity every twenty seconds and
 * records what it sees, so that an instance that ran yesterday is still known
 * today.  sighting_watch stores since when this has been done without
 * interruption.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "core/arguments.h"
#include "usage/app_versions.h"
#include "core/catalog.h"
#include "core/guc.h"
#include "core/query.h"
#include "model/change.h"
#include "worker/process/launcher.h"
#include "worker/jobs/calls.h"
#include "worker/jobs/start.h"

#define LOOK_INTERVAL_MS 20000

/*
 * After a longer time without a look, the observation counts as interrupted.
 */
#define LONGEST_PAUSE_S 120

PG_FUNCTION_INFO_V1(ec_require_version);

static void
ask_for_look(void)
{
	ec_call_launcher(MyDatabaseId,
					 TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
												 LOOK_INTERVAL_MS));
}

/* Call in scope; does nothing while no change requires a version. */
static void
note_sightings(void)
{
	EcArgs pattern = {0};
	EcArgs pause = {0};

	ec_arg_text(&pattern, ec_app_version_pattern);
	if (ec_query("SELECT FROM expand_contract.required_versions r"
				 "  JOIN expand_contract.changes c ON c.name = r.change"
				 " WHERE c.phase NOT IN ('contracted', 'reverted') LIMIT 1",
				 NULL) == 0)
		return;
	ask_for_look();
	ec_query("INSERT INTO expand_contract.sightings AS s (application, version, last_seen)"
			 "SELECT DISTINCT application, version, now()"
			 "  FROM expand_contract.running_versions($1)"
			 " WHERE application IN (SELECT application FROM expand_contract.required_versions)"
			 " ON CONFLICT (application, version) DO UPDATE SET last_seen = excluded.last_seen",
			 &pattern);
	ec_arg_int8(&pause, LONGEST_PAUSE_S);
	ec_query("INSERT INTO expand_contract.sighting_watch AS w (since, sampled_at)"
			 " VALUES (clock_timestamp(), clock_timestamp())"
			 " ON CONFLICT ((true)) DO UPDATE SET sampled_at = excluded.sampled_at,"
			 "    since = CASE WHEN w.sampled_at < clock_timestamp() - $1 * interval '1 second'"
			 "            THEN excluded.since ELSE w.since END",
			 &pause);
}

/* Called in each database worker. */
static void
look(void)
{
	EcExtension extension;
	EcCatalogScope scope;

	if (RecoveryInProgress())
		return;
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (ec_extension_lookup(&extension))
	{
		ec_catalog_begin(&scope);
		note_sightings();
		ec_catalog_end(&scope);
	}
	PopActiveSnapshot();
	CommitTransactionCommand();
	pgstat_report_stat(true);
}

void
ec_register_sightings(void)
{
	ec_register_visitor(look);
}

static char *
text_argument(FunctionCallInfo fcinfo, int number, const char *name, int max_bytes)
{
	char *value = ec_text_argument(fcinfo, number, name);

	if (*value == '\0')
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"%s\" must not be empty", name)));
	if (strlen(value) > max_bytes)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"%s\" is too long", name),
						errdetail("It has %zu bytes, and can have %d.",
								  strlen(value), max_bytes),
						errhint("Applications say name and version in application_name, which has at most %d bytes.",
								NAMEDATALEN - 1)));
	return value;
}

/*
 * ec_require_version(change, application, minimum) -> minimum
 *
 * Requires a minimum version of an application.  The change's gate
 * app_versions does not pass until no older instance of the application has
 * been seen for the stabilization period.  A later call replaces the minimum.
 * Raises 22023 for an argument that is longer than an application_name can
 * be.  For the owner of the change's table (42501); 42704 if there is no such
 * change, 55000 if it is over.
 */
Datum
ec_require_version(PG_FUNCTION_ARGS)
{
	char *name = ec_change_full_name(
		text_argument(fcinfo, 0, "change", EC_MAX_CHANGE_NAME));
	char *application = text_argument(fcinfo, 1, "application", NAMEDATALEN - 1);
	char *minimum = text_argument(fcinfo, 2, "minimum", NAMEDATALEN - 1);
	EcCatalogScope scope;
	EcChange change;
	EcArgs args = {0};

	ec_change_get(name, &change);
	ec_change_require_active(&change);
	ec_arg_text(&args, name);
	ec_arg_text(&args, application);
	ec_arg_text(&args, minimum);
	ec_catalog_begin(&scope);
	ec_query("INSERT INTO expand_contract.required_versions (change, application, minimum)"
			 " VALUES ($1, $2, $3)"
			 " ON CONFLICT (change, application) DO UPDATE SET minimum = excluded.minimum",
			 &args);
	ec_catalog_end(&scope);
	ec_change_announce(name, "require_version",
					   psprintf("%s/%s", application, minimum));
	ec_call_launcher_at_commit(GetCurrentTimestamp());
	PG_RETURN_TEXT_P(cstring_to_text(minimum));
}
