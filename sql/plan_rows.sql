-- UPDATE and DELETE of many rows, done by a job: the table is the same afterwards
-- as after the statement as it is written, or there is a reason for no job.
\set SHOW_CONTEXT never
SET client_min_messages = error;
SET expand_contract.backfill_delay = 0;

-- Two schemas with the same tables: in one the statements run as they are
-- written, in the other one as ec_plan says.  The tables count as large.
CREATE FUNCTION make_tables(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', name);
    EXECUTE format('CREATE SCHEMA %I', name);
    PERFORM set_config('search_path', quote_ident(name) || ', public', false);
    CREATE TABLE t (id int PRIMARY KEY, a int, b text, c numeric(8, 2), d boolean NOT NULL DEFAULT false, at timestamptz,
        j json, l int[] DEFAULT '{1,2}', "B c" text, ref int) WITH (autovacuum_enabled = off);
    INSERT INTO t SELECT i, NULLIF(i % 7, 0), CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN 'Upper' ELSE 'x' || i END, i / 3.0, i % 3 = 0,
        timestamptz '2026-01-01' + i * interval '1 day', CASE WHEN i % 2 = 0 THEN '{"n": 1}'::json END, ARRAY[i, i + 1], 'q', i % 40
      FROM generate_series(1, 200) i;
    CREATE TABLE s (id int PRIMARY KEY, x int, y text, b text, code int) WITH (autovacuum_enabled = off);
    INSERT INTO s SELECT i, NULLIF(i % 4, 0), 'y' || i, 'sb', i % 3 FROM generate_series(1, 30) i;
    CREATE TABLE p (id int NOT NULL, part text NOT NULL, v text) PARTITION BY LIST (part);
    CREATE TABLE p_1 PARTITION OF p FOR VALUES IN ('one') WITH (autovacuum_enabled = off);
    CREATE TABLE p_2 (v text, gone int, part text NOT NULL, id int NOT NULL) WITH (autovacuum_enabled = off);
    ALTER TABLE p_2 DROP COLUMN gone;
    ALTER TABLE p ATTACH PARTITION p_2 FOR VALUES IN ('two');
    INSERT INTO p SELECT i, CASE WHEN i % 2 = 0 THEN 'one' ELSE 'two' END, 'v' || i % 3 FROM generate_series(1, 60) i;
    CREATE TABLE "T ""x'y" ("a b" int PRIMARY KEY, "select" text, "t""1" int) WITH (autovacuum_enabled = off);
    INSERT INTO "T ""x'y" SELECT i, 'S' || i, i % 3 FROM generate_series(1, 60) i;
    CREATE VIEW v AS SELECT * FROM s;
    UPDATE pg_class SET relpages = 100000
     WHERE oid IN ('t'::regclass, 's'::regclass, 'p_1'::regclass, 'p_2'::regclass, '"T ""x''y"'::regclass);
END $$;

CREATE TABLE results (number int GENERATED ALWAYS AS IDENTITY, statement text, job text, is_same boolean, error text);

CREATE PROCEDURE compare(statement text) LANGUAGE plpgsql AS $$
DECLARE
    contents text := format($f$ SELECT md5(concat((SELECT string_agg(t::text, E'\n' ORDER BY id) FROM t),
        (SELECT string_agg(p::text, E'\n' ORDER BY id) FROM p), (SELECT string_agg(x::text, E'\n' ORDER BY "a b") FROM %I x))) $f$, 'T "x''y');
    command text; written text; batched text; job_id bigint; outcome text; message text;
BEGIN
    PERFORM make_tables('as_written');
    COMMIT;
    EXECUTE replace(statement, '@', 'as_written');
    EXECUTE contents INTO written;
    COMMIT;
    PERFORM make_tables('in_batches');
    COMMIT;
    SELECT string_agg(p.command, '; ') INTO command FROM ec_plan(replace(statement, '@', 'in_batches')) p WHERE p.kind = 'job';
    IF command IS NULL THEN
        INSERT INTO results (statement) VALUES (statement);
        COMMIT;
        RETURN;
    END IF;
    EXECUTE command INTO job_id;
    COMMIT;
    FOR i IN 1..3000 LOOP
        SELECT p.state, p.last_error INTO outcome, message FROM ec_progress p WHERE p.job = job_id;
        EXIT WHEN outcome IN ('done', 'failed');
        PERFORM pg_sleep(0.02);
        COMMIT;
    END LOOP;
    EXECUTE contents INTO batched;
    INSERT INTO results (statement, job, is_same, error) VALUES (statement, command, written = batched, message);
    COMMIT;
END $$;

-- Conditions that the assignments make false
CALL compare($$UPDATE t SET d = true WHERE NOT d$$);
CALL compare($$UPDATE t SET a = a + 1, d = true WHERE d = false AND a IS NOT NULL$$);
CALL compare($$UPDATE t AS x SET b = lower(x.b), d = 'f' WHERE x.d$$);
CALL compare($$UPDATE t SET a = 0 WHERE a IS NULL$$);
CALL compare($$UPDATE t SET a = NULL, c = a WHERE a IS NOT NULL$$);
CALL compare($$UPDATE t SET a = 1 WHERE a IN (2, 3)$$);
CALL compare($$UPDATE t SET b = upper(b) WHERE b <> upper(b)$$);
CALL compare($$UPDATE t SET b = upper(b) WHERE b IS DISTINCT FROM upper(b)$$);
-- compared with the new value
CALL compare($$UPDATE t SET b = "B c" || id$$);
CALL compare($$UPDATE t SET c = id * 0.333, b = DEFAULT$$);
CALL compare($$UPDATE t SET c = id * 0.333 WHERE id % 2 = 0$$);
CALL compare($$UPDATE t SET j = '{"x": 2}', "B c" = NULL WHERE at > '2026-03-01' -- a comment; 'quoted'
  AND d$$);
CALL compare($$UPDATE t SET (a, b) = (id, 'two') WHERE id % 2 = 1$$);
CALL compare($$UPDATE t SET a = id WHERE a IS NULL OR a > 3$$);
CALL compare($$UPDATE t SET a = coalesce(a, 5) WHERE a IS NULL$$);
-- other names: aliases, rows, schemas, quotes
CALL compare($$UPDATE @.t SET b = @.t.id::text WHERE @.t.a = 3$$);
CALL compare($$UPDATE t AS "x y" SET b = ("x y".id + "x y"."ref")::text || 'x.id' WHERE "x y".a > 2$$);
CALL compare($$UPDATE t x SET b = (x).id, "B c" = row_to_json(x.*) ->> 'id', d = 'yes' WHERE (x).a = 1 AND x.d IS NOT TRUE$$);
CALL compare($$UPDATE "T ""x'y" AS t SET "select" = 'it''s ' || t."a b" WHERE t."t""1" = 1$$);
CALL compare($$UPDATE "T ""x'y" SET "select" = "T ""x'y"."a b"::text$$);
CALL compare($$UPDATE "T ""x'y" AS "set" SET "select" = E'back\\slash' WHERE "set"."a b" % 2 = 0$$);
-- the time is that of the plan, in all rows
CALL compare($$UPDATE t SET at = date_trunc('year', now() + interval '1000 years'), a = extract(year FROM CURRENT_TIMESTAMP(0)) WHERE at < transaction_timestamp() - interval '1 second'
    AND CURRENT_DATE > '2026-01-01' AND LOCALTIMESTAMP > '2026-01-01'$$);
-- partitions
CALL compare($$UPDATE p SET v = part WHERE v = 'v1'$$);
CALL compare($$UPDATE p AS x SET v = x.part || x.id$$);
-- sub-selects of other tables, and FROM by a key
CALL compare($$UPDATE t SET b = (SELECT y FROM s WHERE s.id = t.ref)$$);
CALL compare($$UPDATE t AS x SET b = (SELECT s.y FROM s WHERE s.id = x.ref) WHERE EXISTS (SELECT 1 FROM s AS z WHERE z.id = x.ref AND z.x > 1)$$);
CALL compare($$UPDATE t SET b = s.y FROM s WHERE s.id = t.ref$$);
CALL compare($$UPDATE t AS x SET b = q.y, a = q.x + x.id FROM s AS q WHERE x.ref = q.id AND q.x IS NOT NULL AND x.d$$);
CALL compare($$UPDATE t SET b = y, d = true FROM s WHERE s.id = ref AND NOT d$$);
CALL compare($$UPDATE p AS x SET v = s.y FROM s WHERE s.id = x.id AND x.v <> 'v0'$$);
-- DELETE
CALL compare($$DELETE FROM p$$);
CALL compare($$DELETE FROM p AS x WHERE x.v = 'v1' AND x.part = 'one'$$);
CALL compare($$DELETE FROM t WHERE at < now() - interval '10 years' OR b IS NULL$$);
CALL compare($$DELETE FROM t USING s WHERE s.code = t.a AND s.x = 1$$);
CALL compare($$DELETE FROM t AS x USING s AS y, s AS z WHERE y.code = x.a AND z.id = x.ref AND z.x = y.x$$);
CALL compare($$DELETE FROM t AS x USING s JOIN s AS z USING (code) WHERE z.id = x.id$$);
CALL compare($$DELETE FROM t WHERE NOT EXISTS (SELECT FROM s WHERE s.id = t.ref)$$);
CALL compare($$DELETE FROM "T ""x'y" AS "using" WHERE "using"."select" LIKE 'S1%' AND "using"."a b" > 5$$);
-- newer servers name json without its schema
SELECT number, regexp_replace(job, '^SELECT public\.|[0-9]{4}-[0-9]{2}-[0-9]{2}[^'']*|pg_catalog\.(?=json)', '', 'g') AS job FROM results WHERE number < 22 ORDER BY number;
SELECT statement, job, is_same, error FROM results WHERE is_same IS NOT TRUE OR error IS NOT NULL ORDER BY number;
SELECT count(*), count(*) FILTER (WHERE is_same) AS same FROM results;
TRUNCATE results;

-- By generation: other statements of the same parts.
SET search_path = public;
CREATE FUNCTION pick(n int, VARIADIC parts text[]) RETURNS text LANGUAGE sql IMMUTABLE AS
    'SELECT parts[1 + abs(hashint4(n)::bigint) % cardinality(parts)]';
CREATE FUNCTION generated_statement(n int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    prefix text := pick(n, '', 'x.', '"t".', '');
    list text := (SELECT string_agg(part, ', ' ORDER BY part) FROM (
        SELECT pick(n * 7 + 1, 'a = 0', 'a = ~id', 'a = NULL', 'a = ~ref + 1', 'a = coalesce(~a, 1)', 'a = ''3''') WHERE n % 3 <> 0
        UNION ALL SELECT pick(n * 7 + 2, 'b = NULL', 'b = ''k''', 'b = upper(~b)', 'b = ~"B c"', 'b = ~id || ''-'' || ~at::date') WHERE n % 3 <> 1
        UNION ALL SELECT pick(n * 7 + 3, 'c = ~id / 3.0', 'd = true', 'd = NOT ~d', 'd = false', 'l = ARRAY[~id]', 'c = round(~c)') WHERE n % 3 <> 2) AS s (part));
    condition text := concat_ws(' AND ', pick(n * 7 + 4, '~a IS NULL', '~a IS NOT NULL', '~a = 3', '~a IN (1, 2)', NULL, '(~a > 2 OR ~b IS NULL)'),
        pick(n * 7 + 5, 'NOT ~d', '~d', NULL, '~d = false', NULL), pick(n * 7 + 6, NULL, '~c > 10', '~id % 3 = 0', '~b IS DISTINCT FROM upper(~b)'));
    command text := format(CASE WHEN n % 5 = 0 THEN 'DELETE FROM t%1$s' ELSE 'UPDATE t%1$s SET %2$s' END, CASE prefix WHEN 'x.' THEN ' AS x' ELSE '' END, list)
        || coalesce(' WHERE ' || NULLIF(condition, ''), '');
BEGIN
    RETURN replace(command, '~', prefix);
END $$;
CREATE PROCEDURE compare_generated(first int, last int) LANGUAGE plpgsql AS $$
BEGIN
    FOR n IN first..last LOOP
        CALL compare(generated_statement(n));
    END LOOP;
END $$;
CALL compare_generated(1, 40);
SELECT statement, job, is_same, error FROM results WHERE job IS NOT NULL AND is_same IS NOT TRUE ORDER BY number;
SELECT count(*), count(*) FILTER (WHERE is_same) >= 20 AS many_are_same FROM results;
TRUNCATE results;

-- What no job does, and why.
SELECT make_tables('refused');
CREATE FUNCTION public.reason(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    IF EXISTS (SELECT FROM ec_plan(statement) WHERE kind = 'job') THEN RETURN 'a job'; END IF;
    PERFORM ec_apply('refused', statement, dry_run => true);
    RETURN 'as it is';
EXCEPTION WHEN SQLSTATE 'XE004' THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN regexp_replace(detail, '^[^;]*; ', '');
END $$;
CREATE TEMP TABLE passing (id int PRIMARY KEY, x int);
CREATE RULE r AS ON INSERT TO s DO ALSO NOTHING;
SELECT statement, reason(statement) FROM unnest(ARRAY[
    'UPDATE t SET a = a + 1',
    'UPDATE t SET a = a + 1 WHERE a < 10',
    'UPDATE t SET a = a + 1, d = true WHERE NOT d AND a < 10',
    'UPDATE t x SET b = row_to_json(x)',
    'UPDATE t SET b = random()::text',
    'UPDATE t SET b = gen_random_uuid() WHERE b IS NULL',
    'UPDATE t SET at = clock_timestamp(), d = true WHERE d IS NOT TRUE',
    'UPDATE t SET l[1] = 5',
    'UPDATE t SET l[1] = 5, d = true WHERE NOT d',
    'UPDATE t SET (a, b) = (SELECT x, y FROM s WHERE s.id = t.ref)',
    'UPDATE t SET (a, d) = (SELECT x, true FROM s WHERE s.id = t.ref) WHERE d',
    'UPDATE t SET b = s.y FROM s WHERE s.code = t.a',
    'UPDATE t SET b = s.y FROM s, s AS z WHERE s.id = t.a AND z.id = t.ref',
    'UPDATE t SET b = s.y FROM (SELECT * FROM s) AS s WHERE s.id = t.a',
    'UPDATE t SET a = x FROM s WHERE s.id = ref AND b = ''sb''',
    'UPDATE t SET a = o.a FROM t AS o WHERE o.id = t.id - 1',
    'UPDATE t SET a = (SELECT max(a) FROM t)',
    'UPDATE p SET v = (SELECT max(v) FROM p_1)',
    'UPDATE p_1 SET v = (SELECT max(v) FROM p)',
    'UPDATE t SET b = v.y FROM v WHERE v.id = t.ref',
    'UPDATE t SET a = passing.x FROM passing WHERE passing.id = t.ref',
    'UPDATE t SET b = ''k'' RETURNING id',
    'WITH w AS (SELECT 1) UPDATE t SET b = ''k''',
    'UPDATE ONLY p SET v = ''k''',
    'UPDATE p SET part = ''one'' WHERE part = ''two''',
    'UPDATE p SET v = DEFAULT',
    'UPDATE s SET y = ''k''',
    'UPDATE t AS x SET a = t.id',
    'UPDATE t AS x SET b = (SELECT t.y FROM s AS t WHERE t.id = x.ref)',
    'UPDATE t AS x SET b = (SELECT x.y FROM s AS x WHERE x.id = 1)',
    'DELETE FROM t USING t AS o WHERE o.b = t.b AND o.id < t.id',
    'DELETE FROM t WHERE random() < 0.5',
    'DELETE FROM t WHERE id IN (SELECT max(id) FROM t GROUP BY b)',
    'DELETE FROM t USING s WHERE b IS NULL AND s.id = t.ref',
    'DELETE FROM t RETURNING id',
    'UPDATE t SET a = 1 WHERE random() < 0.5',
    'UPDATE t SET d = true WHERE NOT d AND random() < 0.5',
    'UPDATE t SET a = 1 WHERE ctid = ''(0,1)''',
    'DELETE FROM t AS x WHERE x.xmin = ''5''',
    'UPDATE t SET a = a + 1, b = (SELECT s.y FROM s WHERE s.id = ref) WHERE b IS DISTINCT FROM ''k''',
    'UPDATE t SET b = b || ''x'', a = (SELECT x FROM s WHERE s.id = ref) WHERE d',
    'DELETE FROM t USING s WHERE s.id = 5 AND s.code > t.a',
    'DELETE FROM t USING s WHERE t.id = 5 AND s.code > t.a',
    -- an index leads to a few rows
    'UPDATE t SET a = a + 1 WHERE id = 5',
    'UPDATE t SET a = a + 1 WHERE id IN (5, 6) AND b IS NULL',
    'DELETE FROM t WHERE id = ANY (ARRAY[5, 6])',
    'DELETE FROM t WHERE id BETWEEN 5 AND 6',
    'DELETE FROM t WHERE id = 5 OR id = 6',
    'DELETE FROM t WHERE id = 5 OR b IS NULL',
    'DELETE FROM t WHERE id > 5'
]) AS u (statement);
-- what the error says, and its way out
\set VERBOSITY default
SELECT ec_apply('refused', 'UPDATE t SET a = a + 1');
\set VERBOSITY terse
SELECT ec_apply('refused', 'UPDATE t SET a = a + 1', allow => '{update_all}');
SELECT count(*) FROM t WHERE a = id % 7 + 1;
-- a column that the script adds
SELECT command FROM ec_plan('ALTER TABLE t ADD COLUMN n bigint; UPDATE t AS x SET n = x.a WHERE x.a > 1') WHERE kind = 'job';
SELECT ec_apply('then_filled', 'ALTER TABLE t ADD COLUMN n bigint; UPDATE t AS x SET n = x.a WHERE x.a > 1; DELETE FROM t WHERE a IS NULL');
CALL ec_wait_migration('then_filled');
SELECT count(*), count(n), count(*) FILTER (WHERE n IS DISTINCT FROM CASE WHEN a > 1 THEN a END) AS wrong FROM t;

DROP SCHEMA as_written, in_batches, refused CASCADE;
DROP TABLE results, passing;
DROP PROCEDURE compare_generated, compare;
DROP FUNCTION make_tables, generated_statement, pick, reason;
DELETE FROM expand_contract.schema_migrations;
DELETE FROM expand_contract.migration_events;
