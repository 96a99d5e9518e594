/*
 * gates_data.c
 *		Gates: is the data of the new shape right, and will it stay right?
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "core/distributed.h"
#include "lifecycle/gates.h"
#include "core/hint.h"
#include "core/catalog.h"
#include "core/guc.h"
#include "core/query.h"
#include "dualwrite/queue/reconcile.h"
#include "dualwrite/sequences.h"
#include "dualwrite/subscriptions.h"
#include "worker/jobs/job.h"

static char *
quoted(const EcChange *change)
{
	return quote_literal_cstr(change->name);
}

void
ec_gate_backfill_complete(const EcChange *change, EcGate *gate)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	int64 job = 0;
	char *state = NULL;
	char *finished = NULL;

	gate->required = "a completed backfill, and none running";
	ec_catalog_begin(&scope);
	ec_arg_text(&args, change->name);
	/* an unfinished job first, then the one that was done last */
	if (ec_query("SELECT j.id, j.state, to_char(j.finished_at, 'YYYY-MM-DD HH24:MI:SSOF')"
				 "  FROM expand_contract.change_jobs c"
				 "  JOIN expand_contract.jobs j ON j.id = c.job"
				 " WHERE c.change = $1 AND j.state <> 'cancelled'"
				 " ORDER BY j.state = 'done', j.finished_at DESC, j.id DESC LIMIT 1",
				 &args) > 0)
	{
		job = ec_get_int8(0, 1, 0);
		state = ec_get_text(0, 2);
		finished = ec_get_text(0, 3);
	}
	ec_catalog_end(&scope);

	if (state == NULL && strcmp(change->phase, EC_PHASE_DUAL_WRITE) == 0)
	{
		gate->observed = "no backfill of this change";
		gate->hint = ec_hint("SELECT ec_backfill_change(%s).", quoted(change));
	}
	else if (state == NULL)
	{
		/* A restored database has no jobs, but the change has its phase. */
		gate->passed = true;
		gate->observed = psprintf("phase %s", change->phase);
	}
	else if (strcmp(state, EC_STATE_DONE) == 0)
	{
		gate->passed = true;
		gate->observed =
			psprintf("job " INT64_FORMAT " was done at %s", job, finished);
	}
	else
	{
		gate->observed = psprintf("job " INT64_FORMAT " is %s", job, state);
		if (strcmp(state, EC_STATE_FAILED) == 0)
			gate->hint =
				ec_hint("Correct the error that last_error in ec_progress shows, then SELECT ec_resume(" INT64_FORMAT
						").",
						job);
		else
			gate->hint =
				ec_hint("Wait for it with CALL ec_wait(" INT64_FORMAT ").", job);
	}
}

/* The verification must have begun after the last job and the last gap. */
void
ec_gate_verified(const EcChange *change, EcGate *gate)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	int64 id = 0;
	int64 wrong = 0;
	int64 rows = 0;
	char *finished = NULL;
	bool is_old = false;

	gate->required =
		"a verification without differences, started after the last backfill, repair and gap";
	ec_catalog_begin(&scope);
	ec_arg_text(&args, change->name);
	if (ec_query("SELECT v.id, v.missing + v.extra + v.different, v.rows_source,"
				 "       to_char(v.finished_at, 'YYYY-MM-DD HH24:MI:SSOF'),"
				 "       coalesce(v.started_at < greatest("
				 "           (SELECT max(j.finished_at) FROM expand_contract.change_jobs c"
				 "              JOIN expand_contract.jobs j ON j.id = c.job"
				 "             WHERE c.change = $1 AND j.state = 'done'),"
				 "           (SELECT max(greatest(g.at, g.repaired_at))"
				 "              FROM expand_contract.gaps g WHERE g.change = $1)), false)"
				 "  FROM expand_contract.verifications v"
				 " WHERE v.change = $1 AND v.finished_at IS NOT NULL"
				 " ORDER BY v.started_at DESC, v.id DESC LIMIT 1",
				 &args) > 0)
	{
		id = ec_get_int8(0, 1, 0);
		wrong = ec_get_int8(0, 2, 0);
		rows = ec_get_int8(0, 3, 0);
		finished = ec_get_text(0, 4);
		is_old = ec_get_bool(0, 5, false);
	}
	ec_catalog_end(&scope);

	gate->hint = ec_hint("SELECT * FROM ec_verify_change(%s).", quoted(change));
	if (finished == NULL)
	{
		gate->observed = "no verification of this change";
		return;
	}
	gate->passed = wrong == 0 && !is_old;
	gate->observed =
		psprintf("verification " INT64_FORMAT " of %s found " INT64_FORMAT
				 " of " INT64_FORMAT " rows that differ%s",
				 id, finished, wrong, rows,
				 is_old ? ", and a job or a gap came after it" : "");
	if (!is_old && ec_discrepancies_left(change->name) > 0)
		gate->hint =
			ec_hint("See them with SELECT * FROM ec_mismatches WHERE verification = " INT64_FORMAT
					". First SELECT ec_reconcile(%s), since a repair leaves alone what is in ec_discrepancies; then SELECT ec_backfill_change(%s, 'repair'), and verify again.",
					id, quoted(change), quoted(change));
	else if (!is_old)
		gate->hint =
			ec_hint("See them with SELECT * FROM ec_mismatches WHERE verification = " INT64_FORMAT
					", bring them in step with SELECT ec_backfill_change(%s, 'repair'), and verify again.",
					id, quoted(change));
}

