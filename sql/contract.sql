-- Cutover, contraction, and the way back.  The server has not preloaded the
-- library, so what needs usage is overridden here; see test/tap/060_gates.pl.
-- With the library preloaded there is another result, so the file ends here then.
SELECT current_setting('shared_preload_libraries') ~ 'expand_contract' AS is_preloaded \gset
\if :is_preloaded
\quit
\endif
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
ALTER TABLE expand_contract.jobs ALTER id RESTART 17000;
SET expand_contract.stabilization_period = 0;
CREATE FUNCTION columns_of(relation regclass) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(attname || CASE WHEN attnotnull THEN ' not null' ELSE '' END, ', ' ORDER BY attnum)
      FROM pg_attribute WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped
$$;
CREATE FUNCTION closed(change text, step text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(gate, ', ') FROM ec_gates(change, step) WHERE NOT passed
$$;
-- Through backfill, verification and cutover.
CREATE PROCEDURE to_cutover(change text, override text[] = '{}') LANGUAGE plpgsql AS $$
DECLARE
    job bigint := ec_backfill_change(change, delay_ms => 0);
BEGIN
    COMMIT;
    CALL ec_wait(job);
    PERFORM ec_verify_change(change);
    PERFORM ec_cutover(change, override);
END $$;

CREATE TABLE users (id int PRIMARY KEY, legacy_email text NOT NULL, legacy_email__quarantined int);
INSERT INTO users SELECT i, 'User' || i FROM generate_series(1, 100) i;
ALTER TABLE users ADD email text;
CREATE INDEX users_legacy ON users (legacy_email);
SELECT ec_expand('users_email', 'users', '{"email": "lower(legacy_email)"}', '{"legacy_email": "email"}');

-- Gates of the cutover.
SELECT gate, passed FROM ec_gates('users_email', 'cutover');
SELECT * FROM errors_of($$SELECT ec_cutover('users_email')$$);
SELECT * FROM errors_of($$SELECT ec_contract('users_email')$$);
SELECT phase, blocked_by FROM ec_changes WHERE change = 'users_email';
\set VERBOSITY terse
SET client_min_messages = warning;
CALL to_cutover('users_email');
RESET client_min_messages;
\set VERBOSITY default
SELECT phase, flag, blocked_by FROM ec_changes WHERE change = 'users_email';
SELECT ec_cutover('users_email') AS again, ec_flag('users_email');

-- Without preloading, contraction refuses, and says why and how.
SELECT * FROM errors_of($$SELECT ec_contract('users_email')$$);

-- First half.
PREPARE everything AS SELECT * FROM users WHERE id = 1;
EXECUTE everything;
SELECT ec_contract('users_email', '{old_reads, old_writes, dependents}', '1 day');
SELECT columns_of('users');
SELECT * FROM errors_of($$SELECT legacy_email FROM users$$);
EXECUTE everything;
DEALLOCATE everything;
SELECT phase, quarantine_until > now() AS in_quarantine, auto_drop FROM ec_changes WHERE change = 'users_email';
-- new writers need not know the column, which stays right
INSERT INTO users (id, email) VALUES (101, 'new@example.com'), (102, NULL);
UPDATE users SET email = 'changed@example.com' WHERE id = 1;
SELECT id, legacy_email__quarantined2, email FROM users WHERE id IN (1, 101, 102) ORDER BY id;
SET client_min_messages = warning;
SELECT ec_contract('users_email', '{old_reads, old_writes, dependents}') AS too_early;
RESET client_min_messages;

-- Back: NULLs have come in meanwhile; then without.
SELECT ec_revert('users_email');
SELECT columns_of('users');
DELETE FROM users WHERE id = 102;
ALTER TABLE users ALTER legacy_email SET NOT NULL;
SET client_min_messages = warning;
SELECT ec_contract('users_email', '{old_reads, old_writes, dependents}', '0');
RESET client_min_messages;
SELECT ec_revert('users_email');
SELECT columns_of('users'), conname, convalidated, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'users'::regclass AND contype = 'c';
-- what it has instead is known for what it is the next time
SET client_min_messages = warning;
SELECT ec_contract('users_email', '{old_reads, old_writes, dependents}', '0');
SELECT columns_of('users'), count(*) AS checks FROM pg_constraint WHERE conrelid = 'users'::regclass AND contype = 'c';
SELECT ec_revert('users_email');
RESET client_min_messages;
SELECT columns_of('users'), count(*) AS checks FROM pg_constraint WHERE conrelid = 'users'::regclass AND contype = 'c';

-- Back to the old side: nothing may be missing there.
SELECT ec_dual_write('users_email', false);
SELECT * FROM errors_of($$SELECT ec_revert('users_email')$$);
UPDATE users SET email = 'while.off@example.com' WHERE id = 2;
SELECT ec_dual_write('users_email', true);
SELECT * FROM errors_of($$SELECT ec_revert('users_email')$$);
SELECT ec_backfill_change('users_email', 'repair', delay_ms => 0) AS job \gset
\set VERBOSITY terse
SET client_min_messages = warning;
CALL ec_wait(:job);
RESET client_min_messages;
\set VERBOSITY default
SELECT ec_revert('users_email');
SELECT ec_flag('users_email');
SELECT legacy_email, email FROM users WHERE id = 2;
-- forward again, and the second half
SELECT ok FROM ec_verify_change('users_email');
SET client_min_messages = warning;
SELECT ec_cutover('users_email');
SELECT ec_contract('users_email', '{old_reads, old_writes, dependents}', '0');
RESET client_min_messages;
SELECT closed('users_email', 'contract');
SELECT * FROM errors_of($$SELECT ec_contract('users_email')$$);
SELECT ec_contract('users_email', '{old_reads, old_writes, dependents}');
SELECT columns_of('users'), (SELECT count(*) FROM pg_trigger WHERE tgrelid = 'users'::regclass) AS triggers;
SELECT phase, dual_write, flag, blocked_by FROM ec_changes WHERE change = 'users_email';
SELECT ec_contract('users_email') AS again;
SELECT * FROM errors_of($$SELECT ec_verify_change('users_email')$$);
SELECT * FROM errors_of($$SELECT ec_backfill_change('users_email')$$);
SELECT ec_reconcile('users_email');
SELECT * FROM errors_of($$SELECT ec_revert('users_email')$$);
SELECT * FROM errors_of($$SELECT ec_cutover('users_email')$$);
SELECT event, value FROM expand_contract.change_events WHERE change = 'users_email' AND event <> 'override' ORDER BY id;
-- what is left is still known: a rollback must not take it
SELECT side, name FROM expand_contract.change_columns WHERE change = 'users_email';
DROP TABLE users;

-- What stands in the way stays, unless one says that it goes.
CREATE TABLE persons (id int PRIMARY KEY, old text, new text);
CREATE VIEW olds AS SELECT id, old FROM persons;
SELECT ec_expand('persons', 'persons', '{"new": "old"}', '{"old": "new"}');
SET client_min_messages = warning;
CALL to_cutover('persons');
SELECT * FROM errors_of($$SELECT ec_contract('persons', '{old_reads, old_writes}')$$);
RESET client_min_messages;
SELECT ec_contract('persons', '{old_reads, old_writes, dependents}', '0');
SELECT * FROM olds;
SET client_min_messages = warning;
SELECT * FROM errors_of($$SELECT ec_contract('persons', '{old_reads, old_writes}')$$);
SELECT columns_of('persons');
SELECT ec_contract('persons', '{old_reads, old_writes, dependents}');
RESET client_min_messages;
SELECT columns_of('persons'), to_regclass('olds');
SELECT value FROM expand_contract.change_events WHERE change = 'persons' AND event = 'dropped_with_it';
DROP TABLE persons;

-- Partitions with numbers of their own, and children, of which one has the
-- column by itself, too; a name that has to be cut, by characters.
CREATE TABLE parts (id int, "öööööööööööööööööööööööööööööö x" text NOT NULL, new text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE part_1 (junk int, new text, "öööööööööööööööööööööööööööööö x" text NOT NULL, id int NOT NULL);
ALTER TABLE part_1 DROP junk;
ALTER TABLE parts ATTACH PARTITION part_1 FOR VALUES FROM (0) TO (100);
CREATE TABLE part_2 PARTITION OF parts FOR VALUES FROM (100) TO (200);
SELECT ec_expand('parts', 'parts', '{"new": "\"öööööööööööööööööööööööööööööö x\""}',
    '{"öööööööööööööööööööööööööööööö x": "new"}', on_error => 'raise');
SET client_min_messages = warning;
CALL to_cutover('parts');
SELECT ec_contract('parts', '{old_reads, old_writes, dependents}', '0');
SELECT columns_of('parts'), columns_of('part_1'), columns_of('part_2') \gx
INSERT INTO parts (id, new) VALUES (1, 'a'), (101, 'b');
SELECT * FROM parts ORDER BY id;
SELECT ec_revert('parts');
SELECT columns_of('parts'), columns_of('part_1'), columns_of('part_2') \gx
SELECT ec_contract('parts', '{old_reads, old_writes, dependents}', '0');
SELECT ec_contract('parts', '{old_reads, old_writes, dependents}');
SELECT columns_of('parts'), columns_of('part_1'), columns_of('part_2') \gx
SELECT count(*) FROM pg_trigger WHERE tgrelid IN ('parts'::regclass, 'part_1'::regclass, 'part_2'::regclass);
DROP TABLE parts;
CREATE TABLE parent (id int PRIMARY KEY, old text, new text);
CREATE TABLE child (old text, extra int, PRIMARY KEY (id)) INHERITS (parent);
SELECT ec_expand('parent', 'parent', '{"new": "old"}', '{"old": "new"}');
CALL to_cutover('parent');
SELECT ec_contract('parent', '{old_reads, old_writes}', '0');
INSERT INTO child (id, new) VALUES (1, 'c');
SELECT * FROM child;
SELECT ec_contract('parent', '{old_reads, old_writes}');
SELECT columns_of('parent'), columns_of('child');
SELECT count(*) FROM pg_trigger WHERE tgrelid IN ('parent'::regclass, 'child'::regclass);
DROP TABLE parent, child;

CREATE TABLE ranges (id int, old int, new int) PARTITION BY RANGE (old);
SELECT ec_expand('ranges', 'ranges', '{"new": "old"}', old_columns => '{old}', on_error => 'raise');
CALL to_cutover('ranges', '{reversible}');
SELECT * FROM errors_of($$SELECT ec_contract('ranges', '{old_reads, old_writes}')$$);
DROP TABLE ranges;

-- A column that no mapping names goes as well; not another that has taken its
-- name, and whatever the one in quarantine is called by then.
CREATE TABLE named (id int PRIMARY KEY, old text, older text, new text);
SELECT ec_expand('named', 'named', '{"new": "old"}', '{"old": "new"}', old_columns => '{old, older}');
CALL to_cutover('named');
SELECT ec_contract('named', '{old_reads, old_writes}', '0');
ALTER TABLE named ADD older int;
ALTER TABLE named ADD old int;
SELECT ec_revert('named');
ALTER TABLE named RENAME old__quarantined TO old_stuff;
SELECT ec_contract('named', '{old_reads, old_writes}');
SELECT columns_of('named');
DROP TABLE named;

-- One way only; and the steps back before the cutover.
CREATE TABLE one_way (id int PRIMARY KEY, old text, new text);
INSERT INTO one_way SELECT i, i::text FROM generate_series(1, 10) i;
SELECT ec_expand('one_way', 'one_way', '{"new": "old"}');
RESET client_min_messages;
SELECT ec_revert('one_way');
SELECT ec_revert('one_way') AS again, columns_of('one_way'), count(*) AS triggers FROM pg_trigger WHERE tgrelid = 'one_way'::regclass;
SET client_min_messages = warning;
SELECT ec_expand('one_way_2', 'one_way', '{"new": "old"}', on_error => 'raise');
CALL to_cutover('one_way_2', '{reversible}');
UPDATE one_way SET new = 'only here' WHERE id <= 3;
SELECT * FROM errors_of($$SELECT ec_revert('one_way_2')$$);
SELECT * FROM errors_of($$SELECT ec_contract('one_way_2')$$);
SELECT event, regexp_replace(value, ':.*', '') AS value FROM expand_contract.change_events WHERE change = 'one_way_2' ORDER BY id;
DROP TABLE one_way;

-- A table target: the whole old table goes.
CREATE TABLE orders (id int PRIMARY KEY, total text);
CREATE TABLE orders_new (id int PRIMARY KEY, cents int);
INSERT INTO orders SELECT i, i::text FROM generate_series(1, 20) i;
SELECT ec_expand('orders', 'orders', '{"id": "id", "cents": "total::int * 100"}', '{"id": "id", "total": "(cents / 100)::text"}', target => 'orders_new');
INSERT INTO orders_new SELECT id, total::int * 100 FROM orders ON CONFLICT DO NOTHING;
SELECT ec_cutover('orders', '{backfill_complete, verified}');
CREATE TABLE items (order_id int REFERENCES orders);
GRANT SELECT ON orders TO pg_monitor;
SELECT * FROM errors_of($$SELECT ec_contract('orders', '{backfill_complete, verified, old_reads, old_writes}')$$);
DROP TABLE items;
RESET client_min_messages;
SELECT ec_contract('orders', '{backfill_complete, verified, old_reads, old_writes}', '0');
SELECT to_regclass('orders'), to_regclass('orders__quarantined');
INSERT INTO orders_new VALUES (21, 2100);
SELECT * FROM orders__quarantined WHERE id = 21;
SELECT ec_revert('orders');
SELECT count(*) FROM orders;
SET client_min_messages = warning;
SELECT ec_contract('orders', '{backfill_complete, verified, old_reads, old_writes}', '0');
SELECT ec_contract('orders', '{backfill_complete, verified, old_reads, old_writes}');
SELECT to_regclass('orders'), to_regclass('orders__quarantined'), (SELECT count(*) FROM orders_new) AS rows,
    (SELECT count(*) FROM pg_trigger WHERE tgrelid = 'orders_new'::regclass) AS triggers;
SELECT ec_contract('orders') AS again;
DROP TABLE orders_new;

-- The table has been dropped; and a child of one that goes.
CREATE TABLE lost (id int PRIMARY KEY, old text, new text);
SELECT ec_expand('lost', 'lost', '{"new": "old"}', '{"old": "new"}');
CALL to_cutover('lost');
DROP TABLE lost;
SELECT * FROM errors_of($$SELECT ec_contract('lost')$$);
SELECT ec_revert('lost');
CREATE TABLE tree (id int PRIMARY KEY, total int);
CREATE TABLE branch (PRIMARY KEY (id)) INHERITS (tree);
CREATE TABLE tree_new (id int PRIMARY KEY, total int);
SELECT ec_expand('tree', 'tree', '{"id": "id", "total": "total"}', '{"id": "id", "total": "total"}', target => 'tree_new');
INSERT INTO branch VALUES (1, 1);
SELECT ec_cutover('tree', '{backfill_complete, verified}');
SELECT ec_contract('tree', '{backfill_complete, verified, old_reads, old_writes}', '0');
SELECT ec_contract('tree', '{backfill_complete, verified, old_reads, old_writes}');
SELECT to_regclass('branch'), (SELECT count(*) FROM tree_new) AS rows, (SELECT count(*) FROM pg_trigger WHERE tgrelid = 'tree_new'::regclass) AS triggers;
DROP TABLE tree_new;

-- Arguments, and rights.
SELECT * FROM errors_of($$SELECT ec_contract(NULL)$$);
SELECT * FROM errors_of($$SELECT ec_contract('nobody')$$);
SELECT * FROM errors_of($$SELECT ec_revert('nobody')$$);
SELECT * FROM errors_of($$SELECT ec_revert(NULL)$$);
SELECT * FROM errors_of($$SELECT ec_cutover(NULL)$$);
SELECT * FROM errors_of($$SELECT * FROM ec_gates('nobody', 'cutover')$$);
SELECT * FROM errors_of($$SELECT * FROM ec_gates('orders', 'lunch')$$);
CREATE TABLE t (id int PRIMARY KEY, old text, new text);
SELECT ec_expand('t', 't', '{"new": "old"}', '{"old": "new"}');
CALL to_cutover('t');
SELECT * FROM errors_of($$SELECT ec_contract('t', '{lunch}')$$);
SELECT * FROM errors_of($$SELECT ec_contract('t', '{NULL}')$$);
SELECT * FROM errors_of($$SELECT ec_contract('t', quarantine => '-1 day')$$);
-- nobody would make the call
SELECT * FROM errors_of($$SELECT ec_contract('t', '{old_reads, old_writes}', auto_drop => true)$$);
SELECT columns_of('t'), phase FROM ec_changes WHERE change = 't';
CREATE ROLE regress_ec_stranger;
SELECT ec_grant('regress_ec_stranger');
SET ROLE regress_ec_stranger;
SELECT * FROM errors_of($$SELECT ec_contract('t')$$);
SELECT * FROM errors_of($$SELECT ec_revert('t')$$);
SELECT * FROM errors_of($$SELECT ec_cutover('t')$$);
SELECT * FROM errors_of($$SELECT ec_require_version('t', 'shop', '2.0')$$);
SELECT * FROM errors_of($$SELECT * FROM ec_gates('t', 'contract')$$);
SELECT expand_contract.blocked_by('t');
RESET ROLE;
SELECT ec_require_version('t', 'shop', '2.0');
SELECT closed('t', 'contract');
DROP TABLE t;
DROP OWNED BY regress_ec_stranger;
DROP ROLE regress_ec_stranger;
DROP FUNCTION columns_of, closed;
DROP PROCEDURE to_cutover;
DELETE FROM expand_contract.changes WHERE name IN ('users_email', 'persons', 'parts', 'parent', 'one_way', 'one_way_2', 'orders', 't', 'lost', 'tree', 'ranges', 'named');
DELETE FROM expand_contract.change_events;
DELETE FROM expand_contract.flags;
