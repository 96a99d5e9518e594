-- With the table, because it stores what the function returns: a function that
-- returned something else would need every row to be written again.
CREATE FUNCTION expand_contract.version_key(version text) RETURNS text
    AS 'MODULE_PATHNAME', 'ec_version_key_sql'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION expand_contract.version_key(text) IS
    'sort key for the natural order of versions: 9 before 10, v1.9 before v1.10';

CREATE TABLE expand_contract.schema_migrations (
    version        text COLLATE "C" NOT NULL,
    version_key    text COLLATE "C" NOT NULL
                   GENERATED ALWAYS AS (expand_contract.version_key(version)) STORED,
    description    text,
    phase          text NOT NULL CHECK (phase IN ('expand', 'contract')),
    -- queued: a job is to do it, and what it is doing is the job's to say
    state          text NOT NULL CHECK (state IN ('queued', 'applied', 'failed')),
    direction      text NOT NULL DEFAULT 'up' CHECK (direction IN ('up', 'down')),
    checksum       text,
    executed_at    timestamptz NOT NULL,
    executed_by    text NOT NULL,
    execution_time interval,
    steps          integer NOT NULL,
    steps_done     integer NOT NULL,
    error          text,
    up             text,
    down           text,
    down_by        text,
    down_by_oid    oid,
    down_system    bigint,
    requires       text[] NOT NULL DEFAULT '{}',
    allow          text[] NOT NULL DEFAULT '{}',
    scope          text COLLATE "C" NOT NULL DEFAULT '',
    PRIMARY KEY (scope, version),
    UNIQUE (scope, version_key),
    -- what was applied before there was this ledger has no script in it
    CHECK (state = 'applied' OR up IS NOT NULL AND checksum IS NOT NULL)
);
CREATE INDEX schema_migrations_baselined ON expand_contract.schema_migrations (scope, version) WHERE checksum IS NULL;
COMMENT ON TABLE expand_contract.schema_migrations IS
    'the ledger: migrations that are applied, or being applied';
COMMENT ON COLUMN expand_contract.schema_migrations.scope IS
    'whose history the version belongs to, of a service or a tenant; empty where nobody says';
COMMENT ON COLUMN expand_contract.schema_migrations.version_key IS
    'orders the versions; see expand_contract.version_key';
COMMENT ON COLUMN expand_contract.schema_migrations.checksum IS
    'of the tokens of "up"; NULL where the script is not known: baselined';
COMMENT ON COLUMN expand_contract.schema_migrations.direction IS
    'which script the steps are of: "down" while the migration is rolled back';
COMMENT ON COLUMN expand_contract.schema_migrations.executed_by IS
    'the role that the script ran as; a name, since the role may be gone by now';
COMMENT ON COLUMN expand_contract.schema_migrations.down_by IS
    'the role that gave "down", as it was called then';
COMMENT ON COLUMN expand_contract.schema_migrations.down_by_oid IS
    'which role that is, in the cluster of down_system: a name can be another role''s by now';
COMMENT ON COLUMN expand_contract.schema_migrations.down_system IS 'the identifier of that cluster''s system';

-- Few migrations are unfinished at any time: one, if nobody rolls back.
CREATE INDEX schema_migrations_unfinished ON expand_contract.schema_migrations (scope, version) WHERE state <> 'applied';

-- The steps of a script that a worker runs: its plan, made once.  Each commits
-- together with its done_at, or, where the server does not allow that, has a
-- condition in the catalogue, or a job, that tells whether it is done.
CREATE TABLE expand_contract.migration_steps (
    version         text COLLATE "C" NOT NULL,
    direction       text NOT NULL CHECK (direction IN ('up', 'down')),
    step            integer NOT NULL,
    first_statement integer NOT NULL,
    last_statement  integer NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('transaction', 'top_level', 'job')),
    command         text NOT NULL,
    sql             text,
    undo            text,
    detail          text,
    lock_mode       text,
    planned_by      oid,
    planned_system  bigint,
    target          jsonb,
    made            jsonb NOT NULL DEFAULT '{}',
    done_at         timestamptz,
    scope           text COLLATE "C" NOT NULL DEFAULT '',
    settings        jsonb,
    PRIMARY KEY (scope, version, direction, step),
    FOREIGN KEY (scope, version) REFERENCES expand_contract.schema_migrations ON DELETE CASCADE
);
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
COMMENT ON COLUMN expand_contract.migration_steps.target IS 'what the step is about, as it was before the first try; of a job: which one';
COMMENT ON COLUMN expand_contract.migration_steps.made IS
    'the indexes that the statement has created, OID and name; committed together with their creation';
COMMENT ON COLUMN expand_contract.migration_steps.settings IS 'what the step has left set for those after it; committed together with it';

CREATE TABLE expand_contract.migration_events (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event            text NOT NULL CHECK (event IN ('submit', 'apply', 'fail', 'rollback', 'baseline', 'adopt')),
    version          text COLLATE "C" NOT NULL,
    checksum         text,
    script           text,
    allow            text[] NOT NULL DEFAULT '{}',
    executed_at      timestamptz NOT NULL,
    executed_by      text NOT NULL,
    execution_time   interval NOT NULL,
    session_role     text NOT NULL,
    application_name text NOT NULL,
    error            text,
    scope            text COLLATE "C" NOT NULL DEFAULT ''
);
COMMENT ON TABLE expand_contract.migration_events IS
    'every migration submitted, applied, failed, rolled back or taken over; rows are only added';
COMMENT ON COLUMN expand_contract.migration_events.allow IS
    'the rules that the script was allowed to break: an override, where not empty';
COMMENT ON COLUMN expand_contract.migration_events.script IS
    'what was run: "up", or "down" for a rollback';

SELECT pg_catalog.pg_extension_config_dump('expand_contract.schema_migrations', '');
SELECT pg_catalog.pg_extension_config_dump('expand_contract.migration_steps', '');
SELECT pg_catalog.pg_extension_config_dump('expand_contract.migration_events', '');
SELECT pg_catalog.pg_extension_config_dump('expand_contract.migration_events_id_seq', '');

-- A migration's job is found by its version.
CREATE INDEX jobs_of_migrations ON expand_contract.jobs ((parameters ->> 'version')) WHERE kind = 'statement';
