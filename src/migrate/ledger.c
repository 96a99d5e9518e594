/*
 * ledger.c
 *		expand_contract.schema_migrations, and the log of events.
 *
 * The ledger contains what is applied now.  expand_contract.migration_events
 * is append-only, and records who did what and when, including rollbacks.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "core/catalog.h"
#include "core/own_table.h"
#include "core/query.h"
#include "expand_contract.h"
#include "migrate/ledger.h"
#include "worker/jobs/origin.h"

/*
 * The version $1 of schema_migrations.  Both keys of the table begin with
 * scope, and without statistics the planner takes either for a condition on
 * scope and version.  With the wrong one it would read the whole scope for each
 * migration.
 */
#define IS_VERSION                                                             \
	"version = $1 AND version_key = expand_contract.version_key($1)"

EcMigration *
ec_ledger_find(const char *scope_name, const char *version)
{
	EcMigration *migration = NULL;
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_catalog_begin(&scope);
	ec_arg_text(&args, version);
	ec_arg_text(&args, scope_name);
	/* for "lacking" see sql_version.h */
	if (ec_query("SELECT m.*"
				 "  FROM (SELECT NULL::oid AS down_by_oid, NULL::bigint AS down_system,"
				 "               '' COLLATE \"C\" AS scope) AS lacking,"
				 "       LATERAL (SELECT version, state, checksum, up, down, error, direction,"
				 "                       steps, steps_done, executed_by, executed_at, down_by,"
				 "                       down_by_oid, down_system"
				 "                  FROM expand_contract.schema_migrations"
				 "                 WHERE " IS_VERSION " AND scope = $2) m",
				 &args) > 0)
	{
		migration = SPI_palloc(sizeof(EcMigration));
		migration->scope = SPI_palloc(strlen(scope_name) + 1);
		strcpy(migration->scope, scope_name);
		migration->version = ec_get_text(0, 1);
		migration->state = ec_get_text(0, 2);
		migration->checksum = ec_get_text(0, 3);
		migration->up = ec_get_text(0, 4);
		migration->down = ec_get_text(0, 5);
		migration->error = ec_get_text(0, 6);
		migration->direction = ec_get_text(0, 7);
		migration->steps = ec_get_int4(0, 8, 0);
		migration->steps_done = ec_get_int4(0, 9, 0);
		migration->executed_by = ec_get_text(0, 10);
		migration->executed_at = ec_get_timestamptz(0, 11, 0);
		migration->down_by = ec_get_text(0, 12);
		migration->down_by_oid = ec_get_oid(0, 13);
		migration->down_system = ec_get_int8(0, 14, 0);
	}
	ec_catalog_end(&scope);
	return migration;
}

/* Returns the only value of a query as text; NULL if there is none. */
static char *
query_text(const char *sql, EcArgs *args)
{
	EcCatalogScope scope;
	char *text = NULL;

	ec_catalog_begin(&scope);
	if (ec_query(sql, args) > 0)
		text = ec_get_text(0, 1);
	ec_catalog_end(&scope);
	return text;
}

char *
ec_ledger_newest_after(const char *scope_name, const char *version)
{
	EcArgs args = {0};

	ec_arg_text(&args, version);
	ec_arg_text(&args, scope_name);
	return query_text("SELECT version FROM expand_contract.schema_migrations"
					  " WHERE version_key > expand_contract.version_key($1)"
					  "   AND state = 'applied' AND scope = $2"
					  " ORDER BY version_key DESC LIMIT 1",
					  &args);
}

char *
ec_ledger_not_applied(const char *scope_name, Datum versions)
{
	EcArgs args = {0};

	ec_arg(&args, TEXTARRAYOID, versions, false);
	ec_arg_text(&args, scope_name);
	return query_text("SELECT string_agg('\"' || r.version || '\"', ', ' ORDER BY r.n)"
					  "  FROM unnest($1) WITH ORDINALITY AS r (version, n)"
					  " WHERE NOT EXISTS (SELECT FROM expand_contract.schema_migrations m"
					  "                    WHERE m.version = r.version AND m.scope = $2"
					  "                      AND m.version_key = expand_contract.version_key(r.version)"
					  "                      AND m.state = 'applied')",
					  &args);
}

char *
ec_ledger_unfinished_other(const char *scope_name, const char *version)
{
	EcArgs args = {0};

	ec_arg_text(&args, version);
	ec_arg_text(&args, scope_name);
	return query_text("SELECT version FROM expand_contract.schema_migrations"
					  " WHERE state <> 'applied' AND version <> $1 AND scope = $2 LIMIT 1",
					  &args);
}

