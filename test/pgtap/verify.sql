-- Verification as a specification: what a checksum and a verification promise.
\set QUIET 1
\set ON_ERROR_STOP 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS expand_contract;

BEGIN;
SELECT plan(44);

CREATE TABLE users (id int PRIMARY KEY, legacy_email text, email text, score numeric);
INSERT INTO users SELECT i, 'User' || i || '@Example.com', 'user' || i || '@example.com', i
  FROM generate_series(1, 2000) i;

-- the surface
SELECT has_function('ec_verify', ARRAY['regclass', 'jsonb']);
SELECT has_function('ec_checksum', ARRAY['"any"']);
SELECT is((SELECT aggkind::text FROM pg_aggregate WHERE aggfnoid = 'ec_checksum'::regproc), 'n', 'ec_checksum is an ordinary aggregate');
SELECT is((SELECT proparallel::text FROM pg_proc WHERE oid = 'ec_checksum'::regproc), 's', '... and parallel safe');
SELECT matches(ec_checksum(id, email), '^2000:[0-9a-f]{32}$', 'a checksum is COUNT:32 hex digits') FROM users;
SELECT is(ec_checksum(id), '0:00000000000000000000000000000000', 'no rows have a checksum, too') FROM users WHERE false;
SELECT has_view('ec_mismatches');
SELECT columns_are('ec_mismatches', ARRAY['verification', 'key', 'column_name', 'source_value', 'target_value', 'difference', 'repair']);
SELECT ok(NOT has_function_privilege('public', 'ec_verify(regclass, jsonb)', 'EXECUTE'), 'ec_verify is handed out, not everyone''s');
SELECT ok(has_function_privilege('public', 'ec_checksum("any")', 'EXECUTE'), 'ec_checksum is everyone''s');

-- a verification that is right
SELECT results_eq(
    $$SELECT ok, rows_source, rows_target, missing, extra, different FROM ec_verify('users', '{"email": "lower(legacy_email)"}')$$,
    $$VALUES (true, 2000::bigint, 2000::bigint, 0::bigint, 0::bigint, 0::bigint)$$,
    'a table in step is ok');
SELECT ok(checksum_source = checksum_target, 'both sides have one checksum')
  FROM ec_verify('users', '{"email": "lower(legacy_email)", "score": "id"}');
SELECT is(v.checksum_target, c.checksum, 'and it is the one that ec_checksum gives')
  FROM ec_verify('users', '{"email": "lower(legacy_email)"}') v, (SELECT ec_checksum(email) AS checksum FROM users) c;
SELECT ok(ok, '1.00 is 1') FROM ec_verify('users', '{"score": "id::numeric(10,2)"}');

