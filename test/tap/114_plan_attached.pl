# What hangs on the things that a plan makes anew, or makes in steps: comments,
# statistics targets, storage, rights, replica identity, the index of CLUSTER,
# policies, extended statistics; on plain, inherited and partitioned tables, with
# foreign partitions too.  Online and as written end in the same definitions, and what
# is taken back without a script in the definitions from before.
#
# By default every eighth file runs; EC_TRUTH=all runs all of them, EC_FILES=pattern
# those of such a name.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PlanTruth;
use Test::More;

my $fixture = <<'SQL';
CREATE SCHEMA HERE; SET search_path = HERE, public;
CREATE FUNCTION one() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TYPE state AS ENUM ('new', 'paid', 'sent');
CREATE TYPE pair AS (a integer, b integer);
CREATE DOMAIN score AS numeric(6, 2);
CREATE TABLE clients (id bigint PRIMARY KEY, mail text UNIQUE);
INSERT INTO clients SELECT i, 'm' || i FROM generate_series(1, 60) i;
CREATE TABLE invoices (id bigint NOT NULL, no integer NOT NULL, client bigint, total numeric(10, 2) CONSTRAINT total_positive CHECK (total >= 0), note varchar(30),
	stamp timestamp, state state DEFAULT 'new', mark pair, "Größe" integer, extra jsonb, CONSTRAINT note_short CHECK (length(note) < 30), CONSTRAINT "total, not huge" CHECK (total < 1000000));
