-- What the fuzzer calls functions on: relations of every kind, roles of every
-- kind, and changes, jobs and migrations in every state that is reached quickly.
\set ON_ERROR_STOP 1
\set VERBOSITY terse
SET client_min_messages = error;

-- Roles: \c is not used, so that the file runs in one session.
CREATE ROLE fuzz_owner LOGIN;
CREATE ROLE fuzz_granted LOGIN;
CREATE ROLE fuzz_plain LOGIN;
CREATE ROLE fuzz_monitor LOGIN IN ROLE pg_monitor;
CREATE ROLE fuzz_member LOGIN IN ROLE fuzz_owner;
CREATE ROLE "fuzz ""a'b;--" LOGIN;
SELECT ec_grant(role) FROM unnest('{fuzz_owner,fuzz_granted,fuzz_member}'::regrole[]) role;

CREATE SCHEMA f;
GRANT ALL ON SCHEMA f TO PUBLIC;

-- What a call may not leave behind: identity, settings, cursors, prepared
-- statements, advisory locks.
-- PL/pgSQL keeps the plan: it runs after each call.
CREATE FUNCTION f.state() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN pg_catalog.concat_ws('|', SESSION_USER, CURRENT_USER,
        (SELECT pg_catalog.string_agg(pg_catalog.concat(name, '=', setting), ',' ORDER BY name COLLATE pg_catalog."C")
           FROM pg_catalog.pg_show_all_settings()
          WHERE source OPERATOR(pg_catalog.=) ANY ('{session,interactive,test,override,user,database user,client}'::pg_catalog.text[])
            AND NOT name OPERATOR(pg_catalog.~) '^(transaction_|application_name$|seed$|data_directory$|.*_file$)'),
        (SELECT pg_catalog.count(*) FROM pg_catalog.pg_cursor() WHERE name OPERATOR(pg_catalog.<>) ''),
        (SELECT pg_catalog.count(*) FROM pg_catalog.pg_prepared_statement()),
        -- of the session: those of a transaction have gone with it
        (SELECT pg_catalog.count(*) FROM pg_catalog.pg_lock_status()
          WHERE pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid() AND locktype OPERATOR(pg_catalog.=) 'advisory'));
END
$$;

-- A call inside PL/pgSQL, whose error is caught.
CREATE FUNCTION f.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    code text;
    message text;
BEGIN
    EXECUTE statement;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
    RETURN 'ERROR:  ' || code || ': ' || left(message, 500);
END
$$;

SET ROLE fuzz_owner;
CREATE DOMAIN f.positive AS numeric CHECK (VALUE > 0);
CREATE DOMAIN f.positives AS f.positive[];
CREATE TYPE f.mood AS ENUM ('bad', 'good');
CREATE TYPE f.pair AS (a int, b text);
CREATE TYPE f.span AS RANGE (subtype = float8);

