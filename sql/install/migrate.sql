CREATE FUNCTION @extschema@.ec_apply(version text, up text, down text = NULL, description text = NULL,
        requires text[] = '{}', phase text = 'expand', allow text[] = '{}', dry_run boolean = false,
        scope text = NULL, online boolean = NULL)
    RETURNS text
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_apply(text, text, text, text, text[], text, text[], boolean, text, boolean) IS
    'applies a migration once, under the migration lock: applied, unchanged, queued, running or (dry run) planned';

CREATE PROCEDURE @extschema@.ec_migrate(version text, up text, down text = NULL, description text = NULL,
        requires text[] = '{}', phase text = 'expand', allow text[] = '{}', dry_run boolean = false,
        scope text = NULL, online boolean = NULL)
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON PROCEDURE @extschema@.ec_migrate(text, text, text, text, text[], text, text[], boolean, text, boolean) IS
    'ec_apply, a commit, and the wait until the migration is applied';

CREATE FUNCTION @extschema@.ec_rollback(version text, dry_run boolean = false, scope text = NULL) RETURNS text
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_rollback(text, boolean, text) IS
    'runs the down script of a migration and removes it from the ledger';

CREATE PROCEDURE @extschema@.ec_wait_migration(version text, timeout interval = NULL, scope text = NULL)
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON PROCEDURE @extschema@.ec_wait_migration(text, interval, text) IS
    'waits, without holding a snapshot, until a migration is applied';

REVOKE EXECUTE ON FUNCTION @extschema@.ec_apply(text, text, text, text, text[], text, text[], boolean, text, boolean) FROM PUBLIC;
REVOKE EXECUTE ON PROCEDURE @extschema@.ec_migrate(text, text, text, text, text[], text, text[], boolean, text, boolean) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION @extschema@.ec_rollback(text, boolean, text) FROM PUBLIC;
REVOKE EXECUTE ON PROCEDURE @extschema@.ec_wait_migration(text, interval, text) FROM PUBLIC;

-- What an unfinished migration is doing, as its job says, and which job that is.
CREATE FUNCTION expand_contract.migration_status(version text, scope text, OUT state text, OUT job bigint)
    AS 'MODULE_PATHNAME', 'ec_sql_migration_status'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION expand_contract.migration_status(text, text) IS
    'what an unfinished migration is doing, and its job';