INSERT INTO invoices SELECT i, i, i % 50 + 1, i, 'n' || i, timestamp '2026-01-01' + i * interval '1 hour', 'paid', ROW(1, 2)::pair, i, '{}' FROM generate_series(1, 120) i;
CREATE UNIQUE INDEX invoices_no ON invoices (no) WITH (fillfactor = 80);
CREATE INDEX invoices_note ON invoices (lower(note), client DESC) WHERE total > 5;
CREATE INDEX invoices_client ON invoices (client);
COMMENT ON CONSTRAINT total_positive ON invoices IS 'no credits; it''s the law';
COMMENT ON CONSTRAINT "total, not huge" ON invoices IS E'two\nlines';
COMMENT ON INDEX invoices_no IS 'their number';
COMMENT ON INDEX invoices_note IS 'what they search';
COMMENT ON COLUMN invoices.total IS 'in euros';
COMMENT ON TABLE invoices IS 'sent';
ALTER TABLE invoices REPLICA IDENTITY USING INDEX invoices_no;
ALTER TABLE invoices CLUSTER ON invoices_client;
ALTER INDEX invoices_note ALTER COLUMN 1 SET STATISTICS 300;
ALTER TABLE invoices ALTER total SET STATISTICS 500, ALTER note SET STORAGE EXTERNAL, ALTER note SET (n_distinct = -0.5);
CREATE STATISTICS invoices_s (dependencies) ON client, state FROM invoices;
COMMENT ON STATISTICS invoices_s IS 'together';
ALTER TABLE invoices ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_of ON invoices USING (total > 0);
GRANT SELECT (note, total), UPDATE (note) ON invoices TO PUBLIC;
CREATE TRIGGER touched BEFORE UPDATE OF note ON invoices FOR EACH ROW WHEN (NEW.note IS NOT NULL) EXECUTE FUNCTION touch();
CREATE TABLE lines (invoice integer, no integer, client bigint CONSTRAINT "Client key" REFERENCES clients ON DELETE CASCADE);
INSERT INTO lines SELECT i, i, i % 50 + 1 FROM generate_series(1, 100) i;
COMMENT ON CONSTRAINT "Client key" ON lines IS 'theirs';
CREATE TABLE base (id integer, amount numeric(8, 2), t text, CONSTRAINT amount_ok CHECK (amount > 0));
CREATE TABLE heir (own integer, CHECK (own > 0)) INHERITS (base);
CREATE TABLE heir_2 (amount numeric(8, 2), CONSTRAINT amount_ok CHECK (amount > 0)) INHERITS (base);
INSERT INTO base SELECT i, i, 't' FROM generate_series(1, 20) i; INSERT INTO heir SELECT i, i, 't', i FROM generate_series(21, 40) i; INSERT INTO heir_2 SELECT i, i, 't' FROM generate_series(41, 60) i;
COMMENT ON CONSTRAINT amount_ok ON base IS 'of the parent'; COMMENT ON CONSTRAINT amount_ok ON heir IS 'of the child';
CREATE TABLE lone (id integer, amount numeric(8, 2), CONSTRAINT lone_ok CHECK (amount > 0)); CREATE TABLE lone_heir () INHERITS (lone);
INSERT INTO lone SELECT i, i FROM generate_series(1, 20) i; INSERT INTO lone_heir SELECT i, i FROM generate_series(1, 20) i;
COMMENT ON CONSTRAINT lone_ok ON lone IS 'of the parent'; COMMENT ON CONSTRAINT lone_ok ON lone_heir IS 'of the child';
CREATE TABLE visits (id bigint NOT NULL, day date NOT NULL, client bigint, cost numeric(8, 2) CONSTRAINT cost_ok CHECK (cost >= 0), kind text) PARTITION BY RANGE (day);
CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE visits_2 (kind text, gone integer, cost numeric(8, 2) CONSTRAINT cost_ok CHECK (cost >= 0), client bigint, id bigint NOT NULL, day date NOT NULL); ALTER TABLE visits_2 DROP COLUMN gone;
ALTER TABLE visits ATTACH PARTITION visits_2 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
COMMENT ON CONSTRAINT cost_ok ON visits IS 'of all'; COMMENT ON CONSTRAINT cost_ok ON visits_1 IS 'of one'; COMMENT ON TABLE visits_1 IS 'the first';
CREATE INDEX visits_client ON visits (client); COMMENT ON INDEX visits_client IS 'whose'; COMMENT ON INDEX visits_1_client_idx IS 'whose, first';
INSERT INTO visits SELECT i, date '2025-01-01' + i * 6, i % 50 + 1, i, 'k' || i % 5 FROM generate_series(1, 100) i;
CREATE TABLE visits_3 (LIKE visits INCLUDING CONSTRAINTS); INSERT INTO visits_3 SELECT i, date '2027-01-01' + i, i % 50 + 1, i, 'k' FROM generate_series(1, 50) i; COMMENT ON TABLE visits_3 IS 'the third';
CREATE TABLE stays (id bigint NOT NULL, day date NOT NULL, client bigint, cost numeric(8, 2)) PARTITION BY RANGE (day);
CREATE TABLE stays_1 PARTITION OF stays FOR VALUES FROM ('2025-01-01') TO ('2026-01-01'); CREATE TABLE stays_rest PARTITION OF stays DEFAULT;
COMMENT ON COLUMN stays.cost IS 'in euros'; ALTER TABLE stays ALTER cost SET STATISTICS 70, ALTER client SET DEFAULT 7, ADD CONSTRAINT cost_ok CHECK (cost >= 0); CREATE INDEX ON stays (client);
INSERT INTO stays SELECT i, date '2025-01-01' + i * 6, i % 50 + 1, i FROM generate_series(1, 100) i;
CREATE TABLE afar (id bigint NOT NULL, v integer, t text) PARTITION BY RANGE (id);
CREATE TABLE afar_1 PARTITION OF afar FOR VALUES FROM (0) TO (100);
CREATE FOREIGN TABLE afar_2 PARTITION OF afar FOR VALUES FROM (100) TO (200) SERVER elsewhere;
INSERT INTO afar SELECT i, i, 't' FROM generate_series(1, 50) i;
CREATE MATERIALIZED VIEW sums AS SELECT client, sum(total) AS total FROM invoices GROUP BY client;
CREATE UNIQUE INDEX sums_key ON sums (client); COMMENT ON MATERIALIZED VIEW sums IS 'by client'; GRANT SELECT ON sums TO PUBLIC;
UPDATE pg_class SET relpages = 100000, reltuples = 5000000 WHERE relnamespace = 'HERE'::regnamespace AND relkind IN ('r', 'm', 'i');
SQL

