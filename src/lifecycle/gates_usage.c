/*
 * gates_usage.c
 *		Gates: does anybody still use the old shape?
 *
 * The quiet time counts from the latest of these: the last use, the start of
 * tracking, and the end of the last period without data.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "lifecycle/gates.h"
#include "lifecycle/old_shape.h"
#include "usage/usage.h"
#include "core/hint.h"
#include "core/catalog.h"
#include "core/guc.h"
#include "core/query.h"

/* the column that has been unused for the shortest time */
typedef struct Quiet
{
	char *column;
	bool tracked;
	bool known; /* there is usage data up to now */
	TimestampTz unwritten_since;
	TimestampTz since;
	const EcUser *user; /* its user at that time; NULL: since is the start
						 * of tracking */
} Quiet;

/* Returns a number of seconds in interval syntax, as in "7 days". */
static char *
as_interval(int64 seconds)
{
	Interval *interval = palloc0(sizeof(Interval));

	interval->day = seconds / SECS_PER_DAY;
	interval->time = seconds % SECS_PER_DAY * USECS_PER_SEC;
	return DatumGetCString(
		DirectFunctionCall1(interval_out, IntervalPGetDatum(interval)));
}

static int64
seconds_since(TimestampTz time)
{
	return Max(0, (GetCurrentTimestamp() - time) / USECS_PER_SEC);
}

static void
look_at_column(const EcChange *change, AttrNumber attnum, bool writes, Quiet *quiet)
{
	EcUsage *usage = palloc(sizeof(EcUsage)); /* not freed: quiet->user
											   * points into it */
	const EcUser *user;

	memset(quiet, 0, sizeof(*quiet));
	quiet->column = get_attname(change->relation, attnum, false);
	quiet->tracked = ec_usage_of(change->relation, attnum, usage);
	if (!quiet->tracked)
		return;
	quiet->unwritten_since = usage->unwritten_since;
	quiet->known = usage->unknown.until != DT_NOEND;
	quiet->since = usage->tracked_since;
	if (quiet->known && usage->unknown.until > quiet->since)
		quiet->since = usage->unknown.until;
	user = ec_last_user(writes ? &usage->writes : &usage->reads);
	if (user != NULL && user->at > quiet->since)
	{
		quiet->since = user->at;
		quiet->user = user;
	}
}

static bool
is_worse(const Quiet *a, const Quiet *b)
{
	if (a->tracked != b->tracked)
		return !a->tracked;
	if (a->known != b->known)
		return !a->known;
	return a->since > b->since;
}

static void
judge(Quiet *quiet, bool writes, EcGate *gate)
{
	const char *used = writes ? "written" : "read";
	int64 seconds = seconds_since(quiet->since);

	if (!quiet->tracked)
	{
		gate->observed = psprintf("column %s is not tracked", quiet->column);
		gate->hint = ec_qualified(
			ec_usage_is_watching()
				? "Track it with ec_track."
				: "Preload the library (shared_preload_libraries = 'expand_contract'), then track it with ec_track.");
	}
	else if (quiet->unwritten_since != 0)
	{
		gate->observed =
			psprintf("the use of column %s is unknown: its counters could not be saved since %s",
					 quiet->column, timestamptz_to_str(quiet->unwritten_since));
		gate->hint =
			"The server's log has the error, in the context \"saving the use of columns\"; it is tried again every few seconds.";
	}
	else if (!quiet->known)
	{
		gate->observed =
			psprintf("the use of column %s is unknown at present", quiet->column);
		gate->hint =
			"Preload the library: shared_preload_libraries = 'expand_contract'.";
	}
	else if (quiet->user != NULL)
	{
		gate->observed = psprintf("column %s was last %s %s ago by %s (%s)",
								  quiet->column, used, as_interval(seconds),
								  quiet->user->application, quiet->user->role);
		gate->hint = ec_qualified(
			"Find the program in ec_column_usage, and move it to the new shape.");
	}
	else
	{
		gate->observed = psprintf("column %s has not been %s in %s of tracking",
								  quiet->column, used, as_interval(seconds));
		gate->hint = "Wait until it has been quiet for that long.";
	}
	gate->passed =
		quiet->tracked && quiet->known && seconds >= ec_stabilization_period;
}