char *
ec_ledger_required_by(const char *scope_name, const char *version)
{
	EcArgs args = {0};

	ec_arg_text(&args, version);
	ec_arg_text(&args, scope_name);
	return query_text("SELECT string_agg('\"' || version || '\"', ', ' ORDER BY version_key)"
					  "  FROM expand_contract.schema_migrations"
					  " WHERE requires @> ARRAY[$1] AND version <> $1 AND scope = $2",
					  &args);
}

/*
 * Every change of the ledger adds an event, under the migration lock.  So the
 * highest id identifies a state of the ledger.
 */
void
ec_ledger_require_fresh(void)
{
	static const char *const sql =
		"SELECT coalesce(max(id), 0) FROM expand_contract.migration_events";
	EcCatalogScope scope;
	SPIPlanPtr plan;
	int64 seen;
	int64 latest;

	if (!IsolationUsesXactSnapshot())
		return;
	ec_catalog_begin(&scope);
	(void) ec_query(sql, NULL);
	seen = ec_get_int8(0, 1, 0);
	plan = SPI_prepare(sql, 0, NULL);
	if (plan == NULL ||
		SPI_execute_snapshot(plan, NULL, NULL, GetLatestSnapshot(),
							 InvalidSnapshot, true, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the ledger: %s",
			 SPI_result_code_string(SPI_result));
	latest = ec_get_int8(0, 1, 0);
	ec_catalog_end(&scope);
	if (seen != latest)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access to the migration ledger"),
				 errdetail("Another session changed the ledger after this "
						   "transaction took its snapshot."),
				 errhint("Retry the transaction, or use isolation level READ COMMITTED.")));
}

/* The event includes the ledger's rules and error for the version. */
static void
log_event(const char *event, const char *scope_name, const char *version,
		  const char *checksum, const char *script, const char *executed_by,
		  TimestampTz executed_at)
{
	EcArgs args = {0};

	ec_arg_text(&args, event);
	ec_arg_text(&args, version);
	ec_arg_text(&args, checksum);
	ec_arg_text(&args, script);
	ec_arg_text(&args, executed_by);
	ec_arg_timestamptz(&args, executed_at);
	ec_arg_text(&args, scope_name);
	ec_pass_own_rows("migration_events");
	(void) ec_query("INSERT INTO expand_contract.migration_events (event, version,"
					"   checksum, script, executed_by, executed_at, execution_time,"
					"   session_role, application_name, allow, error, scope)"
					" SELECT $1, $2, $3, $4, $5, $6, clock_timestamp() - $6,"
					"   session_user, current_setting('application_name'),"
					"   coalesce(m.allow, '{}'), m.error, v.scope"
					"   FROM (VALUES ($2, $7, expand_contract.version_key($2))) AS v (version, scope, version_key)"
					"   LEFT JOIN expand_contract.schema_migrations m USING (scope, version, version_key)",
					&args);
}

void
ec_ledger_enter(const EcLedgerEntry *entry)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_catalog_begin(&scope);
	ec_adopt_upgraded();
	ec_arg_text(&args, entry->version);
	ec_arg_text(&args, entry->description);
	ec_arg_text(&args, entry->phase);
	ec_arg_text(&args, entry->checksum);
	ec_arg_timestamptz(&args, entry->executed_at);
	ec_arg_text(&args, entry->executed_by);
	ec_arg_int4(&args, entry->steps);
	ec_arg_text(&args, entry->up);
	ec_arg_text(&args, entry->down);
	ec_arg(&args, TEXTARRAYOID, entry->requires, false);
	ec_arg(&args, TEXTARRAYOID, entry->allow, false);
	ec_arg_text(&args, entry->state);
	ec_arg_oid(&args, scope.userid);
	ec_arg_int8(&args, (int64) GetSystemIdentifier());
	ec_arg_text(&args, entry->scope);
	(void) ec_query("INSERT INTO expand_contract.schema_migrations (version, description,"
					"   phase, state, checksum, executed_at, executed_by, execution_time,"
					"   steps, steps_done, up, down, down_by, down_by_oid, down_system,"
					"   requires, allow, scope)"
					" SELECT $1, $2, $3, $12, $4, $5, $6,"
					"   CASE WHEN applied THEN clock_timestamp() - $5 END,"
					"   $7, CASE WHEN applied THEN $7 ELSE 0 END, $8, $9,"
					"   CASE WHEN $9 IS NOT NULL THEN $6 END,"
					"   CASE WHEN $9 IS NOT NULL THEN $13 END,"
					"   CASE WHEN $9 IS NOT NULL THEN $14 END, $10, $11, $15"
					"   FROM (VALUES ($12 = 'applied')) AS s (applied)",
					&args);
	log_event(strcmp(entry->state, EC_MIGRATION_APPLIED) == 0 ? "apply" : "submit",
			  entry->scope, entry->version, entry->checksum, entry->up,
			  entry->executed_by, entry->executed_at);
	ec_catalog_end(&scope);
}