-- Sessions with locks on a relation and its partitions or children (0: the
-- migration lock; NULL: any table that is not the server's own).  What
-- pg_stat_activity hides from the caller, it hides here.
CREATE FUNCTION expand_contract.blockers(relation oid)
    RETURNS TABLE (pid integer, application_name text, usename name, state text, transaction_age interval,
                   lock_mode text, granted boolean, blocks integer[], query text)
    LANGUAGE sql VOLATILE PARALLEL RESTRICTED
    BEGIN ATOMIC
        WITH tables AS MATERIALIZED (
            SELECT c.oid FROM pg_class c
             WHERE CASE WHEN blockers.relation IS NULL THEN c.oid >= 16384
                        ELSE c.oid IN (SELECT expand_contract.family_of(blockers.relation)) END
        ), locks AS MATERIALIZED (
            SELECT l.pid, l.granted, l.mode,
                   array_position('{AccessShareLock,RowShareLock,RowExclusiveLock,ShareUpdateExclusiveLock,ShareLock,'
                       'ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}'::text[], l.mode) AS strength
              FROM pg_locks l
             WHERE l.pid IS DISTINCT FROM pg_backend_pid()
               AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
               AND CASE WHEN blockers.relation = 0
                        -- EC_LOCK_MIGRATION
                        THEN l.locktype = 'advisory' AND l.classid = 0 AND l.objid = 0 AND l.objsubid = x'6C00'::integer
                        ELSE l.locktype = 'relation' AND l.relation IN (SELECT t.oid FROM tables t) END
        ), sessions AS (
            -- a session that waits for a lock is shown with that one
            SELECT DISTINCT ON (l.pid) l.pid, l.mode, l.granted FROM locks l
             ORDER BY l.pid, l.granted, l.strength DESC
        ), waiting AS MATERIALIZED (
            SELECT l.pid, pg_blocking_pids(l.pid) AS blocked_by FROM pg_locks l WHERE NOT l.granted
        )
        SELECT s.pid,
               CASE WHEN s.pid IS NULL THEN 'a prepared transaction'
                    ELSE coalesce(nullif(a.application_name, ''), a.backend_type, 'unknown') END,
               a.usename, a.state, clock_timestamp() - a.xact_start, s.mode, s.granted,
               ARRAY(SELECT DISTINCT w.pid FROM waiting w WHERE s.pid = ANY (w.blocked_by) ORDER BY w.pid),
               a.query
          FROM sessions s LEFT JOIN pg_stat_activity a ON a.pid = s.pid
         ORDER BY a.xact_start, s.pid;
    END;
COMMENT ON FUNCTION expand_contract.blockers(oid) IS
    'sessions that hold or wait for locks on a relation; behind ec_blockers and the errors that name them';

CREATE FUNCTION @extschema@.ec_blockers(relation regclass = NULL)
    RETURNS TABLE (pid integer, application_name text, usename name, state text, transaction_age interval,
                   lock_mode text, blocks integer[], query text)
    LANGUAGE sql VOLATILE PARALLEL RESTRICTED
    BEGIN ATOMIC
        SELECT b.pid, b.application_name, b.usename, b.state, b.transaction_age,
               b.lock_mode || CASE WHEN b.granted THEN '' ELSE ', waiting' END, b.blocks, b.query
          FROM expand_contract.blockers(relation) b;
    END;
COMMENT ON FUNCTION @extschema@.ec_blockers(regclass) IS
    'sessions that hold or wait for locks which would stop a migration of a table, or of any';

-- A message can hold row data, so others see only its SQLSTATE.
CREATE FUNCTION expand_contract.error_for(may_apply boolean, error text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN may_apply THEN error ELSE coalesce(substring(error, '^([0-9A-Z]{5}): '), error) END;
COMMENT ON FUNCTION expand_contract.error_for(boolean, text) IS
    'the error of a migration, as much of it as the reader may see';

-- The ledger belongs to whoever may execute ec_apply; pg_monitor sees it too.
-- The function is named by a constant, so that no name is looked up, with
-- whatever search_path and rights, when the view is read.  The version has the
-- database's collation here, so that it compares with the columns of others.
CREATE VIEW @extschema@.ec_migrations WITH (security_barrier) AS
SELECT m.version COLLATE pg_catalog."default" AS version, m.description, m.phase,
       CASE WHEN m.checksum IS NULL THEN 'baselined' ELSE coalesce(s.state, m.state) END AS state, m.checksum, m.executed_at, m.executed_by, m.execution_time,
       m.steps, m.steps_done,
       CASE s.state
           WHEN 'failed' THEN expand_contract.error_for(r.may_apply, coalesce(m.error,
               CASE j.state WHEN 'cancelled' THEN 'job ' || j.id || ' was cancelled'
                   ELSE concat(j.error_code, ': ', j.error_message, '. DETAIL: ' || j.error_detail,
                               ' HINT: ' || j.error_hint) END))
           WHEN 'interrupted' THEN 'no worker is running it. HINT: Use '
               || CASE m.direction WHEN 'up' THEN '@extschema@.ec_apply'::regproc ELSE '@extschema@.ec_rollback'::regproc END
               || ' again to go on.'
       END AS error,
       m.direction, s.job, m.scope COLLATE pg_catalog."default" AS scope
  FROM expand_contract.schema_migrations m
  LEFT JOIN LATERAL expand_contract.migration_status(m.version, m.scope) s ON m.state <> 'applied'
  LEFT JOIN expand_contract.jobs j ON j.id = s.job
  CROSS JOIN (SELECT pg_catalog.has_function_privilege(
                         '@extschema@.ec_apply(text, text, text, text, text[], text, text[], boolean, text, boolean)'::pg_catalog.regprocedure,
                         'EXECUTE') AS may_apply OFFSET 0) r
 WHERE r.may_apply OR pg_catalog.pg_has_role('pg_monitor', 'USAGE')
 ORDER BY m.scope, m.version_key;
COMMENT ON VIEW @extschema@.ec_migrations IS
    'the ledger of migrations, in the order of their versions';
GRANT SELECT ON @extschema@.ec_migrations TO PUBLIC;

CREATE VIEW @extschema@.ec_migration_events WITH (security_barrier) AS
SELECT id, event, version COLLATE pg_catalog."default" AS version, checksum, allow, executed_at, executed_by,
       execution_time, session_role, application_name, expand_contract.error_for(r.may_apply, error) AS error, scope COLLATE pg_catalog."default" AS scope
  FROM expand_contract.migration_events
  CROSS JOIN (SELECT pg_catalog.has_function_privilege(
                         '@extschema@.ec_apply(text, text, text, text, text[], text, text[], boolean, text, boolean)'::pg_catalog.regprocedure,
                         'EXECUTE') AS may_apply OFFSET 0) r
 WHERE r.may_apply OR pg_catalog.pg_has_role('pg_monitor', 'USAGE')
 ORDER BY id;
COMMENT ON VIEW @extschema@.ec_migration_events IS
    'the log: who applied, rolled back or took over which migration, when, and against which rules';
GRANT SELECT ON @extschema@.ec_migration_events TO PUBLIC;

CREATE FUNCTION @extschema@.ec_apply_script(version text, script text, dry_run boolean = false, scope text = NULL,
        online boolean = NULL) RETURNS text
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_apply_script(text, text, boolean, text, boolean) IS
    'applies the text of a migration file, which has its own up and down';

CREATE PROCEDURE @extschema@.ec_apply_directory(path text, scope text = NULL, allow text[] = '{}', online boolean = NULL)
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON PROCEDURE @extschema@.ec_apply_directory(text, text, text[], boolean) IS
    'applies the migration files of a directory of the server in the order of their versions, one commit each';

CREATE FUNCTION @extschema@.ec_baseline(version text, description text = NULL, scope text = NULL) RETURNS text
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_baseline(text, text, text) IS
    'says that the database already is where the migrations up to this version lead';

CREATE FUNCTION @extschema@.ec_adopt(tool text, relation regclass = NULL, scope text = NULL) RETURNS integer
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_adopt(text, regclass, text) IS
    'imports the history of another migration tool; returns how many migrations were new';

CREATE FUNCTION @extschema@.ec_rehearse(up text, down text = NULL, OUT step integer, OUT direction text,
        OUT command text, OUT lock_mode text, OUT relation regclass, OUT rewritten boolean, OUT duration interval,
        OUT error text)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_rehearse(text, text) IS
    'runs up, down and up again, rolls all back, and reports locks, rewrites, times and what down does not restore';

REVOKE EXECUTE ON FUNCTION @extschema@.ec_apply_script(text, text, boolean, text, boolean), @extschema@.ec_baseline(text, text, text),
    @extschema@.ec_adopt(text, regclass, text), @extschema@.ec_rehearse(text, text) FROM PUBLIC;
REVOKE EXECUTE ON PROCEDURE @extschema@.ec_apply_directory(text, text, text[], boolean) FROM PUBLIC;
