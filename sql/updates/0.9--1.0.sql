-- From version 0.9 to 1.0: what make cannot work out from sql/install.
--
-- Whoever changes the install script of 1.0 looks here:
--
--   a table, column, constraint, index,           the ALTER or CREATE that
--   trigger, type, event trigger                  makes it so
--   arguments or result of a function             DROP it before the line
--                                                 "functions and views"
--   columns of a view, but for new ones           DROP VIEW likewise
--   at the end
--   a function or view that is gone               DROP it after that line
--   a C symbol that is gone                       core/sql_version.c keeps it
--                                                 for one version
--   a body or a comment of a function or view     nothing: make takes it from
--                                                 sql/install
--
-- A column that the library reads before the update is read as
-- core/sql_version.h says.  test/tap/070_update.pl compares what this makes with
-- a fresh install, and names the differences.

COMMENT ON TABLE expand_contract.job_sweeps IS 'the present sweep of a backfill, delete or copy, shared by its workers';

-- jobs: the role that workers connect as, and turns.  Owners could log in so far.
ALTER TABLE expand_contract.jobs ADD COLUMN login oid, ADD COLUMN turn_at timestamptz;
UPDATE expand_contract.jobs SET login = owner;
ALTER TABLE expand_contract.jobs ALTER COLUMN login SET NOT NULL;
CREATE TABLE expand_contract.job_samples (
    job bigint NOT NULL,
    slot integer NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    rows_done bigint NOT NULL,
    waits text,
    PRIMARY KEY (job, slot, at),
    FOREIGN KEY (job, slot) REFERENCES expand_contract.job_slots ON DELETE CASCADE
);
COMMENT ON TABLE expand_contract.job_samples IS 'how far each worker of a job was when, and what it waited for';
ALTER TABLE expand_contract.job_slots ADD COLUMN resume_at timestamptz, ADD COLUMN rows_failed bigint NOT NULL DEFAULT 0;
ALTER TABLE expand_contract.jobs ADD COLUMN part_of bigint;
CREATE INDEX jobs_parts ON expand_contract.jobs (part_of) WHERE part_of IS NOT NULL;
COMMENT ON COLUMN expand_contract.jobs.queued_at IS 'when it came to be queued, or paused, last';
COMMENT ON COLUMN expand_contract.jobs.part_of IS
    'the job that has submitted it, and that waits, without a worker, until it has ended';
-- a kind of jobs that is new
ALTER TABLE expand_contract.jobs
    DROP CONSTRAINT jobs_kind_check,
    ADD CHECK (kind IN ('backfill', 'copy', 'verify', 'statement', 'reconcile', 'contract', 'delete', 'prepare', 'advance'));
CREATE INDEX jobs_turns ON expand_contract.jobs (owner, turn_at);

-- The clusters that this database has been in.  No dump has it, and, as it is
-- unlogged, no publication and no standby: what is in it of another cluster came
-- with the files, by pg_upgrade or in a copy of them.  It has no index, because that
-- of an unlogged table in a copied database does not survive a crash.
CREATE UNLOGGED TABLE expand_contract.origin (
    system_identifier bigint NOT NULL,
    database oid NOT NULL,
    catalog_version integer NOT NULL
);
COMMENT ON TABLE expand_contract.origin IS 'the cluster that this database is in, by which pg_upgrade is told from a copy';
COMMENT ON COLUMN expand_contract.origin.catalog_version IS 'of its system catalogs, which only pg_upgrade changes';

-- Who gave a down script, and whose rights a change's expressions have: names said
-- the former so far, and the tables the latter.
ALTER TABLE expand_contract.schema_migrations ADD COLUMN down_by_oid oid, ADD COLUMN down_system bigint;
UPDATE expand_contract.schema_migrations m
   SET down_by_oid = r.oid, down_system = (SELECT s.system_identifier FROM pg_control_system() s)
  FROM pg_roles r
 WHERE r.rolname = m.down_by;
COMMENT ON COLUMN expand_contract.schema_migrations.down_by IS
    'the role that gave "down", as it was called then';
COMMENT ON COLUMN expand_contract.schema_migrations.down_by_oid IS
    'which role that is, in the cluster of down_system: a name can be another role''s by now';
COMMENT ON COLUMN expand_contract.schema_migrations.down_system IS 'the identifier of that cluster''s system';

ALTER TABLE expand_contract.changes ADD COLUMN owner oid, ADD COLUMN owner_name text COLLATE "C";
UPDATE expand_contract.changes c
   SET owner = r.oid, owner_name = r.rolname
  FROM pg_class t JOIN pg_roles r ON r.oid = t.relowner
 WHERE t.oid = c.relation;
