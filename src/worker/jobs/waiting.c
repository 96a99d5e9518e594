/*
 * waiting.c
 *		Starts workers for jobs that wait for one.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "core/hint.h"
#include "core/catalog.h"
#include "core/compat.h"
#include "core/query.h"
#include "worker/jobs/calls.h"
#include "worker/jobs/job.h"
#include "worker/jobs/owner.h"
#include "worker/jobs/places.h"
#include "worker/jobs/slots.h"
#include "worker/jobs/start.h"
#include "worker/jobs/waiting.h"

/*
 * A job fails after its worker has ended this many times without committing a
 * batch in between.  Otherwise a batch that crashes the server would do so
 * forever.
 */
#define MAX_STARTS_WITHOUT_PROGRESS 5

/*
 * Stop after this many jobs whose owners get no place; then there is none for
 * others.
 */
#define MOST_REFUSED 16

/*
 * Finds the job slots of this database that may run now and have no worker.
 * Owners take turns: owners without a worker come first, then those whose last
 * turn is the longest ago.  Of one owner's jobs the oldest comes first.  Jobs
 * that cannot be started are failed here, so that no one waits for them.
 */
static int
jobs_to_start(bool lost_ones, EcJobStart **jobs, TimestampTz *next)
{
	EcArgs args = {0};
	List *live = ec_live_slots();
	TimestampTz now = GetCurrentTimestamp();
	List *unauthorized = NIL; /* of int64 * */
	ListCell *cell;
	uint64 found;
	int count = 0;

	ec_arg_int4(&args, MAX_STARTS_WITHOUT_PROGRESS);
	ec_arg_bool(&args, EC_OWNER_NEEDS_LOGIN);
	ec_arg_text(&args, EC_SET_ROLE_PRIVILEGE);
	ec_arg_text(&args, ec_qualified("Use ALTER ROLE ... LOGIN, then ec_resume."));
	ec_arg_text(&args,
				ec_qualified(
					"Log in as a member of the owner who is not a superuser, and use ec_resume."));
	ec_arg_text(&args,
				ec_qualified("Use GRANT CONNECT ON DATABASE, then ec_resume."));
	ec_query("UPDATE expand_contract.jobs j SET state = 'failed', "
			 "finished_at = clock_timestamp(), error_code = c.code, "
			 "error_message = c.message, error_hint = c.hint "
			 "FROM expand_contract.jobs k "
			 "LEFT JOIN pg_catalog.pg_roles r ON r.oid = k.owner "
			 "LEFT JOIN pg_catalog.pg_roles l ON l.oid = CASE WHEN $2 AND NOT r.rolcanlogin "
			 "THEN k.login ELSE k.owner END "
			 "CROSS JOIN LATERAL (SELECT "
			 "'42704' AS code, 'the owner of the job does not exist any more' "
			 "AS message, 'Cancel the job and submit another.' AS hint "
			 "WHERE r.oid IS NULL "
			 "UNION ALL SELECT '28000', 'the owner of the job cannot log in any "
			 "more', $4 "
			 "WHERE $2 AND NOT r.rolcanlogin AND k.login = k.owner "
			 "UNION ALL SELECT '28000', 'the role that submitted the job cannot log in "
			 "any more, or become its owner', $5 "
			 "WHERE l.oid IS NULL OR ($2 AND NOT (l.rolcanlogin AND (l.oid = r.oid OR "
			 "(NOT l.rolsuper AND pg_has_role(l.oid, r.oid, $3))))) "
			 "UNION ALL SELECT '42501', 'the owner of the job may not connect to "
			 "the database any more', $6 WHERE NOT has_database_privilege(l.oid, "
			 "current_database(), 'CONNECT') "
			 "UNION ALL SELECT '57P02', 'the worker ended ' || k.starts || "
			 "' times in a row before it committed a batch', 'See the server log.' "
			 "WHERE k.starts >= $1 * k.workers LIMIT 1) c "
			 "WHERE k.id = j.id AND j.state IN ('queued', 'running') "
			 "AND NOT EXISTS (SELECT FROM expand_contract.live_slots() l "
			 "WHERE l.job = j.id)",
			 &args);

	memset(&args, 0, sizeof(args));
	ec_arg_int8(&args, (int64) GetSystemIdentifier());
	ec_arg_oid(&args, MyDatabaseId);
	found =
		ec_query("SELECT j.id, j.owner, s.slot, j.start_at, "
				 "j.run_window, j.settings ->> 'TimeZone', j.state = 'running', "
				 "j.login, s.resume_at "
				 "FROM expand_contract.jobs j "
				 "JOIN expand_contract.job_slots s ON s.job = j.id "
				 "AND s.slot < j.workers "
				 "WHERE j.state IN ('queued', 'running') "
				 "AND j.system_identifier = $1 AND j.database = $2 "
				 "AND NOT EXISTS (SELECT FROM expand_contract.jobs p WHERE p.part_of = j.id "
				 "AND p.state IN ('queued', 'running', 'paused')) "
				 "ORDER BY s.resume_at > clock_timestamp() IS TRUE, "
				 "(SELECT count(*) FROM expand_contract.live_slots() l "
				 "JOIN expand_contract.jobs o ON o.id = l.job WHERE o.owner = j.owner), "
				 "(SELECT max(o.turn_at) FROM expand_contract.jobs o "
				 "WHERE o.owner = j.owner) NULLS FIRST, "
				 "j.id, s.slot",
				 &args);
	*next = DT_NOEND;
	*jobs = SPI_palloc(Max(found, 1) * sizeof(EcJobStart));
	for (uint64 row = 0; row < found; row++)
	{
		EcJobStart *start = *jobs + count;
		TimestampTz until;
		TimestampTz due = ec_job_next_run(row, 4, now, &until);

		if (due > now)
		{
			*next = Min(*next, due);
			continue;
		}
		start->id = ec_get_int8(row, 1, 0);
		start->owner = ec_get_oid(row, 2);
		start->slot = ec_get_int4(row, 3, 0);
		start->login = ec_get_oid(row, 8);
		if (ec_is_live(live, start->id, start->slot))
			continue;
		if (ec_get_bool(row, 7, false) && !lost_ones &&
			!ec_has_live_slot(live, start->id))
			continue;
		start->login = ec_job_login(start->owner, start->login);
		if (!ec_may_act_as(start->owner) || !ec_may_act_as(start->login))
		{
			int64 *id = palloc(sizeof(int64));

			*id = start->id;
			unauthorized = lappend(unauthorized, id);
			continue;
		}
		due = ec_get_timestamptz(row, 9, now);
		start->is_early = due > now;
		if (start->is_early)
			*next = Min(*next, due);
		count++;
	}
	foreach (cell, unauthorized)
	{
		ec_job_fail_unauthorized(*(int64 *) lfirst(cell));
	}
	return count;
}

void
ec_start_waiting_jobs(bool lost_ones)
{
	EcCatalogScope scope;
	EcJobStart *jobs;
	TimestampTz next;
	int waiting = 0;
	int started = 0;
	int refused = 0;
	int free_places;
	int count;

	ec_catalog_begin(&scope);
	count = jobs_to_start(lost_ones, &jobs, &next);
	ec_catalog_end(&scope);
	free_places = ec_count_places(false, InvalidOid);
	for (int i = 0; i < count && refused < MOST_REFUSED; i++)
	{
		EcJobStart *start = &jobs[i];

		waiting += !start->is_early;
		if (start->is_early && ec_launcher_running())
			break;
		if (started >= free_places &&
			(start->is_early || started >= ec_count_places(true, start->login)))
		{
			if (!start->is_early)
				ec_urge_places(start->login);
			refused++;
			continue;
		}
		if (!ec_start_worker(start))
			break;
		started++;
	}
	if (next != DT_NOEND)
		ec_call_launcher(MyDatabaseId, next);
	if (waiting > 0)
		ec_call_launcher_again(MyDatabaseId);
}