void
ec_ledger_remove(const EcMigration *migration, const char *executed_by,
				 TimestampTz executed_at)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_catalog_begin(&scope);
	ec_arg_text(&args, migration->version);
	ec_arg_text(&args, migration->scope);
	if (ec_query("DELETE FROM expand_contract.schema_migrations"
				 " WHERE " IS_VERSION " AND scope = $2",
				 &args) != 1)
		elog(ERROR, "migration \"%s\" has left the ledger by itself",
			 migration->version);
	log_event("rollback", migration->scope, migration->version, migration->checksum,
			  migration->down ? migration->down : "", executed_by, executed_at);
	ec_catalog_end(&scope);
}

/* The script to which the migration's steps belong. */
static const char *
running_script(const EcMigration *migration)
{
	return strcmp(migration->direction, "up") == 0 ? migration->up : migration->down;
}

void
ec_ledger_set_queued(const EcMigration *migration, const char *direction,
					 int steps, int steps_done)
{
	const char *executed_by = GetUserNameFromId(GetUserId(), false);
	TimestampTz now = GetCurrentTimestamp();
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_catalog_begin(&scope);
	ec_arg_text(&args, migration->version);
	ec_arg_text(&args, direction);
	ec_arg_int4(&args, steps);
	ec_arg_int4(&args, steps_done);
	ec_arg_text(&args, executed_by);
	ec_arg_timestamptz(&args, now);
	ec_arg_text(&args, migration->scope);
	(void) ec_query("UPDATE expand_contract.schema_migrations"
					"   SET state = 'queued', direction = $2, steps = $3,"
					"       steps_done = $4, executed_by = $5, executed_at = $6,"
					"       execution_time = NULL, error = NULL"
					" WHERE " IS_VERSION " AND scope = $7",
					&args);
	log_event("submit", migration->scope, migration->version, migration->checksum,
			  strcmp(direction, "up") == 0 ? migration->up : migration->down,
			  executed_by, now);
	ec_catalog_end(&scope);
}

void
ec_ledger_set_steps_done(const char *scope_name, const char *version, int steps_done)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_catalog_begin(&scope);
	ec_arg_text(&args, version);
	ec_arg_text(&args, scope_name);
	ec_arg_int4(&args, steps_done);
	(void) ec_query("UPDATE expand_contract.schema_migrations"
					"   SET steps_done = $3, state = 'queued', error = NULL"
					" WHERE " IS_VERSION " AND scope = $2",
					&args);
	ec_catalog_end(&scope);
}

void
ec_ledger_set_failed(const EcMigration *migration, const char *error)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_catalog_begin(&scope);
	ec_arg_text(&args, migration->version);
	ec_arg_text(&args, error);
	ec_arg_text(&args, migration->scope);
	(void) ec_query("UPDATE expand_contract.schema_migrations"
					"   SET state = 'failed', error = $2"
					" WHERE " IS_VERSION " AND scope = $3 AND state = 'queued'",
					&args);
	log_event("fail", migration->scope, migration->version, migration->checksum,
			  running_script(migration), migration->executed_by,
			  migration->executed_at);
	ec_catalog_end(&scope);
}

void
ec_ledger_set_applied(const EcMigration *migration)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_catalog_begin(&scope);
	ec_arg_text(&args, migration->version);
	ec_arg_text(&args, migration->scope);
	(void) ec_query("UPDATE expand_contract.schema_migrations"
					"   SET state = 'applied', steps_done = steps, error = NULL,"
					"       execution_time = clock_timestamp() - executed_at"
					" WHERE " IS_VERSION " AND scope = $2",
					&args);
	log_event("apply", migration->scope, migration->version, migration->checksum,
			  migration->up, migration->executed_by, migration->executed_at);
	ec_catalog_end(&scope);
}