void
ec_gate_discrepancies(const EcChange *change, EcGate *gate)
{
	int64 left = ec_discrepancies_left(change->name);

	gate->required = "no failed modern write in the queue";
	gate->observed = psprintf(INT64_FORMAT " in the queue", left);
	gate->passed = left == 0;
	gate->hint =
		ec_hint("See them in ec_discrepancies; once their cause is gone, SELECT ec_reconcile(%s).",
				quoted(change));
}

/*
 * Do the triggers depend on the columns that they use?  Not after a dump or
 * pg_upgrade.
 */
static bool
columns_are_kept(const EcChange *change)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	bool kept;

	ec_catalog_begin(&scope);
	ec_arg_text(&args, change->name);
	kept =
		ec_query("SELECT FROM expand_contract.triggers_of($1) n"
				 "  JOIN pg_trigger t ON t.tgrelid = n.relation AND t.tgname = n.name"
				 "  JOIN pg_depend d ON d.classid = 'pg_trigger'::regclass AND d.objid = t.oid"
				 "   AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 LIMIT 1",
				 &args) > 0;
	ec_catalog_end(&scope);
	return kept;
}

/* False if one of our triggers is missing or disabled. */
static bool
triggers_are_there(const EcChange *change)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	bool missing;

	ec_catalog_begin(&scope);
	ec_arg_text(&args, change->name);
	/*
	 * Each table or partition that is written to needs one trigger for a
	 * change within a table, or one for each event for a change to another
	 * table; a partition needs one more, for moves between partitions.
	 */
	ec_query("SELECT EXISTS (SELECT FROM expand_contract.changes c"
			 "  CROSS JOIN LATERAL (SELECT expand_contract.family_of(c.relation)"
			 "                UNION SELECT expand_contract.family_of(c.target)"
			 "                       WHERE c.backward IS NOT NULL) f (oid)"
			 "  LEFT JOIN expand_contract.triggers_of($1) t"
			 "    ON t.relation = f.oid AND t.enabled IN ('O', 'A')"
			 " WHERE c.name = $1 GROUP BY f.oid, c.target"
			 " HAVING count(t.name) < CASE WHEN c.target IS NULL THEN 1 ELSE 4"
			 "  + (SELECT (k.relkind = 'r' AND k.relispartition)::integer"
			 "       FROM pg_class k WHERE k.oid = f.oid) END)",
			 &args);
	missing = ec_get_bool(0, 1, true);
	ec_catalog_end(&scope);
	return !missing;
}