CREATE TABLE f.t (id bigint PRIMARY KEY, a text, b text, c int, d numeric, j jsonb, ts timestamptz DEFAULT now());
INSERT INTO f.t SELECT i, 'A' || i, NULL, i, i / 3.0, '{}' FROM generate_series(1, 200) i;
CREATE TABLE f.t2 (id bigint PRIMARY KEY, a text, b text, c int);
INSERT INTO f.t2 SELECT i, 'A' || i, NULL, i FROM generate_series(1, 50) i;
CREATE TABLE f.other (id bigint PRIMARY KEY, a text, b text);
CREATE TABLE f.target (id bigint PRIMARY KEY, b text);
CREATE TABLE f.copy (id bigint PRIMARY KEY, a text, b text, c int);
CREATE TABLE f.parted (id bigint, k int, a text, b text, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
CREATE TABLE f.part1 PARTITION OF f.parted FOR VALUES IN (1);
CREATE TABLE f.part2 PARTITION OF f.parted DEFAULT PARTITION BY RANGE (id);
CREATE TABLE f.part21 PARTITION OF f.part2 FOR VALUES FROM (0) TO (1000);
INSERT INTO f.parted SELECT i, i % 3, 'p', NULL FROM generate_series(1, 60) i;
CREATE TABLE f.base (id int PRIMARY KEY, a text, b text);
CREATE TABLE f.child (extra text) INHERITS (f.base);
CREATE UNLOGGED TABLE f.unlogged (id int PRIMARY KEY, a text, b text);
CREATE TABLE f.dropped (x int, id int PRIMARY KEY, y text, a text, z text, b text);
ALTER TABLE f.dropped DROP x, DROP y, DROP z;
CREATE TABLE f.typed OF f.pair;
CREATE TABLE f.empty ();
CREATE TABLE f.all_dropped (x int);
ALTER TABLE f.all_dropped DROP x;
CREATE TABLE f.kinds (id int PRIMARY KEY, p f.positive, m f.mood, c f.pair, r f.span, ps f.positives, ja json, x xml, b bit(3), ar int[],
    g int GENERATED ALWAYS AS (id * 2) STORED, n int GENERATED ALWAYS AS IDENTITY, t f.t);
INSERT INTO f.kinds (id, p, m, c) VALUES (1, 1, 'good', (1, 'x')), (2, NULL, NULL, NULL);
CREATE TABLE f.secured (id int PRIMARY KEY, a text, b text);
ALTER TABLE f.secured ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE TABLE f."bad ""n'a;--
m`e" ("id ""'" int PRIMARY KEY, "a ""';--" text, "b
`" text);
INSERT INTO f."bad ""n'a;--
m`e" VALUES (1, 'x', NULL);
CREATE TABLE f.no_key (a text, b text);
CREATE TABLE f.wide (id int PRIMARY KEY);
SELECT format('ALTER TABLE f.wide %s', string_agg(format('ADD c%s int', i), ',')) FROM generate_series(1, 300) i \gexec
CREATE VIEW f.v AS SELECT id, a, b FROM f.t;
CREATE MATERIALIZED VIEW f.mv AS SELECT id, a, b FROM f.t;
CREATE SEQUENCE f.s;
CREATE INDEX t_a ON f.t (a);
CREATE INDEX parted_a ON f.parted (a);
CREATE TABLE f.schema_migrations (version text);
CREATE VIEW f.flyway_schema_history AS SELECT 1 AS version;
CREATE TABLE f.goose_db_version (id int, version_id bigint, is_applied boolean, tstamp timestamp);
RESET ROLE;
CREATE FOREIGN DATA WRAPPER fuzz;
CREATE SERVER fuzz FOREIGN DATA WRAPPER fuzz;
CREATE FOREIGN TABLE f.ft (id int, a text, b text) SERVER fuzz;
ALTER FOREIGN TABLE f.ft OWNER TO fuzz_owner;
CREATE TABLE f.supers (id int PRIMARY KEY, a text, b text);
GRANT SELECT ON f.t, f.t2, f.other, f.parted TO fuzz_granted, fuzz_monitor;

SET SESSION AUTHORIZATION fuzz_owner;
SELECT ec_expand('c_new', 'f.t', forward => '{"b": "lower(a)"}', backward => '{"a": "upper(b)"}');
SELECT ec_expand('c_table', 'f.other', forward => '{"id": "id", "b": "a"}', target => 'f.target', key => '{id}');
SELECT ec_expand('c_parted', 'f.parted', forward => '{"b": "a"}', backward => '{"a": "b"}');
SELECT ec_expand('c_bad "n''a;--
`m`', 'f."bad ""n''a;--
m`e"', forward => '{"b\n`": "\"a \"\"'';--\""}');
SELECT ec_expand('c_kept', 'f.t2', forward => '{"b": "a"}', backward => '{"a": "b"}');
INSERT INTO f.t SELECT i, 'A' || i FROM generate_series(201, 210) i;
INSERT INTO f.other SELECT i, 'A' || i FROM generate_series(1, 20) i;
SELECT ec_backfill_change('c_kept', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT ok FROM ec_verify_change('c_kept');
SELECT ec_cutover('c_kept');
SELECT ec_backfill('f.t', 'd = c + 1') AS job \gset
SELECT ec_pause(:job);
SELECT ec_copy('f.t2', 'f.copy', '{"id": "id", "a": "a", "b": "b", "c": "c"}') AS job \gset
CALL ec_wait(:job);
SELECT ec_backfill('f.dropped', 'b = (1 / (id - id))::text', 'b IS NULL') AS job \gset
SELECT ec_track('f.t2'), ec_track('f.base', '{a}') WHERE expand_contract.launcher_running();
SELECT ec_apply('f1', 'CREATE TABLE f.m1 (id int)', 'DROP TABLE f.m1');
SELECT ec_apply('f2', 'ALTER TABLE f.m1 ADD a text', 'ALTER TABLE f.m1 DROP a');
SELECT ec_apply('f3', 'CREATE INDEX CONCURRENTLY m1_id ON f.m1 (id)');
CALL ec_wait_migration('f3');
RESET SESSION AUTHORIZATION;
SELECT ec_require_version('c_new', 'shop', '2.4'), ec_set_flag('a flag', true);

-- Calls wait for nobody for long.
ALTER DATABASE fuzz SET expand_contract.lock_timeout = '100ms';
ALTER DATABASE fuzz SET expand_contract.statement_timeout = '5s';
ALTER DATABASE fuzz SET lock_timeout = '2s';
