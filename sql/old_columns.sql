-- Old columns are the ones that were named at ec_expand, whatever they are
-- called later: in every phase all of them get other names, and other columns
-- get theirs.  What is quarantined, given back and dropped is never one of these.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET expand_contract.stabilization_period = 0;
CREATE SCHEMA regress_ec_names;
SET search_path = regress_ec_names, public;
-- The columns of the row 1, and what is in them.
CREATE FUNCTION shape(relation regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE format('SELECT string_agg(a.attname || ''='' || coalesce(to_jsonb(t) ->> a.attname, ''-''), '', '' ORDER BY a.attnum)
                      FROM %1$s t, pg_attribute a
                     WHERE t.id = 1 AND a.attrelid = %2$s AND a.attnum > 1 AND NOT a.attisdropped', relation, relation::oid) INTO result;
    RETURN result;
END $$;
CREATE PROCEDURE reuse_names(relation regclass) LANGUAGE plpgsql AS $$
DECLARE
    name name;
BEGIN
    FOR name IN SELECT attname FROM pg_attribute WHERE attrelid = relation AND attnum > 1 AND NOT attisdropped LOOP
        EXECUTE format('ALTER TABLE %s RENAME %I TO %I', relation, name, 'real_' || name);
        EXECUTE format('ALTER TABLE %s ADD %I text DEFAULT ''decoy''', relation, name);
    END LOOP;
END $$;
-- Through all phases, with a step back out of the quarantine.
CREATE PROCEDURE walk(walked text, relation regclass, reuse_in text, reuse text) LANGUAGE plpgsql AS $$
DECLARE
    job bigint;
    everything text[] := '{backfill_complete, verified, old_reads, old_writes, dependents}';
BEGIN
    IF reuse_in = 'dual_write' THEN EXECUTE reuse; END IF;
    job := ec_backfill_change(walked, delay_ms => 0);
    COMMIT;
    CALL ec_wait(job);
    ASSERT (SELECT c.phase = 'backfilled' FROM ec_changes c WHERE c.change = walked);
    IF reuse_in = 'backfilled' THEN EXECUTE reuse; END IF;
    PERFORM ec_verify_change(walked);
    ASSERT (SELECT c.phase = 'verified' FROM ec_changes c WHERE c.change = walked);
    IF reuse_in = 'verified' THEN EXECUTE reuse; END IF;
    PERFORM ec_cutover(walked);
    IF reuse_in = 'cut_over' THEN EXECUTE reuse; END IF;
    PERFORM ec_contract(walked, everything, '0');
    RAISE WARNING 'away: %', shape(relation);
    IF reuse_in = 'quarantined' THEN EXECUTE reuse; END IF;
    PERFORM ec_revert(walked);
    RAISE WARNING 'back: %', shape(relation);
    PERFORM ec_contract(walked, everything, '0');
    IF reuse_in = 'quarantined again' THEN EXECUTE reuse; END IF;
    PERFORM ec_contract(walked, everything);
    IF EXISTS (SELECT FROM pg_class WHERE oid = relation) THEN
        RAISE WARNING 'gone: %', shape(relation);
    END IF;
END $$;
\set VERBOSITY terse

CREATE PROCEDURE walk_columns(reuse_in text, define text) LANGUAGE plpgsql AS $$
BEGIN
    RAISE WARNING '--- %', reuse_in;
    EXECUTE define;
    INSERT INTO users (id, legacy, unmapped, other) VALUES (1, 'Legacy', 'unmapped', 'other');
    ALTER TABLE users ADD email text;
    PERFORM ec_expand('names', 'users', '{"email": "lower(legacy)"}', '{"legacy": "email"}', old_columns => '{unmapped, legacy}');
    CALL walk('names', 'users', reuse_in, 'CALL reuse_names(''users'')');
    DROP TABLE users;
    DELETE FROM expand_contract.changes WHERE name = 'names';
END $$;
SELECT 'CREATE TABLE users (id int PRIMARY KEY, legacy text NOT NULL, unmapped text NOT NULL, other text)' AS plain,
       'CREATE TABLE users (id int PRIMARY KEY, gone int, legacy text NOT NULL, unmapped text NOT NULL, other text) PARTITION BY RANGE (id);
        ALTER TABLE users DROP gone;
        CREATE TABLE users_1 (other text, unmapped text NOT NULL, legacy text NOT NULL, id int NOT NULL);
        ALTER TABLE users ATTACH PARTITION users_1 FOR VALUES FROM (0) TO (100)' AS partitioned \gset
CALL walk_columns('dual_write', :'plain');
CALL walk_columns('backfilled', :'plain');
CALL walk_columns('verified', :'plain');
CALL walk_columns('cut_over', :'plain');
CALL walk_columns('quarantined', :'plain');
CALL walk_columns('quarantined again', :'plain');
CALL walk_columns('dual_write', :'partitioned');
CALL walk_columns('quarantined', :'partitioned');

-- Another table: the names of both tables and of their columns.
CREATE PROCEDURE reuse_tables() LANGUAGE plpgsql AS $$
DECLARE
    name name;
BEGIN
    FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'regress_ec_names'::regnamespace AND relkind = 'r' LOOP
        EXECUTE format('CALL reuse_names(%L)', name);
        EXECUTE format('ALTER TABLE %I RENAME TO %I', name, 'real_' || name);
        EXECUTE format('CREATE TABLE %I (id int, decoy text)', name);
    END LOOP;
END $$;
CREATE PROCEDURE walk_tables(reuse_in text) LANGUAGE plpgsql AS $$
DECLARE
    name name;
BEGIN
    RAISE WARNING '--- %', reuse_in;
    CREATE TABLE orders (id int PRIMARY KEY, total text);
    CREATE TABLE orders_new (id int PRIMARY KEY, cents int);
    INSERT INTO orders VALUES (1, '7');
    PERFORM ec_expand('names', 'orders', '{"id": "id", "cents": "total::int * 100"}',
                      '{"id": "id", "total": "(cents / 100)::text"}', target => 'orders_new');
    CALL walk('names', 'orders', reuse_in, 'CALL reuse_tables()');
    FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'regress_ec_names'::regnamespace AND relkind = 'r' ORDER BY 1 LOOP
        RAISE WARNING 'left: %: %', name, shape(name::regclass);
        EXECUTE format('DROP TABLE %I', name);
    END LOOP;
    DELETE FROM expand_contract.changes WHERE expand_contract.changes.name = 'names';
END $$;
CALL walk_tables('dual_write');
CALL walk_tables('backfilled');
CALL walk_tables('verified');
CALL walk_tables('cut_over');
CALL walk_tables('quarantined');
CALL walk_tables('quarantined again');
-- their texts name the columns
DROP PROCEDURE walk_tables, walk_columns, walk, reuse_tables;
\set VERBOSITY default

-- ec_changes shows the names of today; a change that is given up says which
-- columns are nobody's now.
CREATE TABLE users (id int PRIMARY KEY, legacy text, unmapped text, email text);
SELECT ec_expand('names', 'users', '{"email": "legacy"}', '{"legacy": "email"}', old_columns => '{unmapped, legacy}');
SELECT ec_expand('names', 'users', '{"email": "legacy"}', '{"legacy": "email"}', old_columns => '{legacy, unmapped, legacy}') AS same;
SELECT ec_expand('names', 'users', '{"email": "legacy"}', '{"legacy": "email"}');
SELECT ec_expand('names', 'users', '{"email": "legacy"}', '{"legacy": "email"}', old_columns => '{legacy, unmapped, email}');
SELECT old_columns FROM ec_changes WHERE change = 'names';
CALL reuse_names('users');
SELECT old_columns FROM ec_changes WHERE change = 'names';
SELECT side, name, present_name, attnum, goes FROM expand_contract.change_columns WHERE change = 'names' ORDER BY attnum;
-- set up again by these names it would be a change of other columns
ALTER TABLE users DISABLE TRIGGER "~ec_names";
SELECT ec_expand('names', 'users', '{"email": "legacy"}', '{"legacy": "email"}', old_columns => '{legacy, unmapped}');
-- a column that was dropped is not looked for by its name
ALTER TABLE users DROP real_unmapped;
SELECT old_columns FROM ec_changes WHERE change = 'names';
SET client_min_messages = notice;
SELECT ec_revert('names');
SET client_min_messages = warning;
DELETE FROM expand_contract.changes WHERE name = 'names';
DROP TABLE users;

-- A name that is taken does not come back, and the hint says what to do.
CREATE TABLE users (id int PRIMARY KEY, legacy text, email text);
CREATE TABLE users_new (id int PRIMARY KEY, legacy text);
SELECT ec_expand('names', 'users', '{"email": "legacy"}', '{"legacy": "email"}');
SELECT ec_cutover('names', '{backfill_complete, verified}');
SELECT ec_contract('names', '{backfill_complete, verified, old_reads, old_writes}');
ALTER TABLE users ADD legacy int;
SELECT ec_revert('names');
ALTER TABLE regress_ec_names.users RENAME COLUMN legacy TO another;
-- by hand it comes back as well
ALTER TABLE users RENAME legacy__quarantined TO legacy;
SELECT ec_revert('names');
SELECT quarantined_from, not_null_in FROM expand_contract.change_columns WHERE change = 'names' AND goes;
SELECT ec_revert('names'), ec_revert('names') AS again;
SELECT ec_expand('names_2', 'users', '{"id": "id", "legacy": "legacy"}', '{"id": "id", "legacy": "legacy"}', target => 'users_new', old_columns => '{*}');
SELECT ec_cutover('names_2', '{backfill_complete, verified}');
SELECT ec_contract('names_2', '{backfill_complete, verified, old_reads, old_writes}');
CREATE VIEW users AS SELECT * FROM users_new;
SELECT ec_revert('names_2');
ALTER TABLE regress_ec_names.users RENAME TO another;
SELECT ec_revert('names_2');
SELECT quarantined_from FROM expand_contract.changes WHERE name = 'names_2';
SELECT ec_revert('names_2'), ec_revert('names_2') AS again;

RESET search_path;
RESET expand_contract.stabilization_period;
DROP SCHEMA regress_ec_names CASCADE;
DELETE FROM expand_contract.changes WHERE name LIKE 'names%';