COMMENT ON COLUMN expand_contract.changes.owner IS 'of its tables at ec_expand: whose rights the expressions have, as long as he owns them';
COMMENT ON COLUMN expand_contract.changes.owner_name IS 'his name then, which counts in a restored database, where he has another OID';

REVOKE EXECUTE ON FUNCTION expand_contract.usage_changed() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION expand_contract.family_of(oid) TO PUBLIC;

-- other columns of the result
DROP FUNCTION expand_contract.dependents(oid, smallint[]);

-- Entries that an application's session adds are ordered by the clock: numbers of
-- a sequence would change the session's lastval().
ALTER EXTENSION expand_contract DROP SEQUENCE expand_contract.discrepancies_id_seq;
ALTER EXTENSION expand_contract DROP SEQUENCE expand_contract.gaps_id_seq;
ALTER EXTENSION expand_contract DROP SEQUENCE expand_contract.change_events_id_seq;
ALTER TABLE expand_contract.discrepancies ALTER COLUMN id DROP IDENTITY,
    ALTER COLUMN id SET DEFAULT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
    ADD COLUMN salt uuid NOT NULL DEFAULT gen_random_uuid(),
    DROP CONSTRAINT discrepancies_pkey, ADD PRIMARY KEY (id, salt);
CREATE FUNCTION expand_contract.settle_discrepancy() RETURNS trigger
AS 'MODULE_PATHNAME', 'ec_settle_discrepancy' LANGUAGE C VOLATILE PARALLEL UNSAFE;
REVOKE EXECUTE ON FUNCTION expand_contract.settle_discrepancy() FROM PUBLIC;
COMMENT ON FUNCTION expand_contract.settle_discrepancy() IS 'takes an entry out again if its row was not stored: ON CONFLICT, or another trigger, has thrown it away';
CREATE TRIGGER settle AFTER INSERT ON expand_contract.discrepancies
    FOR EACH ROW EXECUTE FUNCTION expand_contract.settle_discrepancy();
ALTER TABLE expand_contract.discrepancies ENABLE ALWAYS TRIGGER settle; -- rows of a subscription too
ALTER TABLE expand_contract.gaps ALTER COLUMN id DROP IDENTITY,
    ALTER COLUMN id SET DEFAULT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
    ADD COLUMN salt uuid NOT NULL DEFAULT gen_random_uuid(),
    DROP CONSTRAINT gaps_pkey, ADD PRIMARY KEY (id, salt);
ALTER TABLE expand_contract.change_events ALTER COLUMN id DROP IDENTITY,
    ALTER COLUMN id SET DEFAULT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
    ADD COLUMN salt uuid NOT NULL DEFAULT gen_random_uuid(),
    DROP CONSTRAINT change_events_pkey, ADD PRIMARY KEY (id, salt);
COMMENT ON COLUMN expand_contract.discrepancies.id IS 'the order of entries: microseconds, so that a writer''s lastval() stays its own';
COMMENT ON COLUMN expand_contract.discrepancies.salt IS 'tells entries of the same microsecond apart';
COMMENT ON COLUMN expand_contract.gaps.id IS 'the order of gaps, as in discrepancies';
COMMENT ON COLUMN expand_contract.change_events.id IS 'the order of events: microseconds, so that the lastval() of a session stays its own';

-- An old column is known by its number.  Names said so far which ones contraction
-- removes, and what they were called before the quarantine.
DROP VIEW @extschema@.ec_changes;
ALTER TABLE expand_contract.changes ADD COLUMN quarantined_from text COLLATE "C";
-- Expressions and what they are evaluated under.  Those of before are looked up by
-- name, under the settings of whoever writes, until ec_expand is called again.
ALTER TABLE expand_contract.changes ADD COLUMN settings jsonb, ADD COLUMN kept_names jsonb,
    DROP CONSTRAINT changes_phase_check, ADD CONSTRAINT changes_phase_check CHECK (phase IN
        ('dual_write', 'backfilled', 'prepared', 'verified', 'cut_over', 'quarantined', 'contracted', 'reverted'));
COMMENT ON COLUMN expand_contract.changes.kept_names IS 'of ec_change_type: for each column the one that takes its name at the cutover, as they were called then';
COMMENT ON COLUMN expand_contract.changes.settings IS 'under which its expressions are evaluated, whoever writes: those of the session of ec_expand';
ALTER TABLE expand_contract.change_columns
    DROP CONSTRAINT change_columns_side_check,
    ADD CHECK (side IN ('old', 'new', 'key', 'unmapped')),
    ADD COLUMN goes boolean NOT NULL DEFAULT false,
    ADD COLUMN quarantined_from text COLLATE "C",
    ADD COLUMN not_null_in regclass[] NOT NULL DEFAULT '{}',
    ADD COLUMN tree text;
