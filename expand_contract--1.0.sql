/* expand_contract--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION expand_contract" to load this file. \quit

-- Tables and internal functions live in the schema expand_contract; what users
-- call lives in the schema the extension is created in.  Tables are closed to
-- everyone: they are written by the C functions as the extension's owner, and
-- read through views that filter by ownership.  USAGE is for the few internal
-- functions that SQL run as the user calls.
CREATE SCHEMA expand_contract;
GRANT USAGE ON SCHEMA expand_contract TO PUBLIC;
COMMENT ON SCHEMA expand_contract IS 'tables and internal functions of the extension expand_contract';

----------------------------------------------------------------------
-- core
----------------------------------------------------------------------
--@core@

----------------------------------------------------------------------
-- jobs (src/worker)
----------------------------------------------------------------------
--@jobs@

----------------------------------------------------------------------
-- migrations (src/migrate)
----------------------------------------------------------------------
CREATE FUNCTION expand_contract.version_key(version text) RETURNS text
    AS 'MODULE_PATHNAME', 'ec_version_key_sql'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION expand_contract.version_key(text) IS
    'sort key for the natural order of versions: 9 before 10, v1.9 before v1.10';

CREATE TABLE expand_contract.schema_migrations (
    version        text COLLATE "C" PRIMARY KEY,
    version_key    text COLLATE "C" NOT NULL UNIQUE
                   GENERATED ALWAYS AS (expand_contract.version_key(version)) STORED,
    description    text,
    phase          text NOT NULL CHECK (phase IN ('expand', 'contract')),
    state          text NOT NULL CHECK (state IN ('queued', 'running', 'applied', 'failed')),
    checksum       text NOT NULL,
    executed_at    timestamptz NOT NULL,
    executed_by    text NOT NULL,
    execution_time interval,
    steps          integer NOT NULL,
    steps_done     integer NOT NULL,
    error          text,
    up             text NOT NULL,
    down           text,
    requires       text[] NOT NULL DEFAULT '{}',
    allow          text[] NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE expand_contract.schema_migrations IS
    'the ledger: migrations that are applied, or being applied';
COMMENT ON COLUMN expand_contract.schema_migrations.version_key IS
    'orders the versions; see expand_contract.version_key';
COMMENT ON COLUMN expand_contract.schema_migrations.checksum IS
    'of the tokens of "up"; see doc/migrations.md';
COMMENT ON COLUMN expand_contract.schema_migrations.executed_by IS
    'the role that the script ran as; a name, since the role may be gone by now';

CREATE TABLE expand_contract.migration_events (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event            text NOT NULL CHECK (event IN ('apply', 'rollback')),
    version          text COLLATE "C" NOT NULL,
    checksum         text NOT NULL,
    script           text NOT NULL,
    executed_at      timestamptz NOT NULL,
    executed_by      text NOT NULL,
    execution_time   interval NOT NULL,
    session_role     text NOT NULL,
    application_name text NOT NULL
);
COMMENT ON TABLE expand_contract.migration_events IS
    'every migration applied or rolled back; rows are only added';
COMMENT ON COLUMN expand_contract.migration_events.script IS
    'what was run: "up", or "down" for a rollback';

SELECT pg_catalog.pg_extension_config_dump('expand_contract.schema_migrations', '');
SELECT pg_catalog.pg_extension_config_dump('expand_contract.migration_events', '');
SELECT pg_catalog.pg_extension_config_dump('expand_contract.migration_events_id_seq', '');

CREATE FUNCTION ec_apply(version text, up text, down text = NULL, description text = NULL,
        requires text[] = '{}', phase text = 'expand', allow text[] = '{}', dry_run boolean = false)
    RETURNS text
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ec_apply(text, text, text, text, text[], text, text[], boolean) IS
    'applies a migration once, under the migration lock: applied, unchanged or (dry run) planned';

CREATE FUNCTION ec_rollback(version text, dry_run boolean = false) RETURNS text
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ec_rollback(text, boolean) IS
    'runs the down script of a migration and takes it out of the ledger';

CREATE PROCEDURE ec_wait_migration(version text, timeout interval = NULL)
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON PROCEDURE ec_wait_migration(text, interval) IS
    'waits, without holding a snapshot, until a migration is applied';

REVOKE EXECUTE ON FUNCTION ec_apply(text, text, text, text, text[], text, text[], boolean) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ec_rollback(text, boolean) FROM PUBLIC;
REVOKE EXECUTE ON PROCEDURE ec_wait_migration(text, interval) FROM PUBLIC;

-- The ledger belongs to whoever may execute ec_apply; pg_monitor sees it too.
-- The function is named by a constant, so that no name is looked up, with
-- whatever search_path and rights, when the view is read.  The version has the
-- database's collation here, so that it compares with the columns of others.
CREATE VIEW ec_migrations WITH (security_barrier) AS
SELECT version COLLATE pg_catalog."default" AS version, description, phase, state,
       checksum, executed_at, executed_by, execution_time, steps, steps_done, error
  FROM expand_contract.schema_migrations
 WHERE (SELECT pg_catalog.has_function_privilege(
                   'ec_apply(text, text, text, text, text[], text, text[], boolean)'::pg_catalog.regprocedure,
                   'EXECUTE')
               OR pg_catalog.pg_has_role('pg_monitor', 'USAGE'))
 ORDER BY version_key;
COMMENT ON VIEW ec_migrations IS
    'the ledger of migrations, in the order of their versions';
GRANT SELECT ON ec_migrations TO PUBLIC;

----------------------------------------------------------------------
-- backfill (src/backfill)
----------------------------------------------------------------------
--@backfill@

----------------------------------------------------------------------
-- verification (src/verify)
----------------------------------------------------------------------
--@verification@

----------------------------------------------------------------------
-- who may call what
----------------------------------------------------------------------
--@grants@
