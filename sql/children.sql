-- Children by inheritance that come after ec_expand have dual writes at once.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
CREATE TABLE readings (id int PRIMARY KEY, a text, b text);
SELECT ec_expand('readings', 'readings', '{"b": "lower(a)"}');

-- one that is created, one below it, one that is made a child later
CREATE TABLE readings_1 () INHERITS (readings);
CREATE TABLE readings_2 (extra int) INHERITS (readings_1);
CREATE TABLE readings_3 (junk int, b text, a text, id int NOT NULL);
ALTER TABLE readings_3 DROP junk, INHERIT readings;
INSERT INTO readings_1 VALUES (1, 'One');
INSERT INTO readings_2 VALUES (2, 'Two');
INSERT INTO readings_3 (id, a) VALUES (3, 'Three');
UPDATE readings SET a = a || '!';
SELECT tableoid::regclass, id, a, b FROM readings ORDER BY id;
SELECT dual_write, gaps FROM ec_changes WHERE change = 'readings';
-- a tree that comes as a whole, with rows: these nobody has carried over
CREATE TABLE readings_4 (LIKE readings);
CREATE TABLE readings_5 () INHERITS (readings_4);
INSERT INTO readings_5 VALUES (5, 'Five');
ALTER TABLE readings_4 INHERIT readings;
INSERT INTO readings_5 VALUES (6, 'Six');
SELECT tableoid::regclass, id, a, b FROM readings WHERE id > 4 ORDER BY id;
SELECT dual_write, gaps FROM ec_changes WHERE change = 'readings';
-- who leaves is no part of the change any more
ALTER TABLE readings_4 NO INHERIT readings;
INSERT INTO readings_5 VALUES (7, 'Seven');
SELECT id, a, b FROM readings_5 ORDER BY id;
SELECT count(*) FROM pg_trigger WHERE tgrelid IN ('readings_4'::regclass, 'readings_5'::regclass);

-- by somebody who owns nothing else
CREATE ROLE regress_ec_nightly;
GRANT CREATE ON SCHEMA public TO regress_ec_nightly;
GRANT regress_ec_nightly TO CURRENT_USER;
CREATE TABLE nightly (id int PRIMARY KEY, a text, b text);
ALTER TABLE nightly OWNER TO regress_ec_nightly;
SELECT ec_expand('nightly', 'nightly', '{"b": "lower(a)"}');
SET ROLE regress_ec_nightly;
CREATE TABLE nightly_1 () INHERITS (nightly);
INSERT INTO nightly_1 VALUES (1, 'One');
RESET ROLE;
SELECT id, a, b FROM nightly;

-- A child whose trigger is missing or disabled is told at once: here event
-- triggers do not fire.
SET session_replication_role = replica;
CREATE TABLE readings_6 () INHERITS (readings);
RESET session_replication_role;
SELECT dual_write, gaps FROM ec_changes WHERE change = 'readings';
SELECT passed, observed FROM ec_gates('readings', 'cutover') WHERE gate = 'dual_write';
SELECT ec_expand('readings', 'readings', '{"b": "lower(a)"}');
SELECT dual_write FROM ec_changes WHERE change = 'readings';
ALTER TABLE readings_2 DISABLE TRIGGER "~ec_readings";
SELECT dual_write FROM ec_changes WHERE change = 'readings';
ALTER TABLE readings_2 ENABLE ALWAYS TRIGGER "~ec_readings";
SELECT dual_write FROM ec_changes WHERE change = 'readings';

-- Changes to another table: a partition or child of either side.
CREATE TABLE visits (id int, day int, note text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE visits_copy (id int, day int, note text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE visits_copy_1 PARTITION OF visits_copy FOR VALUES FROM (0) TO (100);
SELECT ec_expand('visits', 'visits', '{"id": "id", "day": "day", "note": "note"}',
    '{"id": "id", "day": "day", "note": "note"}', target => 'visits_copy');
SET session_replication_role = replica;
CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM (0) TO (10);
RESET session_replication_role;
SELECT dual_write FROM ec_changes WHERE change = 'visits';
DROP TABLE visits_1;
SELECT dual_write FROM ec_changes WHERE change = 'visits';
CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM (0) TO (10);
CREATE TABLE visits_copy_2 PARTITION OF visits_copy FOR VALUES FROM (100) TO (110);
INSERT INTO visits_1 VALUES (1, 1, 'one');
INSERT INTO visits_copy_1 VALUES (2, 2, 'two');
TABLE visits ORDER BY id;
TABLE visits_copy ORDER BY id;
SELECT dual_write FROM ec_changes WHERE change = 'visits';
ALTER TABLE visits_copy_2 DISABLE TRIGGER "~ec_visits_delete";
SELECT dual_write FROM ec_changes WHERE change = 'visits';

DROP TABLE readings, readings_1, readings_2, readings_3, readings_4, readings_5, readings_6, nightly, nightly_1, visits, visits_copy;
DELETE FROM expand_contract.gaps;
DELETE FROM expand_contract.changes WHERE name IN ('readings', 'nightly', 'visits');
REVOKE CREATE ON SCHEMA public FROM regress_ec_nightly;
DROP ROLE regress_ec_nightly;