COMMENT ON COLUMN expand_contract.change_columns.tree IS 'the same, in which the server has numbers for names: renamed objects are followed; NULL where the numbers would be others';
UPDATE expand_contract.change_columns o SET goes = true
  FROM expand_contract.changes c
 WHERE c.name = o.change AND c.target IS NULL AND c.phase NOT IN ('contracted', 'reverted')
   AND o.side IN ('old', 'key')
   AND CASE WHEN c.old_columns IS NULL THEN o.side = 'old' AND o.expression IS NOT NULL
            ELSE o.name = ANY (c.old_columns) END;
INSERT INTO expand_contract.change_columns (change, side, name, attnum, present_name, goes)
SELECT c.name, 'unmapped', o.name, a.attnum, a.attname, true
  FROM expand_contract.changes c CROSS JOIN unnest(c.old_columns) AS o (name)
  LEFT JOIN expand_contract.quarantined q ON q.change = c.name AND q.name = o.name
  JOIN pg_attribute a ON a.attrelid = c.relation AND a.attnum > 0 AND NOT a.attisdropped
   AND a.attname = coalesce(q.quarantined_as, o.name)
 WHERE c.target IS NULL AND c.phase NOT IN ('contracted', 'reverted')
   AND NOT EXISTS (SELECT FROM expand_contract.change_columns m
                    WHERE m.change = c.name AND m.side IN ('old', 'key') AND m.name = o.name);
UPDATE expand_contract.change_columns o
   SET quarantined_from = q.name, not_null_in = q.not_null_in, present_name = q.quarantined_as
  FROM expand_contract.quarantined q
  JOIN expand_contract.changes c ON c.name = q.change
  JOIN pg_attribute a ON a.attrelid = c.relation AND a.attname = q.quarantined_as
 WHERE c.target IS NULL AND o.change = c.name AND o.attnum = a.attnum AND o.goes;
UPDATE expand_contract.changes c SET quarantined_from = q.name
  FROM expand_contract.quarantined q
 WHERE q.change = c.name AND c.target IS NOT NULL;
ALTER TABLE expand_contract.changes DROP COLUMN old_columns;
ALTER EXTENSION expand_contract DROP TABLE expand_contract.quarantined;
DROP TABLE expand_contract.quarantined;
COMMENT ON TABLE expand_contract.change_columns IS 'the columns that a change reads, writes or removes';
COMMENT ON COLUMN expand_contract.change_columns.side IS 'key: neither old nor new, only tells rows apart; unmapped: old, but no mapping names it';
COMMENT ON COLUMN expand_contract.change_columns.present_name IS 'after renames: a dump of the table has it under this one; empty if it was dropped from a restored table';
COMMENT ON COLUMN expand_contract.change_columns.goes IS 'whether contraction removes it';
COMMENT ON COLUMN expand_contract.change_columns.quarantined_from IS 'while it is in quarantine: its name before, which ec_revert gives back';
COMMENT ON COLUMN expand_contract.change_columns.not_null_in IS 'the tables (children of the change''s too) where it was NOT NULL before the quarantine';
COMMENT ON COLUMN expand_contract.changes.quarantined_from IS 'while the old table is in quarantine: its name before, which ec_revert gives back';

-- The name of a change that is over is free again.
ALTER TABLE expand_contract.change_columns DROP CONSTRAINT change_columns_change_fkey,
    ADD FOREIGN KEY (change) REFERENCES expand_contract.changes ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE expand_contract.required_versions DROP CONSTRAINT required_versions_change_fkey,
    ADD FOREIGN KEY (change) REFERENCES expand_contract.changes ON UPDATE CASCADE ON DELETE CASCADE;

-- A change to another table took the whole old one with it.
ALTER TABLE expand_contract.changes ADD COLUMN whole_table boolean NOT NULL DEFAULT false;
UPDATE expand_contract.changes SET whole_table = true WHERE target IS NOT NULL;
COMMENT ON COLUMN expand_contract.changes.whole_table IS 'whether contraction removes the old table, not columns of it';

-- A publication FOR ALL TABLES stops updates of what has no key.
ALTER TABLE expand_contract.usage_flush ADD COLUMN single boolean PRIMARY KEY DEFAULT true CHECK (single);
ALTER TABLE expand_contract.sighting_watch ADD COLUMN single boolean PRIMARY KEY DEFAULT true CHECK (single);