static void
judge_columns(const EcChange *change, bool writes, EcGate *gate)
{
	Bitmapset *columns = ec_old_columns(change);
	Quiet worst = {0};
	int attnum = -1;
	bool any = false;

	gate->required =
		psprintf("no %s for %s (expand_contract.stabilization_period)",
				 writes ? "write" : "read", as_interval(ec_stabilization_period));
	while ((attnum = bms_next_member(columns, attnum)) >= 0)
	{
		Quiet quiet;

		look_at_column(change, attnum, writes, &quiet);
		if (!any || is_worse(&quiet, &worst))
			worst = quiet;
		any = true;
	}
	if (any)
		judge(&worst, writes, gate);
	else
	{
		gate->passed = true;
		gate->observed = "there is no old column";
	}
}

void
ec_gate_old_reads(const EcChange *change, EcGate *gate)
{
	judge_columns(change, false, gate);
}

void
ec_gate_old_writes(const EcChange *change, EcGate *gate)
{
	judge_columns(change, true, gate);
}

/*
 * A standby counts its own reads.  A standby passes if all its counters for
 * the old columns were imported recently and show no read for long enough.
 */
void
ec_gate_standby_reads(const EcChange *change, EcGate *gate)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	char *standby = NULL;
	char *why = NULL;

	gate->required =
		"no standby, or no use in its counters, imported within the last day";
	ec_arg_oid(&args, change->relation);
	ec_arg(&args, TEXTARRAYOID, PointerGetDatum(ec_old_column_names(change)), false);
	ec_arg_int8(&args, ec_stabilization_period);
	ec_catalog_begin(&scope);
	if (ec_query("WITH standbys AS ("
				 "  SELECT r.application_name AS name FROM pg_stat_replication r"
				 "    LEFT JOIN pg_replication_slots s ON s.active_pid = r.pid"
				 "   WHERE r.state <> 'backup' AND r.application_name <> 'pg_basebackup'"
				 "     AND s.slot_type IS DISTINCT FROM 'logical'"
				 "  UNION SELECT s.slot_name FROM pg_replication_slots s"
				 "   WHERE s.slot_type = 'physical' AND NOT s.active AND s.restart_lsn IS NOT NULL"
				 "), old AS ("
				 "  SELECT a.attnum FROM pg_attribute a"
				 "   WHERE a.attrelid = $1 AND a.attname = ANY ($2)"
				 ")"
				 "SELECT b.name, CASE WHEN u.taken_at IS NULL THEN 'its counters were never imported'"
				 "            WHEN u.taken_at < clock_timestamp() - interval '1 day'"
				 "              THEN 'its counters were imported on ' || to_char(u.taken_at, 'YYYY-MM-DD')"
				 "            ELSE 'it was not quiet there for long enough' || coalesce(', last read by ' || u.last_reader, '') END"
				 "  FROM standbys b CROSS JOIN old o"
				 "  LEFT JOIN expand_contract.standby_usage u"
				 "    ON u.standby = b.name AND u.relation = $1::regclass AND u.attnum = o.attnum"
				 " WHERE (u.taken_at >= clock_timestamp() - interval '1 day'"
				 "        AND greatest(u.counting_since, u.unknown_until, u.last_read)"
				 "            <= clock_timestamp() - $3 * interval '1 second') IS NOT TRUE"
				 " ORDER BY 1 LIMIT 1",
				 &args) > 0)
	{
		standby = ec_get_text(0, 1);
		why = ec_get_text(0, 2);
	}
	ec_catalog_end(&scope);
	gate->passed = standby == NULL;
	gate->observed = gate->passed ? pstrdup("no use that could have been missed")
								  : psprintf("standby %s: %s", standby, why);
	gate->hint = ec_qualified(
		"Run ec_export_usage() there and hand its result to ec_import_usage(standby, usage) here; or override this gate if nobody reads there.");
}

/*
 * The gate fails if an instance of an application older than what
 * ec_require_version demands is registered or was seen recently.
 */