void
ec_ledger_set_scripts(const char *scope_name, const char *version,
					  const char *up, const char *down)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_catalog_begin(&scope);
	ec_arg_text(&args, version);
	ec_arg_text(&args, up);
	ec_arg_text(&args, scope_name);
	(void) ec_query("UPDATE expand_contract.schema_migrations SET up = $2"
					" WHERE " IS_VERSION " AND scope = $3 AND state <> 'applied'",
					&args);
	ec_catalog_end(&scope);
	if (down != NULL)
		ec_ledger_set_down(scope_name, version, down);
}

void
ec_ledger_set_down(const char *scope_name, const char *version, const char *down)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_catalog_begin(&scope);
	ec_arg_text(&args, version);
	ec_arg_text(&args, down);
	ec_arg_text(&args, GetUserNameFromId(scope.userid, false));
	ec_arg_oid(&args, scope.userid);
	ec_arg_int8(&args, (int64) GetSystemIdentifier());
	ec_arg_text(&args, scope_name);
	(void) ec_query("UPDATE expand_contract.schema_migrations"
					"   SET down = $2, down_by = $3, down_by_oid = $4, down_system = $5"
					" WHERE " IS_VERSION " AND scope = $6",
					&args);
	ec_catalog_end(&scope);
}

bool
ec_ledger_enter_baselined(const char *event, const char *scope_name,
						  const char *version, const char *description,
						  const char *executed_by, TimestampTz executed_at)
{
	char *caller = GetUserNameFromId(GetUserId(), false);
	EcCatalogScope scope;
	EcArgs args = {0};
	bool is_new;

	ec_catalog_begin(&scope);
	ec_arg_text(&args, version);
	ec_arg_text(&args, description);
	ec_arg_timestamptz(&args, executed_at);
	ec_arg_text(&args, executed_by);
	ec_arg_text(&args, scope_name);
	is_new =
		ec_query("INSERT INTO expand_contract.schema_migrations (version, description,"
				 "   phase, state, executed_at, executed_by, steps, steps_done, scope)"
				 " VALUES ($1, $2, 'expand', 'applied', $3, $4, 0, 0, $5)"
				 " ON CONFLICT (scope, version) DO NOTHING",
				 &args) > 0;
	if (is_new)
		log_event(event, scope_name, version, NULL, NULL, caller,
				  GetCurrentTimestamp());
	ec_catalog_end(&scope);
	return is_new;
}

bool
ec_ledger_is_baseline(const char *scope_name, const char *version)
{
	EcArgs args = {0};
	char *event;

	ec_arg_text(&args, version);
	ec_arg_text(&args, scope_name);
	event = query_text("SELECT event FROM expand_contract.migration_events"
					   " WHERE version = $1 AND scope = $2 ORDER BY id DESC LIMIT 1",
					   &args);
	return event != NULL && strcmp(event, EC_EVENT_BASELINE) == 0;
}

char *
ec_ledger_entered_after(const char *scope_name, const char *version)
{
	EcArgs args = {0};

	ec_arg_text(&args, version);
	ec_arg_text(&args, scope_name);
	return query_text("SELECT string_agg('\"' || m.version || '\"', ', ' ORDER BY m.version_key)"
					  "  FROM expand_contract.schema_migrations m"
					  " WHERE m.version <> $1 AND m.scope = $2"
					  "   AND (SELECT max(e.id) FROM expand_contract.migration_events e"
					  "         WHERE e.version = m.version AND e.scope = $2)"
					  "     > (SELECT max(e.id) FROM expand_contract.migration_events e"
					  "         WHERE e.version = $1 AND e.scope = $2)",
					  &args);
}

char *
ec_ledger_covered_by(const char *scope_name, const char *version)
{
	EcArgs args = {0};

	ec_arg_text(&args, version);
	ec_arg_text(&args, scope_name);
	/* the first condition on version_key is a bound for both that follow */
	return query_text("SELECT m.version FROM expand_contract.schema_migrations m"
					  " WHERE m.checksum IS NULL AND m.scope = $2"
					  "   AND m.version_key >="
					  "       split_part(expand_contract.version_key($1), E'\\001', 1) || E'\\001'"
					  "   AND NOT EXISTS (SELECT FROM expand_contract.schema_migrations"
					  "                    WHERE " IS_VERSION " AND scope = $2)"
					  "   AND (split_part(m.version_key, E'\\001', 1)"
					  "        = split_part(expand_contract.version_key($1), E'\\001', 1)"
					  "     OR m.version_key > expand_contract.version_key($1)"
					  "        AND EXISTS (SELECT FROM expand_contract.migration_events e"
					  "                     WHERE e.version = m.version AND e.scope = $2"
					  "                       AND e.event = 'baseline'))"
					  " ORDER BY m.version_key DESC LIMIT 1",
					  &args);
}