-- One more argument; who could call them still can.
CREATE TABLE expand_contract.granted AS
    SELECT p.proname AS name, a.grantee::regrole AS grantee, a.is_grantable
      FROM pg_proc p CROSS JOIN aclexplode(p.proacl) a
     WHERE p.oid IN ('@extschema@.ec_backfill_change(text, text, integer, integer, integer, timestamptz, text, interval)'::regprocedure,
                     '@extschema@.ec_expand(text, regclass, jsonb, jsonb, regclass, text[], text[], text)'::regprocedure)
       AND a.grantee NOT IN (0, p.proowner);
DROP FUNCTION @extschema@.ec_backfill_change(text, text, integer, integer, integer, timestamptz, text, interval);
DROP FUNCTION @extschema@.ec_expand(text, regclass, jsonb, jsonb, regclass, text[], text[], text);

-- Scopes: a version is one of its scope.
ALTER TABLE expand_contract.migration_steps
    ADD COLUMN scope text COLLATE "C" NOT NULL DEFAULT '',
    DROP CONSTRAINT migration_steps_version_fkey,
    DROP CONSTRAINT migration_steps_pkey,
    ADD PRIMARY KEY (scope, version, direction, step),
    ADD COLUMN kind text CHECK (kind IN ('transaction', 'top_level', 'job')),
    ADD COLUMN sql text,
    ADD COLUMN undo text,
    ADD COLUMN detail text,
    ADD COLUMN lock_mode text,
    ADD COLUMN planned_by oid,
    ADD COLUMN planned_system bigint,
    ADD COLUMN settings jsonb;
UPDATE expand_contract.migration_steps SET kind = CASE WHEN is_top_level THEN 'top_level' ELSE 'transaction' END;
ALTER TABLE expand_contract.migration_steps ALTER COLUMN kind SET NOT NULL, DROP COLUMN is_top_level;
-- statements were counted so far
UPDATE expand_contract.schema_migrations m SET steps = s.steps, steps_done = s.steps_done
  FROM (SELECT version, direction, count(*) AS steps, count(done_at) AS steps_done
          FROM expand_contract.migration_steps GROUP BY version, direction) s
 WHERE s.version = m.version AND s.direction = m.direction AND m.state <> 'applied';
COMMENT ON TABLE expand_contract.migration_steps IS 'the steps of the scripts that a worker runs, and how far it is';
COMMENT ON COLUMN expand_contract.migration_steps.first_statement IS
    'the step runs the statements of the script from this one on, or stands for them';
COMMENT ON COLUMN expand_contract.migration_steps.kind IS
    'transaction; top_level: a statement that cannot run in one; job: a SELECT that submits a job and returns its number';
COMMENT ON COLUMN expand_contract.migration_steps.sql IS 'what is run in place of the statements; NULL: they are run as they are';
COMMENT ON COLUMN expand_contract.migration_steps.undo IS
    'takes the step back; empty: there is nothing to take back; NULL: nobody knows how';
COMMENT ON COLUMN expand_contract.migration_steps.detail IS 'what the step is for';
COMMENT ON COLUMN expand_contract.migration_steps.lock_mode IS 'the strongest lock that a planned step takes on its table';
COMMENT ON COLUMN expand_contract.migration_steps.planned_by IS
    'the role for which the SQL was planned, in the cluster of planned_system: names in it mean what they meant to that role';
COMMENT ON COLUMN expand_contract.migration_steps.planned_system IS 'the identifier of that cluster''s system';
COMMENT ON COLUMN expand_contract.migration_steps.settings IS 'what the step has left set for those after it; committed together with it';
COMMENT ON COLUMN expand_contract.migration_steps.target IS 'what the step is about, as it was before the first try; of a job: which one';
ALTER TABLE expand_contract.schema_migrations
    ADD COLUMN scope text COLLATE "C" NOT NULL DEFAULT '',
    DROP CONSTRAINT schema_migrations_pkey,
    DROP CONSTRAINT schema_migrations_version_key_key,
    ADD PRIMARY KEY (scope, version),
    ADD UNIQUE (scope, version_key);
ALTER TABLE expand_contract.migration_steps
    ADD FOREIGN KEY (scope, version) REFERENCES expand_contract.schema_migrations ON DELETE CASCADE;