-- whatever is damaged wherever, the checksum changes
CREATE FUNCTION damage_is_seen(damage text, rounds int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    before text;
    after text;
    missed int := 0;
BEGIN
    SELECT ec_checksum(id, legacy_email, email, score) INTO before FROM users;
    FOR round IN 1 .. rounds LOOP
        PERFORM set_config('test.a', (1 + floor(random() * 1000))::text, true);
        PERFORM set_config('test.b', (1001 + floor(random() * 1000))::text, true);
        BEGIN
            EXECUTE damage;
            SELECT ec_checksum(id, legacy_email, email, score) INTO after FROM users;
            RAISE EXCEPTION USING ERRCODE = 'TT000';
        EXCEPTION WHEN SQLSTATE 'TT000' THEN
            missed := missed + (after = before)::int;
        END;
    END LOOP;
    RETURN is(missed, 0, rounds || ' times: ' || damage);
END $$;
CREATE FUNCTION a() RETURNS int LANGUAGE sql STABLE AS $$SELECT current_setting('test.a')::int$$;
CREATE FUNCTION b() RETURNS int LANGUAGE sql STABLE AS $$SELECT current_setting('test.b')::int$$;
SELECT damage_is_seen('UPDATE users SET email = (SELECT u.email FROM users u WHERE u.id = a() + b() - users.id) WHERE id IN (a(), b())', 50);
SELECT damage_is_seen('UPDATE users SET score = a() + b() - score WHERE id IN (a(), b())', 50);
SELECT damage_is_seen('UPDATE users SET score = -score WHERE id = a()', 20);
SELECT damage_is_seen('UPDATE users SET email = NULL WHERE id = a()', 20);
SELECT damage_is_seen('UPDATE users SET email = '''' WHERE id = a()', 20);
SELECT damage_is_seen('UPDATE users SET email = email || '' '' WHERE id = a()', 20);
SELECT damage_is_seen('UPDATE users SET legacy_email = email, email = legacy_email WHERE id = a()', 20);
SELECT damage_is_seen('DELETE FROM users WHERE id = a()', 20);
SELECT damage_is_seen('WITH d AS (DELETE FROM users WHERE id = a()) UPDATE users SET (legacy_email, email, score) = (''x'', ''y'', 0) WHERE id = b()', 20);
SELECT damage_is_seen('ALTER TABLE users DROP CONSTRAINT users_pkey; INSERT INTO users SELECT u.* FROM users u, generate_series(1, 2) WHERE u.id = a()', 10);

-- damage planted at random is found row for row
CREATE TABLE planted AS
SELECT round, id, CASE floor(random() * 4) WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN 'nobody' ELSE 'USER' || id || '@example.com' END AS email
  FROM generate_series(1, 10) round, generate_series(1, 2000) id WHERE random() < 0.01;
CREATE FUNCTION find_planted() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    verification ec_verification;
    wrong int := 0;
    counts int := 0;
BEGIN
    FOR r IN 1 .. 10 LOOP
        UPDATE users u SET email = p.email FROM planted p WHERE p.round = r AND p.id = u.id;
        SELECT * INTO verification FROM ec_verify('users', '{"email": "lower(legacy_email)"}');
        counts := counts + (verification.different = (SELECT count(*) FROM planted WHERE round = r))::int;
        wrong := wrong + (SELECT count(*)
                            FROM (SELECT (key ->> 'id')::int AS id, column_name, target_value, source_value FROM ec_mismatches m WHERE m.verification = verification.id) m
                            FULL JOIN (SELECT * FROM planted WHERE round = r) p USING (id)
                           WHERE m.target_value IS DISTINCT FROM p.email OR m.column_name IS DISTINCT FROM 'email'
                              OR m.source_value IS DISTINCT FROM 'user' || id || '@example.com');
        UPDATE users SET email = lower(legacy_email) WHERE email IS DISTINCT FROM lower(legacy_email);
    END LOOP;
    RETURN NEXT is(counts, 10, 'in ten rounds the count of differing rows is exact');
    RETURN NEXT is(wrong, 0, '... and so is every recorded row');
END $$;
SELECT find_planted();

-- mismatches are limited, counts are not
UPDATE users SET email = 'nobody';
SET LOCAL expand_contract.max_mismatches = 10;
SELECT id AS verification, different FROM ec_verify('users', '{"email": "lower(legacy_email)"}') \gset
SELECT is(:different, 2000, 'the count goes on beyond max_mismatches');
SELECT is(count(*), 10::bigint, 'the rows do not') FROM ec_mismatches WHERE verification = :verification;

-- bad input changes nothing
SELECT throws_ok($$SELECT ec_verify('users', '{"email": "true) OR (true"}')$$, '42601');
SELECT throws_ok($$SELECT ec_verify('users', '{"score": "random()"}')$$, '42P17');
SELECT is(count(*), 0::bigint, 'what was refused left no record') FROM expand_contract.verifications WHERE mapping::text LIKE '%random%' OR mapping::text LIKE '%OR%';

-- two tables, by key
SELECT has_function('ec_verify', ARRAY['regclass', 'regclass', 'jsonb', 'text[]']);
CREATE TABLE members (user_id bigint PRIMARY KEY, mail text);
INSERT INTO members SELECT id, lower(legacy_email) FROM users;
SELECT ok(ok, 'two tables that hold the same are equal') FROM ec_verify('users', 'members', '{"user_id": "id", "mail": "lower(legacy_email)"}');
DELETE FROM members WHERE user_id = 5;
INSERT INTO members VALUES (0, 'nobody');
UPDATE members SET mail = '' WHERE user_id IN (6, 7);
SELECT id AS verification, missing, extra, different, checksum_source, checksum_target
  FROM ec_verify('users', 'members', '{"user_id": "id", "mail": "lower(legacy_email)"}') \gset
SELECT is(:missing, 1, 'a row that is missing is told from');
SELECT is(:extra, 1, '... one that is extra');
SELECT is(:different, 2, '... and from those that differ');
SELECT isnt(:'checksum_source'::text, :'checksum_target', 'the checksums differ');
SELECT is(array_agg(key ->> 'user_id' || ' ' || difference ORDER BY key), ARRAY['0 extra', '5 missing', '6 different', '7 different'], 'each is named')
  FROM ec_mismatches WHERE verification = :verification;
SELECT repair AS sql FROM ec_mismatches WHERE verification = :verification \gexec
SELECT ok(ok, 'the repairs that it proposes are exact') FROM ec_verify('users', 'members', '{"user_id": "id", "mail": "lower(legacy_email)"}');

-- a change: right is what either mapping explains
SELECT has_function('ec_verify_change', ARRAY['text']);
SELECT has_function('ec_verify_job', ARRAY['text', 'integer', 'integer', 'integer', 'timestamptz', 'text', 'interval']);
UPDATE users SET email = lower(legacy_email);
SELECT ec_expand('users_email', 'users', '{"email": "lower(legacy_email)"}', '{"legacy_email": "email"}') \g /dev/null
UPDATE users SET email = 'Written@New' WHERE id = 1;
SELECT ok(ok, 'a row that was written through the new column is right, whatever forward loses') FROM ec_verify_change('users_email');
UPDATE users SET legacy_email = 'one', email = 'another' WHERE id = 2;
SELECT is(different, 1::bigint, 'what neither mapping explains is not') FROM ec_verify_change('users_email');
SELECT throws_ok($$SELECT ec_verify_change('nosuch')$$, '42704');

SELECT finish();
ROLLBACK;