void
ec_gate_dual_write(const EcChange *change, EcGate *gate)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	char *subscription;
	int64 gaps;

	gate->required = "on, with all triggers enabled and every gap repaired";
	ec_catalog_begin(&scope);
	ec_arg_text(&args, change->name);
	ec_query("SELECT count(*) FROM expand_contract.gaps"
			 " WHERE change = $1 AND repaired_by IS NULL",
			 &args);
	gaps = ec_get_int8(0, 1, 0);
	ec_catalog_end(&scope);

	if (!change->dual_write)
	{
		gate->observed = "off";
		gate->hint = ec_hint("SELECT ec_dual_write(%s, true), then a repair.",
							 quoted(change));
	}
	else if (!ec_enable_modern_write)
	{
		gate->observed = "expand_contract.enable_modern_write is off";
		gate->hint = "Set it on again, then repair.";
	}
	else if (ec_is_distributed(change->relation) ||
			 ec_is_distributed(change->target))
	{
		gate->observed = "a table of the change is distributed";
		gate->hint =
			"Its shards have no dual writes: use undistribute_table, then a repair.";
	}
	else if ((subscription = ec_subscription_to(change)) != NULL)
	{
		gate->observed =
			psprintf("subscription \"%s\" writes rows that it does not see",
					 subscription);
		gate->hint =
			"Drop the subscription, or take the change's tables out of its publication; then a repair.";
	}
	else if (!triggers_are_there(change))
	{
		gate->observed = "a trigger of the change is missing or disabled";
		gate->hint =
			"Enable the triggers whose names begin with ~ec_, or revert the change and register it again.";
	}
	else if (gaps > 0)
	{
		gate->observed =
			psprintf(INT64_FORMAT " transactions wrote what was not carried over",
					 gaps);
		gate->hint =
			ec_hint("SELECT ec_backfill_change(%s, 'repair'), and verify after it.",
					quoted(change));
	}
	else
	{
		gate->observed = "on";
		gate->passed = true;
		if (!columns_are_kept(change))
		{
			gate->observed = "on, but its columns could be dropped";
			gate->hint = ec_qualified(
				"A dump or pg_upgrade does not keep what the triggers depend on: call ec_expand again as it was called, which sets that up.");
		}
	}
}

static void
add_part(StringInfo text, const char *part)
{
	appendStringInfo(text, "%s%s", text->len > 0 ? "; " : "", part);
}

/* Sequences that the transition may advance do not close the gate. */
void
ec_gate_sequences(const EcChange *change, EcGate *gate)
{
	List *uses = ec_sequences_of_change(change, !gate->at_a_glance);
	StringInfoData observed;
	ListCell *cell;

	initStringInfo(&observed);
	gate->required = "each beyond the values of its columns, or able to be advanced";
	gate->passed = true;
	foreach (cell, uses)
	{
		const EcSequenceUse *use = lfirst(cell);
		bool is_stuck = ec_sequence_is_stuck(use);

		if (!use->is_behind && !is_stuck)
			continue;
		add_part(&observed, psprintf("%s%s", ec_sequence_state(use),
									 is_stuck ? "" : ", where this step brings it"));
		if (is_stuck && gate->passed)
			gate->hint = psprintf("Use %s.", ec_sequence_remedy(change, use));
		gate->passed = gate->passed && !is_stuck;
	}
	if (observed.len == 0)
		add_part(&observed, uses == NIL
								? "no column uses one"
								: psprintf("%d past the values of their columns",
										   list_length(uses)));
	gate->observed = observed.data;
}

void
ec_gate_replication_lag(const EcChange *change, EcGate *gate)
{
	EcCatalogScope scope;
	int64 lag;

	gate->required = psprintf("at most %d ms (expand_contract.max_replication_lag)",
							  ec_max_replication_lag);
	ec_catalog_begin(&scope);
	ec_query("SELECT (extract(epoch FROM expand_contract.replication_lag()) * 1000)::bigint",
			 NULL);
	lag = ec_get_int8(0, 1, -1);
	ec_catalog_end(&scope);
	gate->passed = lag >= 0 && lag <= ec_max_replication_lag;
	gate->observed = lag < 0
						 ? pstrdup("the lag of a standby or its slot is unknown")
						 : psprintf(INT64_FORMAT " ms", lag);
	gate->hint =
		"Look at pg_stat_replication and pg_replication_slots; a standby that does not count is named in expand_contract.ignore_standbys.";
}

void
ec_gate_reversible(const EcChange *change, EcGate *gate)
{
	gate->passed = change->backward != NULL;
	gate->required = "a backward mapping";
	gate->observed = gate->passed ? "there is one" : "there is none";
	gate->hint =
		"Values written only through the new shape cannot be carried back. Register the change with a backward mapping, or override this gate.";
}