ALTER TABLE expand_contract.migration_events ADD COLUMN scope text COLLATE "C" NOT NULL DEFAULT '';
DROP INDEX expand_contract.schema_migrations_baselined, expand_contract.schema_migrations_unfinished;
CREATE INDEX schema_migrations_baselined ON expand_contract.schema_migrations (scope, version) WHERE checksum IS NULL;
CREATE INDEX schema_migrations_unfinished ON expand_contract.schema_migrations (scope, version) WHERE state <> 'applied';
COMMENT ON COLUMN expand_contract.schema_migrations.scope IS
    'whose history the version belongs to, of a service or a tenant; empty where nobody says';
DROP VIEW @extschema@.ec_migrations;
DROP VIEW @extschema@.ec_migration_events;
DROP FUNCTION expand_contract.migration_status(text);
DROP FUNCTION @extschema@.ec_apply(text, text, text, text, text[], text, text[], boolean);
DROP FUNCTION @extschema@.ec_rollback(text, boolean);
DROP PROCEDURE @extschema@.ec_wait_migration(text, interval);
DROP FUNCTION @extschema@.ec_apply_script(text, text, boolean);
DROP PROCEDURE @extschema@.ec_apply_directory(text);
DROP FUNCTION @extschema@.ec_baseline(text, text);
DROP FUNCTION @extschema@.ec_adopt(text, regclass);

-- A subscription that publishes all tables brings the rows of ours, too.  What a
-- dump carries it may bring; the others are of the publishing server alone, and
-- would be in the way of this one's own.
CREATE FUNCTION expand_contract.ignore_applied() RETURNS trigger
AS 'MODULE_PATHNAME', 'ec_ignore_applied' LANGUAGE C VOLATILE PARALLEL UNSAFE;
REVOKE EXECUTE ON FUNCTION expand_contract.ignore_applied() FROM PUBLIC;
COMMENT ON FUNCTION expand_contract.ignore_applied() IS 'leaves out a row that a subscription applies to a table of the extension';
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.jobs
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.jobs ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.job_slots
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.job_slots ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.job_samples
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.job_samples ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.job_standbys
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.job_standbys ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.job_sweeps
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.job_sweeps ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.job_leaves
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.job_leaves ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.change_jobs
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.change_jobs ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.sightings
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.sightings ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.sighting_watch
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.sighting_watch ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.usage_flush
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.usage_flush ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.standby_usage
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.standby_usage ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.verifications
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.verifications ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.verify_walks
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.verify_walks ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.mismatches
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.mismatches ENABLE REPLICA TRIGGER ignore_applied;

-- functions and views

-- They are the administrator's grants and no part of the extension, or a dump would
-- not have them.
DO $$
DECLARE
    given record;
    initial aclitem[];
BEGIN
    FOR given IN
        SELECT p.oid, g.grantee, g.is_grantable
          FROM expand_contract.granted g
          JOIN pg_proc p ON p.proname = g.name AND p.pronamespace = '@extschema@'::regnamespace
    LOOP
        SELECT initprivs INTO initial FROM pg_init_privs
         WHERE objoid = given.oid AND classoid = 'pg_proc'::regclass AND objsubid = 0;
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s%s', given.oid::regprocedure, given.grantee,
                       CASE WHEN given.is_grantable THEN ' WITH GRANT OPTION' END);
        UPDATE pg_init_privs SET initprivs = initial
         WHERE objoid = given.oid AND classoid = 'pg_proc'::regclass AND objsubid = 0;
        DELETE FROM pg_shdepend
         WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND classid = 'pg_proc'::regclass AND objid = given.oid AND refobjid = given.grantee AND deptype = 'i';
    END LOOP;
END $$;
ALTER EXTENSION expand_contract DROP TABLE expand_contract.granted;
DROP TABLE expand_contract.granted;

DROP FUNCTION expand_contract.batch_sizes(integer, float8[], float8, float8);

CREATE EVENT TRIGGER expand_contract_note_triggers ON ddl_command_end
    WHEN TAG IN ('CREATE TRIGGER', 'ALTER TRIGGER')
    EXECUTE FUNCTION expand_contract.note_ddl();
COMMENT ON EVENT TRIGGER expand_contract_note_triggers IS 'warns of triggers that do not see what dual writes write';

CREATE EVENT TRIGGER expand_contract_note_subscriptions ON ddl_command_end
    WHEN TAG IN ('CREATE SUBSCRIPTION', 'ALTER SUBSCRIPTION')
    EXECUTE FUNCTION expand_contract.note_subscriptions();
COMMENT ON EVENT TRIGGER expand_contract_note_subscriptions IS 'warns of subscriptions whose rows a change does not see';
