-- What the owner of a table can write, besides functions that triggers call: policies,
-- rules, expressions of indexes and of generated columns, checks, domains, operators,
-- casts, views.  Whoever calls us, and whoever owns the table afterwards, none of it
-- runs with another's rights on our account.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE regress_rf_owner LOGIN;
CREATE ROLE regress_rf_writer LOGIN;
SELECT ec_grant('regress_rf_owner');
CREATE SCHEMA rf AUTHORIZATION regress_rf_owner;
GRANT USAGE ON SCHEMA rf TO PUBLIC;
SET ROLE regress_rf_owner;
SET search_path = rf, public;
-- says as whom it runs
CREATE FUNCTION ran(what text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL UNSAFE AS $$
BEGIN
    IF current_user <> 'regress_rf_owner' THEN
        RAISE WARNING '% runs as %', what, current_user;
    END IF;
    RETURN true;
END$$;
CREATE FUNCTION passed(v text, what text) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL UNSAFE AS
    $$BEGIN PERFORM rf.ran(what); RETURN v; END$$;
CREATE FUNCTION plus(a text, b text) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL UNSAFE AS
    $$BEGIN PERFORM rf.ran('the operator'); RETURN upper(a || b); END$$;
CREATE OPERATOR rf.+ (FUNCTION = plus, LEFTARG = text, RIGHTARG = text);
CREATE TYPE boxed AS (v text);
CREATE FUNCTION box(v text) RETURNS boxed LANGUAGE plpgsql IMMUTABLE PARALLEL UNSAFE AS
    $$BEGIN PERFORM rf.ran('the cast'); RETURN ROW(v); END$$;
CREATE CAST (text AS boxed) WITH FUNCTION box(text);
CREATE DOMAIN word AS text CHECK (rf.ran('the domain') AND VALUE <> 'bad');

-- columns of one table
CREATE TABLE c (id int PRIMARY KEY, a text, b word, packed boxed, g text GENERATED ALWAYS AS (rf.passed(a, 'the generated column')) STORED,
    CHECK (rf.ran('the check') OR a IS NULL));
CREATE INDEX ON c (rf.passed(a, 'the index')) WHERE rf.ran('the index predicate');
ALTER TABLE c ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON c USING (rf.ran('the policy'));
INSERT INTO c SELECT g, 'a' || g FROM generate_series(1, 5) g;
SET client_min_messages = error;
SELECT ec_expand('rf_c', 'c', '{"b": "a OPERATOR(rf.+) ''x''", "packed": "a::rf.boxed"}', old_columns => '{a}');
SET client_min_messages = warning;
-- another table
CREATE TABLE s (id int PRIMARY KEY, v text);
CREATE TABLE t (id int PRIMARY KEY, v word, g text GENERATED ALWAYS AS (rf.passed(v, 'the generated column of the target')) STORED,
    CHECK (rf.ran('the check of the target') OR v IS NULL));
CREATE INDEX ON t (rf.passed(v, 'the index of the target'));
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON t USING (rf.ran('the policy of the target'));
INSERT INTO s SELECT g, 's' || g FROM generate_series(1, 5) g;
SET client_min_messages = error;
SELECT ec_expand('rf_t', 's', '{"id": "id", "v": "v OPERATOR(rf.+) ''x''"}', target => 't', old_columns => '{*}');
SET client_min_messages = warning;
GRANT ALL ON s TO regress_rf_writer;
RESET ROLE;
SET search_path = public;

-- a superuser calls everything
SELECT ec_backfill_change('rf_c', delay_ms => 0) AS c, ec_backfill_change('rf_t', delay_ms => 0) AS t \gset
CALL ec_wait(:c);
CALL ec_wait(:t);
SELECT state, last_error FROM ec_progress WHERE job IN (:c, :t) ORDER BY job;
SELECT ok FROM ec_verify_change('rf_c');
SELECT ok FROM ec_verify_change('rf_t');
SELECT ec_verify_job('rf_c', delay_ms => 0) AS c, ec_verify_job('rf_t', delay_ms => 0) AS t \gset
CALL ec_wait(:c);
CALL ec_wait(:t);
SELECT count(*) > 0 AS looked FROM ec_gates('rf_c', 'cutover');
SELECT count(*) > 0 AS looked FROM ec_gates('rf_c', 'contract');
SELECT count(*) > 0 AS looked FROM ec_gates('rf_t', 'contract');
SELECT length(ec_runbook('rf_c')) > 0 AS looked;
SELECT count(*) > 0 AS looked FROM ec_advise('rf.c');
SELECT ec_reconcile('rf_c'), ec_reconcile('rf_t');
SELECT count(*) > 0 AS read FROM ec_plan('ALTER TABLE rf.c ADD COLUMN n int NOT NULL DEFAULT 0, ADD CHECK (n >= 0); CREATE INDEX ON rf.c (n)');
SELECT count(*) > 0 AS read FROM ec_plan('UPDATE rf.c SET a = a; DELETE FROM rf.s WHERE id < 0', 'contract');
SELECT count(*) >= 0 AS read FROM ec_lint('ALTER TABLE rf.c ADD COLUMN d text DEFAULT rf.passed(''x'', ''the default in a script'')');
SELECT count(*) >= 0 AS read FROM ec_lint('ALTER TABLE rf.c ADD CHECK (rf.ran(''the check in a script''))');
SELECT count(*) >= 0 AS read FROM ec_lint('CREATE INDEX ON rf.c (rf.passed(a, ''the index in a script'')) WHERE rf.ran(''its predicate'')');
SELECT count(*) >= 0 AS read FROM ec_effects('ALTER TABLE rf.c ADD COLUMN d text DEFAULT rf.passed(''x'', ''the default in a script'')');
-- a writer of the source writes the target as its owner
SET ROLE regress_rf_writer;
INSERT INTO rf.s VALUES (6, 's6');
UPDATE rf.s SET v = 'six' WHERE id = 6;
DELETE FROM rf.s WHERE id = 6;
RESET ROLE;

-- the tables change hands: what is evaluated for the new owner needs his word
ALTER TABLE rf.t OWNER TO CURRENT_USER;
ALTER TABLE rf.c OWNER TO CURRENT_USER;
SET ROLE regress_rf_writer;
UPDATE rf.s SET v = 'one' WHERE id = 1;
RESET ROLE;
SELECT * FROM errors_of($$ SELECT ec_backfill_change('rf_c') $$);
SELECT * FROM errors_of($$ SELECT ec_verify_change('rf_t') $$);
SELECT change FROM ec_changes WHERE change LIKE 'rf\_%' ORDER BY 1;
ALTER TABLE rf.t OWNER TO regress_rf_owner;
ALTER TABLE rf.c OWNER TO regress_rf_owner;

-- policies and rules of the target lose no write without a word
SET ROLE regress_rf_owner;
UPDATE rf.s SET v = 'uno' WHERE id = 1;
SELECT ec_reconcile('rf_t');
ALTER TABLE rf.t FORCE ROW LEVEL SECURITY;
ALTER POLICY p ON rf.t USING (id <> 2);
UPDATE rf.s SET v = 'two' WHERE id = 2;
SELECT count(*) AS queued FROM ec_discrepancies WHERE change = 'rf_t';
ALTER TABLE rf.t NO FORCE ROW LEVEL SECURITY;
SELECT ec_reconcile('rf_t');
SELECT ok FROM ec_verify_change('rf_t');
RESET ROLE;

SELECT ec_revert('rf_c'), ec_revert('rf_t');
SELECT ec_forget('rf_c'), ec_forget('rf_t');
DROP SCHEMA rf CASCADE;
DROP OWNED BY regress_rf_owner, regress_rf_writer;
DROP ROLE regress_rf_owner, regress_rf_writer;