my $node = start_truth('attached');
my $version = int($node->safe_psql('postgres', 'SHOW server_version_num') / 10000);
my ($names, $files) = read_files(\*DATA);
my $step = ($ENV{EC_TRUTH} // '') eq 'all' || defined $ENV{EC_FILES} ? 1 : 8;
my $online = 0;
my $run = 0;

for my $database ('written', 'online')
{
	$node->safe_psql($database, 'CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER elsewhere FOREIGN DATA WRAPPER nothing');
}
for my $n (grep { $_ % $step == 0 } 0 .. $#{$files})
{
	next if defined $ENV{EC_FILES} && $names->[$n] !~ /$ENV{EC_FILES}/;
	next if $names->[$n] =~ /^since (\d+)/ && $version < $1;
	$run++;
	$online += check_file($node, $n, $names->[$n], $fixture, $files->[$n], down => 1);
}
note "$online of $run had online steps";
cmp_ok($online, '>=', 0.5 * $run, 'most had online steps');

$node->stop;
done_testing();
__DATA__
== a wider number under two CHECKs with comments
ALTER TABLE invoices ALTER COLUMN total TYPE numeric(14, 2);
== a longer text under a CHECK, a policy and a trigger
DROP TRIGGER touched ON invoices;
ALTER TABLE invoices ALTER COLUMN note TYPE text;
CREATE TRIGGER touched BEFORE UPDATE OF note ON invoices FOR EACH ROW WHEN (NEW.note IS NOT NULL) EXECUTE FUNCTION touch();
== a type under a CHECK that a child has for itself
ALTER TABLE base ALTER COLUMN amount TYPE numeric(12, 2);
== a type under a CHECK that a child inherits
ALTER TABLE lone ALTER COLUMN amount TYPE numeric(12, 2);
== a type under a CHECK of a partitioned table
ALTER TABLE visits ALTER COLUMN cost TYPE numeric(12, 2);
== drop an index with a comment
DROP INDEX invoices_note;
== drop the index of the replica identity
DROP INDEX invoices_no;
== drop the index of CLUSTER
DROP INDEX IF EXISTS invoices_client;
== drop an index and make another of the name
DROP INDEX invoices_note;
CREATE INDEX invoices_note ON invoices (lower(note) text_pattern_ops);
COMMENT ON INDEX invoices_note IS 'another';
== reindex keeps what hangs on the index
REINDEX INDEX invoices_note; REINDEX INDEX invoices_client; REINDEX INDEX invoices_no;
== reindex of the table
REINDEX TABLE invoices;
== a primary key of the index of the replica identity
ALTER TABLE invoices ADD CONSTRAINT invoices_pk PRIMARY KEY USING INDEX invoices_no;
== a primary key, then replica identity by default
ALTER TABLE invoices ADD PRIMARY KEY (id);
ALTER TABLE invoices REPLICA IDENTITY DEFAULT;
== a constraint and its comment
ALTER TABLE invoices ADD CONSTRAINT no_ok CHECK (no > 0);
COMMENT ON CONSTRAINT no_ok ON invoices IS 'from 1';
== an index, its comment and its target
CREATE INDEX invoices_total ON invoices ((total * 2));
COMMENT ON INDEX invoices_total IS 'twice';
ALTER INDEX invoices_total ALTER COLUMN 1 SET STATISTICS 200;
== an index, then CLUSTER ON it
CREATE INDEX invoices_stamp ON invoices (stamp);
ALTER TABLE invoices CLUSTER ON invoices_stamp;
== a unique index, then replica identity by it
CREATE UNIQUE INDEX invoices_id ON invoices (id);
ALTER TABLE invoices REPLICA IDENTITY USING INDEX invoices_id;
== a unique constraint, its comment, and a key that refers to it
ALTER TABLE invoices ADD CONSTRAINT id_unique UNIQUE (id);
COMMENT ON CONSTRAINT id_unique ON invoices IS 'one of each';
ALTER TABLE lines ADD COLUMN of_invoice bigint REFERENCES invoices (id);
== an identity column with a comment and rights
ALTER TABLE invoices ADD COLUMN seq bigint GENERATED ALWAYS AS IDENTITY;
COMMENT ON COLUMN invoices.seq IS 'in order';
GRANT SELECT (seq) ON invoices TO PUBLIC;
== an identity column
ALTER TABLE invoices ADD COLUMN seq bigint GENERATED ALWAYS AS IDENTITY;
== a serial column
ALTER TABLE lines ADD COLUMN seq serial;
== a serial column with rights on its sequence
ALTER TABLE lines ADD COLUMN seq serial;
GRANT USAGE ON SEQUENCE lines_seq_seq TO PUBLIC;
COMMENT ON SEQUENCE lines_seq_seq IS 'numbers';
== a column with a target, storage and compression
ALTER TABLE invoices ADD COLUMN body text DEFAULT md5(random()::text) NOT NULL, ALTER COLUMN body SET STORAGE EXTERNAL, ALTER COLUMN body SET STATISTICS 10;
== a column with compression
ALTER TABLE invoices ADD COLUMN body text COMPRESSION pglz DEFAULT clock_timestamp()::text;
== NOT NULL of a column with everything
ALTER TABLE invoices ALTER COLUMN note SET NOT NULL;
== NOT NULL of two, and a default
ALTER TABLE invoices ALTER client SET NOT NULL, ALTER "Größe" SET NOT NULL, ALTER "Größe" SET DEFAULT 5;
== NOT NULL of a composite type
ALTER TABLE invoices ALTER mark SET NOT NULL;
== a key renamed, and validated again
ALTER TABLE lines RENAME CONSTRAINT "Client key" TO client_key;
ALTER TABLE lines ADD CONSTRAINT "Client key" FOREIGN KEY (client) REFERENCES clients NOT VALID;
ALTER TABLE lines VALIDATE CONSTRAINT "Client key";
== a key replaced by one with another action
ALTER TABLE lines DROP CONSTRAINT "Client key", ADD CONSTRAINT "Client key" FOREIGN KEY (client) REFERENCES clients ON DELETE SET NULL (client);
COMMENT ON CONSTRAINT "Client key" ON lines IS 'theirs, still';
== attach a partition with a comment
ALTER TABLE visits ATTACH PARTITION visits_3 FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
COMMENT ON TABLE visits_3 IS 'attached';
== a new partition beside a default one
CREATE TABLE stays_2 PARTITION OF stays FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
COMMENT ON TABLE stays_2 IS 'new';
== a new partition with options and a constraint of its own
CREATE TABLE stays_2 PARTITION OF stays (client DEFAULT 9, CONSTRAINT own CHECK (id > 0)) FOR VALUES FROM ('2027-01-01') TO ('2028-01-01') WITH (fillfactor = 70);
== detach a partition with a comment on its index
ALTER TABLE visits DETACH PARTITION visits_1;
== an index of a partitioned table, with a comment
CREATE INDEX visits_kind ON visits (kind, client);
COMMENT ON INDEX visits_kind IS 'kinds';
== a unique key of a partitioned table, with a comment
ALTER TABLE visits ADD CONSTRAINT visits_key UNIQUE (id, day);
COMMENT ON CONSTRAINT visits_key ON visits IS 'one of each';
== a primary key of a partitioned table, replica identity full
ALTER TABLE visits ADD PRIMARY KEY (id, day);
ALTER TABLE visits_1 REPLICA IDENTITY FULL;
== a foreign key of a partitioned table, with a comment
ALTER TABLE visits ADD CONSTRAINT visits_client_fk FOREIGN KEY (client) REFERENCES clients;
COMMENT ON CONSTRAINT visits_client_fk ON visits IS 'whose';
== an index of a partitioned table
CREATE INDEX visits_kind ON visits (kind, client);
== a unique key of a partitioned table
ALTER TABLE visits ADD CONSTRAINT visits_key UNIQUE (id, day);
== a primary key of a partitioned table
ALTER TABLE visits ADD PRIMARY KEY (id, day);
== a foreign key of a partitioned table
ALTER TABLE visits ADD FOREIGN KEY (client) REFERENCES clients;
== foreign partition: an index
CREATE INDEX afar_v ON afar (v);
== foreign partition: a unique index
CREATE UNIQUE INDEX afar_id ON afar (id);
== foreign partition: a key
ALTER TABLE afar ADD UNIQUE (id);
== foreign partition: a CHECK
ALTER TABLE afar ADD CONSTRAINT v_ok CHECK (v > 0);
== foreign partition: NOT NULL
ALTER TABLE afar ALTER v SET NOT NULL;
== foreign partition: a column with a constant
ALTER TABLE afar ADD COLUMN z integer DEFAULT 1;
== foreign partition: a column with a volatile default
ALTER TABLE afar ADD COLUMN z integer DEFAULT HERE.one();
== foreign partition: a foreign key
ALTER TABLE afar ADD FOREIGN KEY (id) REFERENCES clients;
== foreign partition: a longer type
ALTER TABLE afar ALTER t TYPE varchar;
== foreign partition: detached
ALTER TABLE afar DETACH PARTITION afar_2;
== foreign partition: update of all
UPDATE afar_1 SET t = 'x';
== a refresh of a view with a comment and rights
REFRESH MATERIALIZED VIEW sums;
== update and delete under a policy
UPDATE invoices SET note = 'x' WHERE note <> 'x';
DELETE FROM invoices WHERE total > 100;
== extended statistics on an expression, then a wider type
CREATE STATISTICS invoices_e ON (total * 2), client FROM invoices;
ALTER TABLE invoices ALTER stamp TYPE timestamp(6);
== a column renamed under a CHECK, then a wider type
ALTER TABLE invoices RENAME total TO gross;
ALTER TABLE invoices ALTER gross TYPE numeric(14, 2);
== a constraint renamed, then a wider type
ALTER TABLE invoices RENAME CONSTRAINT total_positive TO gross_positive;
ALTER TABLE invoices ALTER total TYPE numeric(14, 2);
== several types in one statement
ALTER TABLE invoices ALTER total TYPE numeric(14, 2), ALTER note TYPE varchar(60), ALTER stamp TYPE timestamp(6);
== a type and a new CHECK in one statement
ALTER TABLE invoices ALTER total TYPE numeric(14, 2), ADD CONSTRAINT total_small CHECK (total < 2000000), ALTER client SET NOT NULL;
== a type to a domain
ALTER TABLE invoices ALTER total TYPE score;
== since 17: an identity column of a partitioned table
ALTER TABLE visits ADD COLUMN seq bigint GENERATED BY DEFAULT AS IDENTITY;
== since 18: NOT NULL by name, with a comment
ALTER TABLE invoices ADD CONSTRAINT "client, known" NOT NULL client;
COMMENT ON CONSTRAINT "client, known" ON invoices IS 'known';
== since 18: NOT NULL of the table alone
ALTER TABLE lone ADD CONSTRAINT alone NOT NULL amount NO INHERIT;
== since 18: a key that is not enforced becomes so
ALTER TABLE lines ALTER CONSTRAINT "Client key" NOT ENFORCED;
ALTER TABLE lines ALTER CONSTRAINT "Client key" ENFORCED;
== since 18: a virtual column with NOT NULL and a CHECK
ALTER TABLE invoices ADD COLUMN double_total numeric GENERATED ALWAYS AS (total * 2) NOT NULL CHECK (double_total >= 0);
COMMENT ON COLUMN invoices.double_total IS 'twice';
== since 18: a CHECK that is not enforced, on a new column
ALTER TABLE invoices ADD COLUMN z uuid DEFAULT gen_random_uuid() CHECK (z IS NULL) NOT ENFORCED;
== since 18: a key of a partitioned table that is not enforced
ALTER TABLE visits ADD CONSTRAINT later FOREIGN KEY (client) REFERENCES clients NOT ENFORCED;