void
ec_gate_app_versions(const EcChange *change, EcGate *gate)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	int64 required;
	TimestampTz watched_since;
	char *instance = NULL;
	char *minimum = NULL;
	TimestampTz seen = 0;

	gate->required = psprintf("no older instance seen for %s",
							  as_interval(ec_stabilization_period));
	ec_arg_text(&args, change->name);
	ec_arg_text(&args, ec_app_version_pattern);
	ec_arg_int8(&args, ec_stabilization_period);
	ec_catalog_begin(&scope);
	ec_query("SELECT count(*), (SELECT w.since FROM expand_contract.sighting_watch w"
			 "  WHERE w.sampled_at > clock_timestamp() - interval '5 minutes')"
			 "  FROM expand_contract.required_versions WHERE change = $1",
			 &args);
	required = ec_get_int8(0, 1, 0);
	watched_since = ec_get_timestamptz(0, 2, DT_NOEND);
	if (ec_query("SELECT s.application || '/' || s.version, r.minimum, s.last_seen"
				 "  FROM expand_contract.required_versions r"
				 "  JOIN (SELECT application, version, last_seen FROM expand_contract.sightings"
				 "        UNION ALL"
				 "        SELECT application, version, clock_timestamp()"
				 "          FROM expand_contract.running_versions($2)) s USING (application)"
				 " WHERE r.change = $1"
				 "   AND expand_contract.version_key(s.version) < expand_contract.version_key(r.minimum)"
				 "   AND s.last_seen > clock_timestamp() - $3 * interval '1 second'"
				 " ORDER BY s.last_seen DESC LIMIT 1",
				 &args) > 0)
	{
		instance = ec_get_text(0, 1);
		minimum = ec_get_text(0, 2);
		seen = ec_get_timestamptz(0, 3, 0);
	}
	ec_catalog_end(&scope);

	if (required == 0)
	{
		gate->passed = true;
		gate->observed = "no version is required";
	}
	else if (instance != NULL)
	{
		gate->observed = psprintf("%s was seen %s ago, required is %s", instance,
								  as_interval(seconds_since(seen)), minimum);
		gate->hint = "Deploy the newer version everywhere, and wait.";
	}
	else if (seconds_since(watched_since) < ec_stabilization_period ||
			 watched_since == DT_NOEND)
	{
		gate->observed = watched_since == DT_NOEND
							 ? pstrdup("application_name is not observed")
							 : psprintf("none, in %s of tracking",
										as_interval(seconds_since(watched_since)));
		gate->hint = watched_since == DT_NOEND
						 ? "Preload the library: its launcher then samples pg_stat_activity."
						 : "Wait until they have been watched for that long.";
	}
	else
	{
		gate->passed = true;
		gate->observed = "none";
	}
}

void
ec_gate_stabilization(const EcChange *change, EcGate *gate)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	TimestampTz cut_over;

	gate->required =
		psprintf("%s since the cutover (expand_contract.stabilization_period)",
				 as_interval(ec_stabilization_period));
	ec_arg_text(&args, change->name);
	ec_catalog_begin(&scope);
	/* Count from the cutover after the last return to an earlier phase. */
	ec_query("SELECT max(at) FILTER (WHERE value = 'cut_over' AND id > coalesce("
			 "   (SELECT max(id) FROM expand_contract.change_events"
			 "     WHERE change = $1 AND event = 'phase'"
			 "       AND value IN ('dual_write', 'backfilled', 'verified', 'reverted')), 0))"
			 "  FROM expand_contract.change_events WHERE change = $1 AND event = 'phase'",
			 &args);
	cut_over = ec_get_timestamptz(0, 1, 0);
	ec_catalog_end(&scope);
	if (cut_over == 0)
	{
		gate->observed = "it is not cut over";
		gate->hint =
			ec_hint("SELECT ec_cutover(%s).", quote_literal_cstr(change->name));
		return;
	}
	gate->observed =
		psprintf("%s since then", as_interval(seconds_since(cut_over)));
	gate->passed = seconds_since(cut_over) >= ec_stabilization_period;
	gate->hint = "Wait; or override this gate.";
}
