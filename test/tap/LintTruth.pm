# The grammar and the judge of 090_lint_truth.pl.
package LintTruth;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT = qw(fixture scripts read_output verdict differences);

# The strength of a lock, as the server counts it.
my %strength = (
	AccessShareLock => 1,
	RowShareLock => 2,
	RowExclusiveLock => 3,
	ShareUpdateExclusiveLock => 4,
	ShareLock => 5,
	ShareRowExclusiveLock => 6,
	ExclusiveLock => 7,
	AccessExclusiveLock => 8);
my $stops_writers = $strength{ShareLock};

# Columns of many types, and what may hang on one: an index of each kind, a
# CHECK, a proof of NOT NULL that is valid or not.  HERE stands for the table.
my $columns = q{
	id integer NOT NULL, n integer, nn integer NOT NULL, ck integer, cv integer,
	c varchar(20), ci varchar(20), cx varchar(20), cp varchar(20), cc varchar(20), cn varchar(20),
	t text, ti text, num numeric(8,2), numi numeric(8,2), ts timestamp, tsi timestamp, ts3 timestamp(3), tz timestamptz, tz3 timestamptz(3),
	iv interval, iv3 interval(3), iv6 interval(6), ivy interval year, tm time, tm3 time(3), b bit(3), vb varbit(3), ch char(5), ip cidr, x xml, e mood, o oid,
	dp plain, dv plain_text, dc positive, arr varchar(10)[], j json, r real, d date, f integer, s smallint, u uuid, w integer};
my $values = q{
	i, i, i, i, i, 'c', 'c' || i, 'x', 'p', 'c', 'n', 't', 't', 1, i, now(), now(), now(), now(), now(),
	'1 s', '1 s', '1 s', '1 year', '10:00', '10:00', '101', '101', 'ch', '10.0.0.0/8', '<a/>', 'sad', 1,
	1, 'd', 1, '{a}', '{}', 1, '2026-01-01', i, 1, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 1};
my $hangs = q{
	ALTER TABLE HERE ADD PRIMARY KEY (id);
	CREATE INDEX HERE_ci ON HERE (ci);
	CREATE INDEX HERE_ti ON HERE (ti);
	CREATE INDEX HERE_tp ON HERE (ti text_pattern_ops);
	CREATE INDEX HERE_numi ON HERE (numi);
	CREATE INDEX HERE_tsi ON HERE (tsi);
	CREATE INDEX HERE_cx ON HERE (lower(cx));
	CREATE INDEX HERE_cp ON HERE (id) WHERE cp > 'a';
	ALTER TABLE HERE ADD CONSTRAINT HERE_ck CHECK (ck IS NOT NULL AND ck > 0);
	ALTER TABLE HERE ADD CONSTRAINT HERE_cv CHECK (cv IS NOT NULL) NOT VALID;
	ALTER TABLE HERE ADD CONSTRAINT HERE_cc CHECK (cc > 'a');
	ALTER TABLE HERE ADD CONSTRAINT HERE_cn CHECK (cn > 'a') NOT VALID;};

# Tables of these shapes have all of the columns: plain, TOASTed, partitioned,
# inherited; each is big, but for the small and the empty one.
my @shapes = qw(big small toasted parted inherited);

sub hangs
{
	my ($table) = @_;

	return $hangs =~ s/\bHERE/$table/gr;
}

sub fixture
{
	return qq{
	CREATE SCHEMA judge;
	CREATE TYPE mood AS ENUM ('sad', 'ok');
	CREATE DOMAIN plain AS integer;
	CREATE DOMAIN plain_text AS varchar(20);
	CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
	CREATE DOMAIN chance AS double precision DEFAULT random();
	CREATE TYPE pair AS (a integer, b integer);
	CREATE FUNCTION volatile_one() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
	CREATE FUNCTION stable_one() RETURNS integer LANGUAGE plpgsql STABLE AS 'BEGIN RETURN 1; END';
	CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
	CREATE TABLE big ($columns);
	INSERT INTO big SELECT $values FROM generate_series(1, 20) i;
	CREATE TABLE small (LIKE big);
	INSERT INTO small SELECT * FROM big;
	CREATE TABLE toasted (LIKE big);
	INSERT INTO toasted SELECT * FROM big;
	CREATE TABLE empty (LIKE big);
	CREATE TABLE inherited (LIKE big);
	INSERT INTO inherited SELECT * FROM big;
	CREATE TABLE heir () INHERITS (inherited);
	INSERT INTO heir SELECT * FROM big;
	CREATE TABLE parted (LIKE big) PARTITION BY RANGE (id);
	CREATE TABLE part_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
	CREATE TABLE part_2 PARTITION OF parted FOR VALUES FROM (10) TO (15);
	CREATE TABLE part_rest PARTITION OF parted DEFAULT;
	INSERT INTO parted SELECT * FROM big;
	} . join('', map { hangs($_) } @shapes, 'empty') . qq{
	-- what stands alone of one's own
	CREATE TABLE target (id integer PRIMARY KEY, c varchar(20) UNIQUE, n integer);
	INSERT INTO target SELECT i, 'c' || i, i FROM generate_series(1, 20) i;
	CREATE TABLE source (id integer PRIMARY KEY, t integer REFERENCES target, c varchar(20) REFERENCES target (c), plain integer, late integer);
	INSERT INTO source SELECT i, i, 'c' || i, i, i FROM generate_series(1, 20) i;
	ALTER TABLE source ADD CONSTRAINT source_late FOREIGN KEY (late) REFERENCES target NOT VALID;
	CREATE TABLE seen (id integer PRIMARY KEY, a integer, b integer, g integer GENERATED ALWAYS AS (b + 1) STORED, c integer);
	INSERT INTO seen SELECT i, i, i FROM generate_series(1, 20) i;
	CREATE VIEW watcher AS SELECT a FROM seen;
	CREATE MATERIALIZED VIEW summary AS SELECT id, w AS n FROM big;
	CREATE UNIQUE INDEX summary_id ON summary (id);
	CREATE TABLE indexed (id integer, k integer, m integer NOT NULL, p integer CHECK (p IS NOT NULL));
	INSERT INTO indexed SELECT i, i, i, i FROM generate_series(1, 20) i;
	CREATE UNIQUE INDEX indexed_k ON indexed (k);
	CREATE UNIQUE INDEX indexed_m ON indexed (m);
	CREATE UNIQUE INDEX indexed_p ON indexed (p);
	CREATE TABLE proved (id integer NOT NULL, v integer) PARTITION BY RANGE (id);
	CREATE TABLE proved_1 PARTITION OF proved FOR VALUES FROM (0) TO (10);
	CREATE TABLE proved_rest PARTITION OF proved DEFAULT;
	INSERT INTO proved SELECT i, i FROM generate_series(1, 20) i;
	ALTER TABLE proved_1 ADD CONSTRAINT p CHECK (v IS NOT NULL);
	ALTER TABLE proved_rest ADD CONSTRAINT p CHECK (v IS NOT NULL);
	ALTER TABLE proved_rest ADD CONSTRAINT apart CHECK (id IS NOT NULL AND id < 100);
	CREATE TABLE candidate (id integer NOT NULL, v integer);
	INSERT INTO candidate SELECT i, i FROM generate_series(101, 120) i;
	CREATE TABLE proven (id integer NOT NULL, v integer, CHECK (id >= 100 AND id < 200));
	INSERT INTO proven SELECT i, i FROM generate_series(101, 120) i;
	CREATE TABLE proven_near (id integer NOT NULL, v integer, CHECK (id >= 20 AND id < 30));
	INSERT INTO proven_near SELECT i, i FROM generate_series(21, 29) i;
	CREATE TABLE hollow (id integer NOT NULL, v integer) PARTITION BY RANGE (id);
	CREATE TABLE typed OF pair;
	INSERT INTO typed VALUES (1, 1);
	CREATE TABLE in_domain (id integer, d positive, l plain);
	INSERT INTO in_domain VALUES (1, 1, 1);
	ALTER DOMAIN positive ADD CONSTRAINT tiny CHECK (VALUE < 1000) NOT VALID;
	CREATE UNLOGGED TABLE fleeting (id integer PRIMARY KEY);
	INSERT INTO fleeting SELECT generate_series(1, 20);
	CREATE PUBLICATION news FOR TABLE target;
	CREATE SCHEMA aside;
	CREATE TABLE aside.big (id integer, n integer);
	CREATE TABLE aside.elsewhere (id integer, n integer);
	INSERT INTO aside.elsewhere SELECT i, i FROM generate_series(1, 20) i;
	CREATE SEQUENCE counter;
	CREATE TRIGGER noted AFTER INSERT ON target FOR EACH ROW EXECUTE FUNCTION note();
	CREATE ROLE truth_reader;
	-- a tree of three levels, one by hash, and a table beyond the server
	CREATE TABLE deep (id integer NOT NULL, k integer NOT NULL, v integer, t text) PARTITION BY LIST (k);
	CREATE TABLE deep_1 PARTITION OF deep FOR VALUES IN (1) PARTITION BY RANGE (id);
	CREATE TABLE deep_1a PARTITION OF deep_1 FOR VALUES FROM (0) TO (10);
	CREATE TABLE deep_1b PARTITION OF deep_1 DEFAULT;
	CREATE TABLE deep_2 PARTITION OF deep FOR VALUES IN (2);
	INSERT INTO deep SELECT i, 1 + i % 2, i, 't' FROM generate_series(1, 20) i;
	ALTER TABLE deep ADD PRIMARY KEY (id, k);
	CREATE TABLE to_deep (id integer, k integer, FOREIGN KEY (id, k) REFERENCES deep);
	INSERT INTO to_deep SELECT i, 1 + i % 2 FROM generate_series(1, 20) i;
	CREATE TABLE branch (id integer NOT NULL, k integer NOT NULL, v integer, t text) PARTITION BY RANGE (id);
	CREATE TABLE branch_1 PARTITION OF branch FOR VALUES FROM (0) TO (100);
	INSERT INTO branch SELECT i, 3, i, 't' FROM generate_series(1, 20) i;
	CREATE TABLE hashed (id integer NOT NULL, v integer) PARTITION BY HASH (id);
	CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
	CREATE TABLE hashed_1 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);
	INSERT INTO hashed SELECT i, i FROM generate_series(1, 20) i;
	CREATE TABLE grown (id integer NOT NULL, v integer) PARTITION BY RANGE (id);
	CREATE TABLE grown_1 PARTITION OF grown FOR VALUES FROM (0) TO (10);
	INSERT INTO grown SELECT i, i FROM generate_series(1, 9) i;
	CREATE INDEX grown_v ON ONLY grown (v);
	CREATE INDEX grown_1_v ON grown_1 (v);
	CREATE FOREIGN DATA WRAPPER nothing;
	CREATE SERVER beyond FOREIGN DATA WRAPPER nothing;
	CREATE FOREIGN TABLE far (id integer, v integer) SERVER beyond;
	CREATE TABLE "Odd ""name" ("a b" integer, "C" text);
	INSERT INTO "Odd ""name" SELECT i, 'c' FROM generate_series(1, 20) i;
	CREATE SCHEMA doomed;
	CREATE TABLE doomed.one (id integer PRIMARY KEY, m mood);
	INSERT INTO doomed.one SELECT i, 'ok' FROM generate_series(1, 20) i;
	CREATE TABLE to_doomed (id integer REFERENCES doomed.one, d positive);
	INSERT INTO to_doomed SELECT i, i FROM generate_series(1, 20) i;
	CREATE TABLE owned (id integer);
	INSERT INTO owned SELECT generate_series(1, 20);
	ALTER TABLE owned OWNER TO truth_reader;
	CREATE TABLE numbered (id integer NOT NULL DEFAULT nextval('counter'), i integer GENERATED BY DEFAULT AS IDENTITY, n integer NOT NULL, f integer DEFAULT stable_one());
	INSERT INTO numbered (n) SELECT generate_series(1, 20);
	CREATE VIEW upon AS SELECT id, n FROM numbered;
	CREATE VIEW upon_that AS SELECT id FROM upon;
	CREATE RULE quiet AS ON UPDATE TO numbered WHERE false DO INSTEAD NOTHING;

	-- what the lint is told of their sizes; nothing looks at them behind its back
	UPDATE pg_class SET relpages = 100000, reltuples = 5000000 WHERE relnamespace IN ('public'::regnamespace, 'aside'::regnamespace, 'doomed'::regnamespace)
	   AND relkind IN ('r', 'm') AND relname NOT IN ('small', 'empty', 'toasted') AND NOT (relnamespace = 'aside'::regnamespace AND relname = 'big');
	UPDATE pg_class SET relpages = 100000 WHERE oid = (SELECT reltoastrelid FROM pg_class WHERE oid = 'toasted'::regclass);

	CREATE TABLE judge.known AS SELECT oid, oid::regclass::text AS name, relfilenode AS file FROM pg_class
	 WHERE relnamespace IN ('public'::regnamespace, 'aside'::regnamespace, 'doomed'::regnamespace) AND relkind IN ('r', 'm', 'p', 'v');
	-- what the transaction has locked, read and written anew by now
	CREATE FUNCTION judge.look(OUT name text, OUT lock_mode text, OUT file oid, OUT scans bigint) RETURNS SETOF record LANGUAGE sql AS \$\$
		SELECT k.name, l.mode, coalesce(c.relfilenode, k.file), pg_stat_get_xact_numscans(k.oid)
		  FROM judge.known k
		  LEFT JOIN pg_class c ON c.oid = k.oid
		  LEFT JOIN (SELECT relation, (array_agg(mode ORDER BY CASE mode WHEN 'AccessShareLock' THEN 1 WHEN 'RowShareLock' THEN 2 WHEN 'RowExclusiveLock' THEN 3
			WHEN 'ShareUpdateExclusiveLock' THEN 4 WHEN 'ShareLock' THEN 5 WHEN 'ShareRowExclusiveLock' THEN 6 WHEN 'ExclusiveLock' THEN 7 ELSE 8 END DESC))[1] AS mode
			  FROM pg_locks WHERE locktype = 'relation' AND pid = pg_backend_pid() AND granted GROUP BY relation) l ON l.relation = k.oid
		 WHERE l.mode IS NOT NULL OR c.relfilenode <> k.file OR pg_stat_get_xact_numscans(k.oid) > 0 \$\$;
	-- the first look plans, and reads, whatever it needs
	SELECT count(*) FROM judge.look();
	};
}

# What may be done to a table of any shape: each a list of statements.
sub for_each_shape
{
	my ($t) = @_;
	my @scripts;
	my $add = sub { push @scripts, [@_]; };

	# columns of all sorts
	$add->("ALTER TABLE $t ADD COLUMN z $_") for (
		'integer', 'integer DEFAULT 1', 'integer DEFAULT 1 NOT NULL', 'integer DEFAULT stable_one()', 'integer DEFAULT volatile_one()',
		'integer DEFAULT 1 + volatile_one()', 'double precision DEFAULT random()', 'timestamptz DEFAULT now()', 'timestamptz DEFAULT clock_timestamp()',
		'uuid DEFAULT gen_random_uuid()', 'serial', 'bigserial', 'integer GENERATED ALWAYS AS (n * 2) STORED', 'plain', 'positive', 'chance',
		'chance DEFAULT 1', 'positive DEFAULT 1', 'integer CHECK (z > 0)', 'integer DEFAULT 1 CHECK (z > 0)', 'integer REFERENCES target',
		'integer DEFAULT 1 REFERENCES target', 'mood', 'text COLLATE "C"');
	$add->("ALTER TABLE $t ADD COLUMN z integer GENERATED ALWAYS AS IDENTITY") if $t !~ /parted/;
	$add->("ALTER TABLE $t ADD COLUMN z integer UNIQUE") if $t !~ /parted/;
	$add->("ALTER TABLE $t ADD COLUMN IF NOT EXISTS id integer DEFAULT volatile_one()");
	$add->("ALTER TABLE $t ALTER $_") for (
		map({ "$_ SET NOT NULL" } qw(id n nn ck cv)),
		'nn DROP NOT NULL', 'n SET DEFAULT 5', 'n DROP DEFAULT', 'n SET STATISTICS 100', 't SET STORAGE EXTERNAL', 'n SET (n_distinct = 5)', 't SET COMPRESSION pglz');

	# types: free ones, those that rebuild, those that rewrite
	$add->("ALTER TABLE $t ALTER $_->[0] TYPE $_->[1]") for (
		map({ my $c = $_; map { [ $c, $_ ] } ('varchar(40)', 'text', 'varchar(10)', 'varchar(20) COLLATE "C"') } qw(c ci cx cp cc cn)),
		[ 't', 'varchar' ], [ 't', 'varchar(100)' ], [ 't', 'text COLLATE "C"' ], [ 'ti', 'varchar' ], [ 'ti', 'text COLLATE "C"' ],
		[ 'n', 'bigint' ], [ 'n', 'integer' ], [ 'n', 'smallint' ], [ 'n', 'text USING n::text' ], [ 'n', 'oid' ], [ 'n', 'integer USING n' ], [ 'n', 'integer USING n + 0' ], [ 'o', 'integer' ],
		map({ my $c = $_; map { [ $c, $_ ] } ('numeric(10,2)', 'numeric(10,3)', 'numeric', 'numeric(6,2)') } qw(num numi)),
		[ 'ts', 'timestamptz' ], [ 'tsi', 'timestamptz' ], [ 'ts', 'timestamp(6)' ], [ 'ts', 'timestamp(3)' ], [ 'tsi', 'timestamp(6)' ], [ 'ts3', 'timestamp(4)' ], [ 'ts3', 'timestamp' ], [ 'ts3', 'timestamptz(3)' ],
		[ 'tz', 'timestamp' ], [ 'tz3', 'timestamptz(6)' ], [ 'tz3', 'timestamptz' ],
		[ 'iv', 'interval(3)' ], [ 'iv', 'interval(6)' ], [ 'iv3', 'interval(6)' ], [ 'iv3', 'interval' ], [ 'iv6', 'interval' ], [ 'ivy', 'interval' ],
		[ 'tm', 'time(6)' ], [ 'tm3', 'time(5)' ], [ 'tm', 'time(3)' ], [ 'b', 'varbit' ], [ 'b', 'bit(4) USING b::bit(4)' ], [ 'vb', 'varbit(5)' ], [ 'vb', 'varbit' ], [ 'vb', 'bit(3)' ],
		[ 'ch', 'char(8)' ], [ 'ch', 'text' ], [ 'ch', 'varchar(5)' ], [ 'ip', 'inet' ], [ 'x', 'text' ], [ 'e', 'text' ],
		[ 'dp', 'integer' ], [ 'dp', 'bigint' ], [ 'dp', 'plain' ], [ 'n', 'plain' ], [ 'n', 'positive' ], [ 'c', 'plain_text' ], [ 'dv', 'varchar(20)' ], [ 'dv', 'text' ], [ 'dc', 'integer' ], [ 'dc', 'positive' ],
		[ 'arr', 'varchar(20)[]' ], [ 'arr', 'text[]' ], [ 'arr', 'varchar[]' ], [ 'j', 'jsonb' ], [ 'r', 'double precision' ], [ 'd', 'timestamp' ], [ 's', 'integer' ], [ 'u', 'text' ],
		[ 'c', 'text USING c' ], [ 'c', 'text USING c::text' ], [ 'c', 'text USING lower(c)' ], [ 'c', "text USING ''" ], [ 'c', 'text USING t' ], [ 't', 'text USING t::varchar(1)' ]);

	# constraints
	$add->("ALTER TABLE $t ADD CONSTRAINT k $_") for (
		'CHECK (n > 0)', 'CHECK (n > 0) NOT VALID', 'CHECK (n > 0) NO INHERIT', 'UNIQUE (id)', 'UNIQUE (id, n)',
		'FOREIGN KEY (f) REFERENCES target');
	$add->("ALTER TABLE $t ADD CONSTRAINT k FOREIGN KEY (f) REFERENCES target NOT VALID") if $t ne 'parted';
	$add->("ALTER TABLE $t ADD CONSTRAINT k EXCLUDE (id WITH =)") if $t ne 'parted';
	$add->("ALTER TABLE $t VALIDATE CONSTRAINT ${t}_$_") for qw(cv ck cn);
	$add->("ALTER TABLE $t DROP CONSTRAINT ${t}_$_") for qw(cv ck pkey);

	# the table itself
	$add->("ALTER TABLE $t $_") for (
		'SET (fillfactor = 90)', 'SET (autovacuum_enabled = off)', 'ENABLE ROW LEVEL SECURITY', 'FORCE ROW LEVEL SECURITY',
		'REPLICA IDENTITY FULL', 'OWNER TO CURRENT_USER', 'RENAME TO other', 'RENAME n TO m', 'DROP COLUMN n', 'DROP COLUMN ci');
	$add->("ALTER TABLE $t $_") for $t ne 'parted' ? ('SET LOGGED', 'SET UNLOGGED', 'SET TABLESPACE pg_default', 'SET ACCESS METHOD heap', "CLUSTER ON ${t}_pkey") : ();
	$add->($_) for (
		"CREATE INDEX ON $t (n)", "CREATE INDEX IF NOT EXISTS ${t}_ci ON $t (ci)", "CREATE INDEX ON ONLY $t (n)", "CREATE UNIQUE INDEX ON $t (id, n)",
		"CREATE INDEX ON $t (lower(t))", "DROP INDEX ${t}_ci", "DROP INDEX IF EXISTS nowhere",
		"COMMENT ON TABLE $t IS 'x'", "GRANT SELECT ON $t TO truth_reader", "CREATE STATISTICS st ON n, f FROM $t", "CREATE POLICY p ON $t USING (true)",
		"CREATE TRIGGER tr AFTER INSERT ON $t FOR EACH ROW EXECUTE FUNCTION note()", "CREATE RULE r AS ON DELETE TO $t DO INSTEAD NOTHING",
		"CREATE VIEW sees AS SELECT * FROM $t", "CREATE TABLE copied (LIKE $t INCLUDING ALL)", "CREATE TABLE refers (id integer REFERENCES $t)", "ANALYZE $t",
		"LOCK TABLE $t IN SHARE MODE", "LOCK TABLE $t IN ACCESS SHARE MODE", "TRUNCATE $t", "DROP TABLE $t",
		"INSERT INTO $t (id, nn, cv, cn) VALUES (5, 5, 5, 'n') ON CONFLICT DO NOTHING", "CREATE TABLE made AS SELECT * FROM $t");
	$add->("REINDEX TABLE $t", "SELECT 1") if $t ne 'parted';
	$add->("REINDEX INDEX ${t}_pkey") if $t ne 'parted';
	$add->("CLUSTER $t USING ${t}_pkey") if $t ne 'parted';

	# one statement after another: what the first has changed
	$add->(@$_) for (
		[ "ALTER TABLE $t VALIDATE CONSTRAINT ${t}_cv", "ALTER TABLE $t ALTER cv SET NOT NULL" ],
		[ "ALTER TABLE $t ADD CONSTRAINT k CHECK (n IS NOT NULL) NOT VALID", "ALTER TABLE $t VALIDATE CONSTRAINT k", "ALTER TABLE $t ALTER n SET NOT NULL", "ALTER TABLE $t DROP CONSTRAINT k" ],
		[ "ALTER TABLE $t ADD CONSTRAINT k CHECK (n IS NOT NULL)", "ALTER TABLE $t ALTER n SET NOT NULL" ],
		[ "ALTER TABLE $t DROP CONSTRAINT ${t}_ck", "ALTER TABLE $t ALTER ck SET NOT NULL" ],
		[ "ALTER TABLE $t ALTER ck SET NOT NULL, DROP CONSTRAINT ${t}_ck" ],
		[ "ALTER TABLE $t ADD z integer", "CREATE INDEX ON $t (n)" ],
		[ "ALTER TABLE $t ADD z integer", "ALTER TABLE $t ALTER z SET NOT NULL" ],
		[ "ALTER TABLE $t ADD z integer DEFAULT 1", "ALTER TABLE $t ALTER z SET NOT NULL" ],
		[ "ALTER TABLE $t ADD z integer", "ALTER TABLE $t VALIDATE CONSTRAINT ${t}_cv" ],
		[ "ALTER TABLE $t ADD z integer", "UPDATE $t SET n = 1" ],
		[ "ALTER TABLE $t ADD z serial", "ALTER TABLE $t ALTER z SET NOT NULL" ],
		[ "ALTER TABLE $t ADD z integer DEFAULT 1 NOT NULL", "ALTER TABLE $t ALTER z DROP NOT NULL", "ALTER TABLE $t ALTER z SET NOT NULL" ],
		[ "ALTER TABLE $t ADD CONSTRAINT k FOREIGN KEY (f) REFERENCES target", "ALTER TABLE $t ALTER CONSTRAINT k DEFERRABLE" ],
		[ "ALTER TABLE $t ADD COLUMN z integer REFERENCES target DEFERRABLE INITIALLY DEFERRED" ],
		[ "ALTER TABLE $t RENAME TO moved", "ALTER TABLE moved ALTER n SET NOT NULL" ],
		[ "ALTER TABLE $t RENAME TO moved", "CREATE TABLE $t (id integer)", "ALTER TABLE $t ADD CHECK (id > 0)", "CREATE INDEX ON $t (id)" ],
		[ "CREATE TABLE new (id integer, n integer)", "ALTER TABLE new RENAME TO newer", "ALTER TABLE $t RENAME TO new", "ALTER TABLE new ADD CONSTRAINT k CHECK (n > 0)" ],
		[ "ALTER TABLE $t RENAME n TO m", "ALTER TABLE $t ALTER m SET NOT NULL" ],
		[ "ALTER TABLE $t DROP COLUMN ci", "ALTER TABLE $t ADD ci integer" ],
		[ "ALTER TABLE $t DROP CONSTRAINT ${t}_cc", "ALTER TABLE $t ALTER cc TYPE text" ],
		[ "DROP INDEX ${t}_cx", "ALTER TABLE $t ALTER cx TYPE text" ],
		[ "CREATE TABLE target_2 (id integer PRIMARY KEY)", "INSERT INTO target_2 SELECT generate_series(1, 20)", "ALTER TABLE $t ADD FOREIGN KEY (n) REFERENCES target_2" ],
		[ "SET LOCAL timezone = 'Asia/Tokyo'", "ALTER TABLE $t ALTER ts TYPE timestamptz" ],
		[ "SET timezone = 'Asia/Tokyo'", "RESET timezone", "ALTER TABLE $t ALTER ts TYPE timestamptz" ]);
	return @scripts;
}

# What needs objects of its own.
sub for_themselves
{
	return map { ref $_ ? $_ : [$_] } (
		# keys
		'ALTER TABLE source DROP CONSTRAINT source_t_fkey', 'ALTER TABLE source DROP COLUMN t', 'DROP TABLE source', 'DROP TABLE target CASCADE',
		'ALTER TABLE source VALIDATE CONSTRAINT source_late', 'ALTER TABLE source ADD FOREIGN KEY (plain) REFERENCES target', 'ALTER TABLE source ADD FOREIGN KEY (plain) REFERENCES source',
		'ALTER TABLE source ALTER t TYPE bigint', 'ALTER TABLE target ALTER id TYPE bigint', 'ALTER TABLE source ALTER c TYPE varchar(40)', 'ALTER TABLE target ALTER c TYPE varchar(40)', 'ALTER TABLE source ALTER c TYPE text',
		'ALTER TABLE source ALTER CONSTRAINT source_t_fkey DEFERRABLE', 'ALTER TABLE to_deep ALTER CONSTRAINT to_deep_id_k_fkey DEFERRABLE', 'ALTER TABLE source ALTER late TYPE bigint', 'TRUNCATE target CASCADE', 'ALTER TABLE target DROP CONSTRAINT target_pkey CASCADE',
		[ 'ALTER TABLE source ADD CONSTRAINT k FOREIGN KEY (plain) REFERENCES target NOT VALID', 'ALTER TABLE source VALIDATE CONSTRAINT k' ],
		[ 'CREATE TABLE n1 (id integer REFERENCES target)', 'CREATE INDEX ON n1 (id)' ],
		# keys of an index that is there
		'ALTER TABLE indexed ADD PRIMARY KEY USING INDEX indexed_k', 'ALTER TABLE indexed ADD PRIMARY KEY USING INDEX indexed_m', 'ALTER TABLE indexed ADD PRIMARY KEY USING INDEX indexed_p',
		'ALTER TABLE indexed ADD UNIQUE USING INDEX indexed_k', 'ALTER TABLE indexed ADD PRIMARY KEY (k)', 'ALTER TABLE indexed ADD PRIMARY KEY (m)',
		# partitions
		'ALTER TABLE proved ALTER v SET NOT NULL', 'ALTER TABLE proved ATTACH PARTITION candidate FOR VALUES FROM (100) TO (200)', 'ALTER TABLE proved ATTACH PARTITION proven FOR VALUES FROM (100) TO (200)',
		'ALTER TABLE proved ATTACH PARTITION proven_near FOR VALUES FROM (20) TO (30)', 'CREATE TABLE proved_2 PARTITION OF proved FOR VALUES FROM (100) TO (200)', 'CREATE TABLE proved_2 PARTITION OF proved FOR VALUES FROM (50) TO (60)',
		'CREATE TABLE hollow_1 PARTITION OF hollow FOR VALUES FROM (1) TO (2)', 'ALTER TABLE hollow ATTACH PARTITION candidate FOR VALUES FROM (100) TO (200)', 'ALTER TABLE hollow ATTACH PARTITION proven FOR VALUES FROM (100) TO (200)',
		'ALTER TABLE hollow ATTACH PARTITION proven FOR VALUES FROM (100) TO (150)', 'ALTER TABLE hollow ATTACH PARTITION candidate DEFAULT', 'ALTER TABLE hollow ATTACH PARTITION proven DEFAULT', 'ALTER TABLE proved DETACH PARTITION proved_1', 'CREATE INDEX ON hollow (v)',
		'ALTER TABLE hollow ALTER v TYPE bigint', 'ALTER TABLE hollow ADD CHECK (v > 0)', 'ALTER TABLE hollow ALTER v SET NOT NULL', 'ALTER TABLE hollow ADD UNIQUE (id)',
		[ 'CREATE TABLE fresh (id integer NOT NULL, v integer)', 'ALTER TABLE hollow ATTACH PARTITION fresh FOR VALUES FROM (1) TO (2)' ],
		[ 'CREATE TABLE fresh (id integer NOT NULL, v integer)', 'ALTER TABLE proved ATTACH PARTITION fresh FOR VALUES FROM (100) TO (200)' ],
		[ 'CREATE TABLE fresh (id integer NOT NULL, v integer)', 'ALTER TABLE proved ATTACH PARTITION fresh FOR VALUES FROM (50) TO (60)' ],
		[ 'CREATE TABLE tree (id integer) PARTITION BY RANGE (id)', 'CREATE TABLE leaf PARTITION OF tree FOR VALUES FROM (1) TO (2)', 'CREATE INDEX ON tree (id)', 'ALTER TABLE leaf ADD CHECK (id > 0)' ],
		[ 'ALTER TABLE proved_rest ADD CONSTRAINT k CHECK (id < 50 OR id > 60) NOT VALID', 'ALTER TABLE proved_rest VALIDATE CONSTRAINT k', 'CREATE TABLE proved_2 PARTITION OF proved FOR VALUES FROM (51) TO (59)' ],
		# children alone
		'ALTER TABLE heir ALTER n SET NOT NULL', 'ALTER TABLE heir ADD CHECK (n > 0)', 'CREATE INDEX ON heir (n)', 'ALTER TABLE part_1 ADD CONSTRAINT k CHECK (n > 0)', 'ALTER TABLE part_1 ALTER n SET NOT NULL', 'CREATE INDEX ON part_1 (n)',
		'ALTER TABLE heir NO INHERIT inherited', 'ALTER TABLE ONLY inherited ALTER n SET DEFAULT 1', 'ALTER TABLE ONLY inherited ADD CONSTRAINT k CHECK (n > 0) NO INHERIT',
		# domains and types
		'ALTER DOMAIN positive VALIDATE CONSTRAINT tiny', 'ALTER DOMAIN positive ADD CHECK (VALUE < 500)', 'ALTER DOMAIN positive ADD CHECK (VALUE < 500) NOT VALID', 'ALTER DOMAIN plain SET NOT NULL', 'ALTER DOMAIN chance SET NOT NULL',
		'ALTER DOMAIN plain SET DEFAULT 1', 'ALTER TYPE pair ALTER ATTRIBUTE a TYPE bigint CASCADE', 'ALTER TYPE pair ADD ATTRIBUTE c integer CASCADE', 'ALTER TYPE pair DROP ATTRIBUTE b CASCADE', 'ALTER TYPE pair RENAME ATTRIBUTE a TO z CASCADE',
		[ 'ALTER DOMAIN positive ADD CONSTRAINT k CHECK (VALUE < 500) NOT VALID', 'ALTER DOMAIN positive VALIDATE CONSTRAINT k' ],
		# what changes nothing
		'ALTER TABLE fleeting SET UNLOGGED', 'ALTER TABLE fleeting SET LOGGED', 'DROP TABLE IF EXISTS nowhere', 'DROP INDEX IF EXISTS nowhere.nothing', 'ALTER TABLE IF EXISTS nowhere ALTER n SET NOT NULL',
		'CREATE TABLE IF NOT EXISTS big (id integer)', [ 'CREATE TABLE IF NOT EXISTS big (id integer)', 'CREATE INDEX ON big (n)' ],
		# views
		'REFRESH MATERIALIZED VIEW summary', 'CREATE OR REPLACE VIEW watcher AS SELECT a FROM seen', 'DROP VIEW watcher', 'CREATE INDEX ON summary (n)', 'ALTER VIEW watcher RENAME TO w', 'DROP MATERIALIZED VIEW summary',
		[ 'DROP VIEW watcher', 'ALTER TABLE seen ALTER a TYPE bigint', 'CREATE VIEW watcher AS SELECT a FROM seen' ],
		'ALTER TABLE seen ALTER c TYPE bigint', 'ALTER TABLE seen DROP COLUMN a CASCADE', 'ALTER TABLE seen ALTER g DROP EXPRESSION',
		# a script's own objects
		[ 'CREATE TABLE new (id integer, c varchar(10))', 'CREATE INDEX ON new (id)', 'ALTER TABLE new ALTER id SET NOT NULL, ALTER c TYPE integer USING 1', 'ALTER TABLE new ADD CHECK (id > 0)', 'TRUNCATE new', 'DROP TABLE new' ],
		[ 'CREATE TABLE IF NOT EXISTS new (id integer)', 'CREATE INDEX ON new (id)', 'CREATE INDEX ON public.new (id)' ],
		[ 'CREATE TABLE public.new (id integer)', 'CREATE INDEX ON new (id)' ], [ 'SELECT id INTO new FROM target', 'CREATE INDEX ON new (id)' ], [ 'CREATE TABLE new AS SELECT id FROM target', 'ALTER TABLE new ADD PRIMARY KEY (id)' ],
		[ 'CREATE SCHEMA own CREATE TABLE new (id integer)', 'CREATE INDEX ON own.new (id)' ], [ 'CREATE SCHEMA own', 'CREATE TABLE own.new (id integer)', 'CREATE INDEX ON own.new (id)' ],
		[ 'CREATE SCHEMA own', 'SET search_path = own', 'CREATE TABLE big (id integer)', 'CREATE INDEX ON big (id)' ], [ 'CREATE MATERIALIZED VIEW fresh AS SELECT id FROM target', 'CREATE INDEX ON fresh (id)', 'REFRESH MATERIALIZED VIEW fresh' ],
		[ 'CREATE TEMP TABLE big (id integer, n integer)', 'CREATE INDEX ON big (n)' ],
		# settings
		[ 'SET search_path = aside', 'CREATE INDEX ON elsewhere (n)' ], [ 'SET search_path = aside, public', 'CREATE INDEX ON big (n)' ], [ 'SET LOCAL search_path TO aside', 'ALTER TABLE elsewhere ALTER n SET NOT NULL' ],
		[ q{SELECT set_config('search_path', 'aside', false)}, 'CREATE INDEX ON elsewhere (n)' ], [ 'SET search_path = aside', 'RESET search_path', 'CREATE INDEX ON big (n)' ],
		[ 'SET search_path = aside', 'SET search_path TO DEFAULT', 'ALTER TABLE big ALTER n SET NOT NULL' ], [ 'SET search_path = aside, public', 'ALTER TABLE target ADD CHECK (n > 0)' ],
		# several tables in one transaction
		[ 'ALTER TABLE small ADD z integer', 'ALTER TABLE big VALIDATE CONSTRAINT big_cv' ], [ 'ALTER TABLE target ADD z integer', 'CREATE INDEX ON big (n)' ], [ 'ALTER TABLE target ADD z integer', 'UPDATE big SET n = 1' ],
		# rows
		'UPDATE big SET n = 1', 'DELETE FROM big', 'INSERT INTO target VALUES (100)', 'ALTER SEQUENCE counter RESTART', 'DROP TRIGGER noted ON target', 'ALTER TABLE target DISABLE TRIGGER noted', 'ALTER PUBLICATION news ADD TABLE big', 'ALTER TABLE aside.elsewhere SET SCHEMA public');
}

# The other kinds of relations, what a CASCADE takes, several commands at once.
sub for_other_kinds
{
	return map { ref $_ ? $_ : [$_] } (
		# a tree of three levels
		map({ "ALTER TABLE $_" } map({ my $t = $_; map { "$t $_" } (
			'ADD COLUMN z integer', 'ADD COLUMN z integer DEFAULT volatile_one()', 'ALTER v SET NOT NULL', 'ALTER v TYPE bigint', 'ALTER t TYPE varchar', 'ADD CONSTRAINT k CHECK (v > 0)',
			'ADD CONSTRAINT k CHECK (v > 0) NOT VALID', 'ADD CONSTRAINT k FOREIGN KEY (v) REFERENCES target', 'ADD CONSTRAINT k UNIQUE (id, k)', 'DROP COLUMN t', 'RENAME v TO w', 'ALTER v SET DEFAULT 1', 'ENABLE ROW LEVEL SECURITY') } qw(deep deep_1 deep_2))),
		'CREATE INDEX ON deep (v)', 'CREATE INDEX ON deep_1 (v)', 'CREATE INDEX ON ONLY deep_1 (v)', 'DROP INDEX deep_pkey', 'ALTER TABLE deep DROP CONSTRAINT deep_pkey', 'ALTER TABLE deep DROP CONSTRAINT deep_pkey CASCADE',
		'ALTER TABLE deep ATTACH PARTITION branch FOR VALUES IN (3)', 'ALTER TABLE deep DETACH PARTITION deep_1', 'ALTER TABLE deep_1 DETACH PARTITION deep_1a', 'ALTER TABLE deep DETACH PARTITION deep_2',
		'CREATE TABLE deep_3 PARTITION OF deep FOR VALUES IN (3)', 'CREATE TABLE deep_3 PARTITION OF deep FOR VALUES IN (3) PARTITION BY RANGE (id)', 'CREATE TABLE deep_1c PARTITION OF deep_1 FOR VALUES FROM (50) TO (60)', 'CREATE TABLE deep_rest PARTITION OF deep DEFAULT',
		'DROP TABLE deep_2', 'DROP TABLE deep_1', 'DROP TABLE deep', 'DROP TABLE deep CASCADE', 'TRUNCATE deep_2', 'TRUNCATE deep CASCADE', 'TRUNCATE ONLY deep_1a CASCADE',
		'ALTER TABLE source ADD FOREIGN KEY (plain, late) REFERENCES deep', 'ALTER TABLE source ADD FOREIGN KEY (plain, late) REFERENCES deep NOT VALID', 'ALTER TABLE to_deep DROP CONSTRAINT to_deep_id_k_fkey', 'DROP TABLE to_deep', 'ALTER TABLE to_deep DROP COLUMN id',
		[ 'CREATE TABLE more (LIKE deep)', 'ALTER TABLE deep ATTACH PARTITION more FOR VALUES IN (4)' ], [ 'CREATE TABLE more (LIKE deep) PARTITION BY RANGE (id)', 'CREATE TABLE more_1 PARTITION OF more DEFAULT', 'ALTER TABLE deep ATTACH PARTITION more FOR VALUES IN (4)' ],
		[ 'ALTER TABLE branch ADD CONSTRAINT kk CHECK (k IS NOT NULL AND k = 3)', 'ALTER TABLE deep ATTACH PARTITION branch FOR VALUES IN (3)' ], [ 'ALTER TABLE branch ADD PRIMARY KEY (id, k)', 'ALTER TABLE deep ATTACH PARTITION branch FOR VALUES IN (3)' ],
		[ 'ALTER TABLE deep DETACH PARTITION deep_2', 'ALTER TABLE deep_2 ALTER v SET NOT NULL' ], [ 'ALTER TABLE deep DETACH PARTITION deep_2', 'ALTER TABLE deep ALTER v SET NOT NULL' ], [ 'ALTER TABLE deep DETACH PARTITION deep_2', 'ALTER TABLE deep ATTACH PARTITION deep_2 FOR VALUES IN (2)' ],
		# by hash, and an index put together
		'ALTER TABLE hashed ADD UNIQUE (id)', 'ALTER TABLE hashed ALTER v SET NOT NULL', 'CREATE INDEX ON hashed (v)', 'ALTER TABLE hashed DETACH PARTITION hashed_1', [ 'ALTER TABLE hashed DETACH PARTITION hashed_1', 'ALTER TABLE hashed ATTACH PARTITION hashed_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1)' ],
		'ALTER INDEX grown_v ATTACH PARTITION grown_1_v', 'CREATE TABLE grown_2 PARTITION OF grown FOR VALUES FROM (10) TO (20)', [ 'CREATE TABLE grown_2 (id integer NOT NULL, v integer)', 'ALTER TABLE grown ATTACH PARTITION grown_2 FOR VALUES FROM (10) TO (20)' ],
		[ 'ALTER TABLE grown_1 ADD CONSTRAINT g CHECK (id > 0)', 'CREATE TABLE grown_rest PARTITION OF grown DEFAULT' ], 'ALTER TABLE grown ATTACH PARTITION candidate FOR VALUES FROM (100) TO (200)', 'ALTER TABLE grown ATTACH PARTITION proven FOR VALUES FROM (100) TO (200)',
		# indexes
		map({ "ALTER INDEX $_" } ('big_ci RENAME TO other', 'big_ci SET (fillfactor = 50)', 'big_ci RESET (fillfactor)', 'big_ci SET TABLESPACE pg_default', 'big_cx ALTER COLUMN 1 SET STATISTICS 100', 'parted_ci RENAME TO other', 'deep_pkey RENAME TO other')),
		'ALTER TABLE big_ci RENAME TO other', 'DROP INDEX big_ci, small_ci', 'DROP INDEX parted_ci', 'COMMENT ON INDEX big_ci IS $x$x$x$', 'CREATE UNIQUE INDEX ON big (id) INCLUDE (n) WHERE n > 0', 'CREATE INDEX ON big USING hash (n)', 'CREATE INDEX named ON public.big (n DESC NULLS LAST)', 'REINDEX INDEX big_ci', 'CREATE INDEX ON heir (n)', 'CREATE INDEX ON inherited (n)', 'CREATE INDEX ON ONLY inherited (n)',
		# foreign tables
		'ALTER FOREIGN TABLE far ADD COLUMN z integer', 'ALTER TABLE far ADD COLUMN z integer DEFAULT volatile_one()', 'ALTER FOREIGN TABLE far ALTER v SET NOT NULL', 'ALTER FOREIGN TABLE far ADD CHECK (v > 0)', 'ALTER FOREIGN TABLE far ALTER v TYPE bigint', 'DROP FOREIGN TABLE far', 'ALTER FOREIGN TABLE far RENAME TO f',
		'CREATE FOREIGN TABLE f PARTITION OF grown FOR VALUES FROM (10) TO (20) SERVER beyond', 'DROP SERVER beyond CASCADE', 'DROP FOREIGN DATA WRAPPER nothing CASCADE',
		# names
		map({ "ALTER TABLE \"Odd \"\"name\" $_" } ('ALTER "a b" SET NOT NULL', 'ALTER "a b" TYPE bigint', 'ADD CHECK ("a b" > 0)', 'RENAME "a b" TO a', 'ADD UNIQUE ("a b")', 'ADD COLUMN "a""b" integer DEFAULT volatile_one()')),
		'CREATE INDEX ON "Odd ""name" ("a b")', 'CREATE INDEX "x y" ON public."Odd ""name" (lower("C"))', 'UPDATE "Odd ""name" SET "C" = $x$x$x$', 'ALTER TABLE U&"Od\0064 ""name" ALTER "a b" SET NOT NULL',
		# what goes with others
		'DROP SCHEMA doomed CASCADE', 'DROP TYPE mood CASCADE', 'DROP DOMAIN positive CASCADE', 'DROP FUNCTION note() CASCADE', 'DROP FUNCTION stable_one() CASCADE', 'DROP SEQUENCE counter CASCADE', 'DROP OWNED BY truth_reader', 'DROP VIEW upon CASCADE', 'DROP TABLE numbered CASCADE', 'DROP TYPE pair CASCADE', 'DROP TABLE doomed.one CASCADE',
		'REASSIGN OWNED BY truth_reader TO CURRENT_USER', 'ALTER SCHEMA doomed RENAME TO dead', 'ALTER TYPE mood RENAME TO humour', 'ALTER TYPE mood RENAME VALUE $x$sad$x$ TO $x$sorry$x$', 'ALTER DOMAIN positive DROP CONSTRAINT tiny', 'ALTER DOMAIN positive DROP NOT NULL', 'ALTER FUNCTION note() RENAME TO noted', 'ALTER TYPE mood SET SCHEMA aside',
		[ 'DROP SCHEMA doomed CASCADE', 'ALTER TABLE to_doomed ALTER id SET NOT NULL' ], [ 'DROP SCHEMA doomed CASCADE', 'CREATE SCHEMA doomed', 'CREATE TABLE doomed.one (id integer)', 'ALTER TABLE doomed.one ALTER id SET NOT NULL' ],
		[ 'DROP TYPE mood CASCADE', 'ALTER TABLE big ADD COLUMN e integer' ], [ 'ALTER SCHEMA doomed RENAME TO dead', 'ALTER TABLE dead.one ALTER m SET NOT NULL' ], [ 'ALTER TABLE doomed.one SET SCHEMA aside', 'CREATE INDEX ON aside.one (m)' ], [ 'ALTER DOMAIN positive RENAME TO p2', 'ALTER TABLE to_doomed ALTER d TYPE p2' ],
		# numbers and views
		map({ "ALTER TABLE numbered $_" } ('ALTER n ADD GENERATED ALWAYS AS IDENTITY', 'ALTER i DROP IDENTITY', 'ALTER i SET GENERATED ALWAYS', 'ALTER i SET START WITH 100', 'ALTER i RESTART', 'ALTER id TYPE bigint', 'ALTER i TYPE bigint', 'ALTER f TYPE bigint', 'ALTER n TYPE bigint', 'DROP COLUMN id CASCADE', 'RENAME n TO m', 'DISABLE RULE quiet', 'ALTER id DROP DEFAULT', 'SET WITHOUT OIDS', 'SET WITHOUT CLUSTER', 'INHERIT indexed', 'ADD COLUMN z bigserial PRIMARY KEY')),
		'ALTER SEQUENCE counter AS smallint', 'ALTER SEQUENCE counter OWNED BY numbered.id', 'ALTER SEQUENCE counter RENAME TO c2', 'DROP RULE quiet ON numbered', 'CREATE OR REPLACE VIEW upon AS SELECT id, n, i FROM numbered', 'ALTER VIEW upon SET (security_barrier)', 'ALTER VIEW upon ALTER n SET DEFAULT 1', 'ALTER MATERIALIZED VIEW summary RENAME TO s', 'ALTER MATERIALIZED VIEW summary ALTER n SET STATISTICS 10', 'REFRESH MATERIALIZED VIEW summary WITH NO DATA', 'REFRESH MATERIALIZED VIEW CONCURRENTLY summary', 'ALTER MATERIALIZED VIEW summary SET (fillfactor = 90)', 'COMMENT ON VIEW upon IS NULL',
		# rows
		'INSERT INTO target SELECT 100 + id FROM small', 'UPDATE big SET n = 1 WHERE id = 1', 'UPDATE big SET n = t.n FROM target t WHERE t.id = big.id', 'DELETE FROM source USING target WHERE source.t = target.id', 'SELECT FROM big FOR UPDATE', 'SELECT count(*) FROM big', 'COPY (SELECT 1) TO $x$/dev/null$x$', 'COPY big TO $x$/dev/null$x$', 'DO $x$BEGIN PERFORM 1; END$x$', 'EXPLAIN SELECT FROM big', 'WITH gone AS (DELETE FROM source RETURNING id) SELECT count(*) FROM gone',
		'MERGE INTO target USING small ON target.id = small.id WHEN MATCHED THEN UPDATE SET n = 1 WHEN NOT MATCHED THEN DO NOTHING', 'TRUNCATE big, small', 'TRUNCATE parted',
		# publications, rights, triggers
		'CREATE PUBLICATION more FOR TABLE big, small', 'CREATE PUBLICATION every FOR ALL TABLES', 'ALTER PUBLICATION news DROP TABLE target', 'ALTER PUBLICATION news SET TABLE big', 'DROP PUBLICATION news', 'GRANT SELECT ON ALL TABLES IN SCHEMA public TO truth_reader', 'REVOKE ALL ON big FROM PUBLIC', 'ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO truth_reader',
		'CREATE CONSTRAINT TRIGGER ct AFTER INSERT ON target DEFERRABLE FOR EACH ROW EXECUTE FUNCTION note()', 'ALTER TRIGGER noted ON target RENAME TO n2', 'ALTER TABLE target ENABLE TRIGGER ALL', 'CREATE OR REPLACE TRIGGER noted AFTER UPDATE ON target FOR EACH ROW EXECUTE FUNCTION note()', 'CREATE TRIGGER tr AFTER INSERT ON parted FOR EACH ROW EXECUTE FUNCTION note()', 'CREATE TRIGGER tr BEFORE INSERT ON deep FOR EACH ROW EXECUTE FUNCTION note()',
		'ALTER TABLE big REPLICA IDENTITY USING INDEX big_pkey', 'ALTER TABLE typed NOT OF', 'ALTER TABLE heir INHERIT inherited', 'ALTER TABLE small INHERIT big', 'CREATE TABLE heiress () INHERITS (big)', 'CREATE TABLE heiress (n integer NOT NULL) INHERITS (inherited)', 'CREATE TABLE two (LIKE big INCLUDING ALL, FOREIGN KEY (n) REFERENCES target)', 'CREATE TABLE two (a integer, b integer, FOREIGN KEY (a, b) REFERENCES deep)', 'CREATE STATISTICS st ON (n + 1), f FROM big', 'CREATE POLICY p ON big USING (id IN (SELECT id FROM target))',
		# several at once
		map({ "ALTER TABLE big $_" } (
			'ADD COLUMN z integer DEFAULT volatile_one(), ALTER n SET NOT NULL, ADD CHECK (n > 0)', 'ALTER n TYPE bigint, ALTER s TYPE bigint, ADD CONSTRAINT k UNIQUE (n)', 'DROP COLUMN n, ADD COLUMN n bigint', 'ALTER c TYPE text, ALTER c SET DEFAULT 1', 'ALTER ck SET NOT NULL, ALTER cv SET NOT NULL',
			'VALIDATE CONSTRAINT big_cv, ALTER cv SET NOT NULL', 'ADD COLUMN z integer, ADD CHECK (z > 0)', 'ADD COLUMN z integer DEFAULT 1, ADD CHECK (z > 0)', 'ADD COLUMN z integer, ALTER z SET NOT NULL', 'ADD COLUMN z integer, ADD UNIQUE (z)', 'DROP CONSTRAINT big_cc, ALTER cc TYPE text', 'ADD COLUMN z integer, ADD FOREIGN KEY (z) REFERENCES target', 'ALTER n SET NOT NULL, ALTER n DROP NOT NULL',
			'ADD CONSTRAINT k CHECK (n IS NOT NULL) NOT VALID, VALIDATE CONSTRAINT k', 'ADD CONSTRAINT k CHECK (n IS NOT NULL), ALTER n SET NOT NULL', 'ALTER n TYPE integer, ALTER c TYPE varchar(40)', 'ADD CHECK (n > 0), ADD CHECK (id > 0)', 'ALTER t SET STORAGE EXTERNAL, ALTER n SET STATISTICS 5', 'RESET (fillfactor), SET (autovacuum_enabled = on)', 'ADD COLUMN a1 text, ADD COLUMN a2 text NOT NULL DEFAULT $x$x$x$, DROP COLUMN w CASCADE')),
		[ 'ALTER TABLE big ADD COLUMN z integer', 'ALTER TABLE big ADD CHECK (z > 0)' ], [ 'ALTER TABLE big ADD COLUMN z integer', 'ALTER TABLE big ALTER z TYPE bigint' ],
		[ 'CREATE DOMAIN fresh AS integer CHECK (VALUE > 0)', 'ALTER TABLE big ADD COLUMN z fresh', 'ALTER DOMAIN fresh ADD CHECK (VALUE < 10)' ], [ 'CREATE TYPE fresh AS ENUM ($x$a$x$)', 'ALTER TABLE big ADD COLUMN z fresh DEFAULT $x$a$x$', 'DROP TYPE fresh CASCADE' ],
		[ 'CREATE FUNCTION fresh() RETURNS integer LANGUAGE sql IMMUTABLE AS $x$SELECT 1$x$', 'ALTER TABLE big ADD COLUMN z integer DEFAULT fresh()' ], [ 'CREATE FUNCTION fresh() RETURNS integer LANGUAGE plpgsql AS $x$BEGIN RETURN 1; END$x$', 'ALTER TABLE big ADD COLUMN z integer DEFAULT fresh()' ],
		[ 'ALTER FUNCTION stable_one() VOLATILE', 'ALTER TABLE big ADD COLUMN z integer DEFAULT stable_one()' ], [ 'DROP TABLE small', 'CREATE TABLE small (id integer)', 'ALTER TABLE small ALTER id SET NOT NULL' ], [ 'ALTER TABLE source RENAME TO s2', 'ALTER TABLE s2 DROP CONSTRAINT source_t_fkey', 'DROP TABLE target' ],
		[ 'ALTER TABLE big RENAME CONSTRAINT big_cv TO cv2', 'ALTER TABLE big VALIDATE CONSTRAINT cv2' ], [ 'ALTER INDEX big_ci RENAME TO ci2', 'DROP INDEX ci2' ], [ 'DROP INDEX big_ci', 'ALTER TABLE big ALTER ci TYPE varchar(40) COLLATE "C"' ], [ 'CREATE INDEX fresh ON big (n)', 'ALTER TABLE big ALTER n TYPE oid' ]);
}

# What only some versions have.
sub for_version
{
	my ($version) = @_;
	my @scripts;

	if ($version >= 17)
	{
		push @scripts, map { ref $_ ? $_ : [$_] } (
			map({ my $t = $_; map { "ALTER TABLE $t $_" } ('ALTER g SET EXPRESSION AS (b + 2)', 'ALTER g DROP EXPRESSION', 'ALTER c SET STATISTICS DEFAULT') } 'seen'),
			[ 'ALTER TABLE seen ADD COLUMN z integer GENERATED ALWAYS AS (b + 1) STORED', 'ALTER TABLE seen ALTER z SET EXPRESSION AS (b + 3)' ],
			[ 'ALTER TABLE seen ALTER g DROP EXPRESSION', 'ALTER TABLE seen ALTER g SET NOT NULL' ],
			'ALTER TABLE parted SET ACCESS METHOD heap', 'ALTER TABLE parted ADD COLUMN z integer GENERATED ALWAYS AS IDENTITY', 'ALTER TABLE deep ALTER v TYPE bigint',
			'MERGE INTO target USING small ON target.id = small.id WHEN MATCHED THEN UPDATE SET n = 1 WHEN NOT MATCHED BY SOURCE THEN DELETE RETURNING merge_action(), target.id',
			'WITH m AS (MERGE INTO target USING small ON target.id = small.id WHEN MATCHED THEN UPDATE SET n = 1 RETURNING target.id) SELECT count(*) FROM m',
			'REINDEX (VERBOSE off) TABLE small', 'ANALYZE (BUFFER_USAGE_LIMIT 0) big', 'GRANT MAINTAIN ON big TO truth_reader', 'REVOKE MAINTAIN ON big FROM truth_reader',
			'ALTER TABLE deep ADD CONSTRAINT k EXCLUDE (id WITH =, k WITH =)', 'ALTER TABLE hashed ADD CONSTRAINT k EXCLUDE (id WITH =)', 'ALTER TABLE hollow ADD CONSTRAINT k EXCLUDE (id WITH =)');
	}
	if ($version >= 18)
	{
		for my $t (@shapes, 'empty')
		{
			push @scripts, map { ref $_ ? $_ : [$_] } (
				map({ "ALTER TABLE $t $_" } (
					'ADD CONSTRAINT k NOT NULL n', 'ADD CONSTRAINT k NOT NULL n NOT VALID', 'ADD CONSTRAINT k NOT NULL nn', 'ADD CONSTRAINT k NOT NULL ck', 'ADD CONSTRAINT k NOT NULL cv', 'ADD NOT NULL n', 'ADD NOT NULL ck NOT VALID',
					'ADD CONSTRAINT k NOT NULL n NO INHERIT', 'ADD CONSTRAINT k NOT NULL n NO INHERIT NOT VALID', 'ADD CONSTRAINT k NOT NULL ck NO INHERIT',
					'ADD CONSTRAINT k CHECK (n > 0) NOT ENFORCED', 'ADD CONSTRAINT k CHECK (n > 0) NO INHERIT NOT ENFORCED', 'ADD COLUMN z integer GENERATED ALWAYS AS (n * 2) VIRTUAL', 'ADD COLUMN z integer GENERATED ALWAYS AS (n * 2)',
					'ADD COLUMN z integer GENERATED ALWAYS AS (n * 2) VIRTUAL NOT NULL', 'ADD COLUMN z integer GENERATED ALWAYS AS (n * 2) CHECK (z > 0)',
					"DROP CONSTRAINT ${t}_id_not_null", "DROP CONSTRAINT ${t}_nn_not_null", 'ADD CONSTRAINT k FOREIGN KEY (f) REFERENCES target NOT ENFORCED', 'ADD CONSTRAINT k FOREIGN KEY (f) REFERENCES target NOT VALID',
					'ADD COLUMN z integer DEFAULT 1 CHECK (z > 0) NOT ENFORCED', 'ADD COLUMN z integer CHECK (z > 0) NOT ENFORCED DEFAULT 1', 'ADD COLUMN z integer DEFAULT 1 CHECK (z > 0) ENFORCED', 'ADD COLUMN z integer CHECK (z > 0) NOT ENFORCED',
					'ADD COLUMN z integer REFERENCES target NOT ENFORCED', 'ADD COLUMN z integer DEFAULT 1 REFERENCES target NOT ENFORCED', 'ADD COLUMN z integer DEFAULT 1 REFERENCES target ENFORCED',
					'ADD COLUMN z integer DEFAULT 1 REFERENCES target NOT ENFORCED CHECK (z > 0)',
					'ADD COLUMN z integer CONSTRAINT k NOT NULL DEFAULT 1', 'ADD COLUMN z integer DEFAULT 1 NOT NULL NO INHERIT',
					"ALTER CONSTRAINT ${t}_id_not_null INHERIT", "ALTER CONSTRAINT ${t}_nn_not_null NO INHERIT", "ALTER n SET NOT NULL, ADD CONSTRAINT k CHECK (n > 0) NOT ENFORCED")),
				[ "ALTER TABLE $t ADD CONSTRAINT k NOT NULL n NOT VALID", "ALTER TABLE $t ALTER n SET NOT NULL" ],
				[ "ALTER TABLE $t ADD CONSTRAINT k NOT NULL n NOT VALID", "ALTER TABLE $t VALIDATE CONSTRAINT k" ],
				[ "ALTER TABLE $t ADD NOT NULL n NOT VALID", "ALTER TABLE $t VALIDATE CONSTRAINT ${t}_n_not_null" ],
				[ "ALTER TABLE $t ADD CONSTRAINT k NOT NULL n NOT VALID", "ALTER TABLE $t VALIDATE CONSTRAINT k", "ALTER TABLE $t ALTER n SET NOT NULL" ],
				[ "ALTER TABLE $t ADD CONSTRAINT k NOT NULL n NOT VALID", "ALTER TABLE $t DROP CONSTRAINT k", "ALTER TABLE $t ALTER n SET NOT NULL" ],
				[ "ALTER TABLE $t ADD CONSTRAINT k NOT NULL ck NOT VALID", "ALTER TABLE $t VALIDATE CONSTRAINT k" ],
				[ "ALTER TABLE $t ADD CONSTRAINT k NOT NULL n NOT VALID, VALIDATE CONSTRAINT k" ],
				[ "ALTER TABLE $t ADD CONSTRAINT k NOT NULL n", "ALTER TABLE $t ALTER n DROP NOT NULL", "ALTER TABLE $t ALTER n SET NOT NULL" ],
				[ "ALTER TABLE $t ADD CONSTRAINT k NOT NULL n", "ALTER TABLE $t DROP CONSTRAINT k", "ALTER TABLE $t ADD NOT NULL n" ],
				[ "ALTER TABLE $t DROP CONSTRAINT ${t}_nn_not_null", "ALTER TABLE $t ALTER nn SET NOT NULL" ],
				[ "ALTER TABLE $t ADD CONSTRAINT k CHECK (n IS NOT NULL) NOT ENFORCED", "ALTER TABLE $t ALTER n SET NOT NULL" ],
				[ "ALTER TABLE $t ADD CONSTRAINT k FOREIGN KEY (f) REFERENCES target NOT ENFORCED", "ALTER TABLE $t ALTER CONSTRAINT k ENFORCED" ],
				[ "ALTER TABLE $t ADD CONSTRAINT k FOREIGN KEY (f) REFERENCES target NOT ENFORCED", "ALTER TABLE $t ALTER CONSTRAINT k NOT ENFORCED" ],
				[ "ALTER TABLE $t ADD CONSTRAINT k FOREIGN KEY (f) REFERENCES target NOT VALID", "ALTER TABLE $t ALTER CONSTRAINT k NOT ENFORCED", "ALTER TABLE $t ALTER CONSTRAINT k ENFORCED" ],
				[ "ALTER TABLE $t ADD CONSTRAINT k FOREIGN KEY (f) REFERENCES target NOT VALID", "ALTER TABLE $t ALTER CONSTRAINT k ENFORCED", "ALTER TABLE $t VALIDATE CONSTRAINT k" ],
				[ "ALTER TABLE $t ADD CONSTRAINT k FOREIGN KEY (f) REFERENCES target NOT VALID", "ALTER TABLE $t ALTER CONSTRAINT k DEFERRABLE INITIALLY DEFERRED" ],
				[ "ALTER TABLE $t ADD z integer GENERATED ALWAYS AS (n * 2) VIRTUAL", "ALTER TABLE $t ALTER z SET EXPRESSION AS (n * 3)", "ALTER TABLE $t DROP COLUMN z" ],
				[ "ALTER TABLE $t ADD z integer GENERATED ALWAYS AS (n * 2) VIRTUAL", "ALTER TABLE $t ALTER z SET NOT NULL" ],
				[ "ALTER TABLE $t ADD z integer GENERATED ALWAYS AS (n * 2) VIRTUAL", "ALTER TABLE $t ADD CONSTRAINT k CHECK (z > 0)" ],
				[ "ALTER TABLE $t ADD z integer GENERATED ALWAYS AS (n * 2) VIRTUAL", "ALTER TABLE $t ALTER z TYPE bigint" ],
				[ "ALTER TABLE $t ADD z integer GENERATED ALWAYS AS (n * 2) VIRTUAL CHECK (z > 0) NOT ENFORCED", "ALTER TABLE $t ALTER z SET EXPRESSION AS (n * 3)" ],
				[ "ALTER TABLE $t ADD z integer GENERATED ALWAYS AS (n * 2) VIRTUAL CHECK (z > 0)", "ALTER TABLE $t ALTER z SET EXPRESSION AS (n * 3)" ],
				[ "ALTER TABLE $t ADD z integer GENERATED ALWAYS AS (n * 2) STORED", "ALTER TABLE $t ALTER z SET EXPRESSION AS (n * 3)" ],
				# keys without overlaps
				[ "ALTER TABLE $t ADD z int4range", "ALTER TABLE $t ADD CONSTRAINT k UNIQUE (z WITHOUT OVERLAPS)" ],
				[ "ALTER TABLE $t ADD z int4range DEFAULT 'empty'", "ALTER TABLE $t ADD CONSTRAINT k UNIQUE (z WITHOUT OVERLAPS)" ],
				[ "ALTER TABLE $t ADD z int4range", "ALTER TABLE $t ADD CONSTRAINT k UNIQUE (id, z WITHOUT OVERLAPS)" ]);
		}
		push @scripts, map { ref $_ ? $_ : [$_] } (
			'ALTER TABLE source ALTER CONSTRAINT source_t_fkey NOT ENFORCED', 'ALTER TABLE to_deep ALTER CONSTRAINT to_deep_id_k_fkey NOT ENFORCED', 'ALTER TABLE to_deep ALTER CONSTRAINT to_deep_id_k_fkey ENFORCED',
			'ALTER TABLE to_deep ALTER CONSTRAINT to_deep_id_k_fkey DEFERRABLE', 'ALTER TABLE source ALTER CONSTRAINT source_late NOT ENFORCED', 'ALTER TABLE source ALTER CONSTRAINT source_late ENFORCED',
			[ 'ALTER TABLE to_deep ALTER CONSTRAINT to_deep_id_k_fkey NOT ENFORCED', 'ALTER TABLE to_deep ALTER CONSTRAINT to_deep_id_k_fkey ENFORCED' ],
			[ 'ALTER TABLE source ALTER CONSTRAINT source_t_fkey NOT ENFORCED', 'ALTER TABLE source ALTER CONSTRAINT source_t_fkey ENFORCED' ],
			[ 'ALTER TABLE source ALTER CONSTRAINT source_t_fkey NOT ENFORCED', 'ALTER TABLE source VALIDATE CONSTRAINT source_t_fkey' ],
			[ 'ALTER TABLE source ALTER CONSTRAINT source_t_fkey NOT ENFORCED', 'ALTER TABLE source DROP CONSTRAINT source_t_fkey' ],
			[ 'ALTER TABLE source ALTER CONSTRAINT source_t_fkey NOT ENFORCED', 'ALTER TABLE source ALTER t TYPE bigint' ],
			[ 'ALTER TABLE source ALTER CONSTRAINT source_t_fkey NOT ENFORCED', 'ALTER TABLE target ALTER id TYPE bigint' ],
			[ 'ALTER TABLE source ALTER CONSTRAINT source_t_fkey NOT ENFORCED', 'DROP TABLE source' ],
			[ 'ALTER TABLE source ADD CONSTRAINT k FOREIGN KEY (plain) REFERENCES source NOT ENFORCED', 'ALTER TABLE source ALTER CONSTRAINT k ENFORCED' ],
			[ 'ALTER TABLE deep ADD CONSTRAINT k FOREIGN KEY (v) REFERENCES target NOT ENFORCED', 'ALTER TABLE deep ALTER CONSTRAINT k ENFORCED' ],
			[ 'ALTER TABLE deep ADD CONSTRAINT k FOREIGN KEY (v) REFERENCES target NOT VALID', 'ALTER TABLE deep VALIDATE CONSTRAINT k' ],
			[ 'ALTER TABLE deep ADD CONSTRAINT k FOREIGN KEY (v) REFERENCES target NOT VALID', 'ALTER TABLE deep ALTER CONSTRAINT k NOT ENFORCED' ],
			[ 'ALTER TABLE hollow ADD CONSTRAINT k FOREIGN KEY (v) REFERENCES target NOT ENFORCED', 'ALTER TABLE hollow ALTER CONSTRAINT k ENFORCED' ],
			[ 'CREATE TABLE fresh (id integer, f integer REFERENCES target NOT ENFORCED)', 'ALTER TABLE fresh ALTER CONSTRAINT fresh_f_fkey ENFORCED' ],
			'ALTER TABLE inherited ALTER CONSTRAINT inherited_id_not_null NO INHERIT', 'ALTER TABLE inherited ALTER CONSTRAINT inherited_nn_not_null NO INHERIT',
			[ 'ALTER TABLE inherited ADD CONSTRAINT k NOT NULL n NO INHERIT', 'ALTER TABLE inherited ALTER CONSTRAINT k INHERIT' ],
			[ 'ALTER TABLE inherited ADD CONSTRAINT k NOT NULL ck NO INHERIT', 'ALTER TABLE inherited ALTER CONSTRAINT k INHERIT' ],
			[ 'ALTER TABLE ONLY inherited ADD CONSTRAINT k NOT NULL n NO INHERIT', 'ALTER TABLE inherited ALTER n SET NOT NULL' ],
			[ 'ALTER TABLE heir ADD CONSTRAINT k NOT NULL n', 'ALTER TABLE inherited ALTER n SET NOT NULL' ],
			[ 'ALTER TABLE heir ADD CONSTRAINT inherited_n_not_null NOT NULL n', 'ALTER TABLE inherited ADD NOT NULL n' ],
			[ 'ALTER TABLE part_1 ADD CONSTRAINT k NOT NULL n', 'ALTER TABLE parted ALTER n SET NOT NULL' ],
			[ 'ALTER TABLE part_1 ADD CONSTRAINT k NOT NULL n NOT VALID', 'ALTER TABLE part_1 VALIDATE CONSTRAINT k', 'ALTER TABLE parted ALTER n SET NOT NULL' ],
			'ALTER TABLE typed ADD CONSTRAINT k NOT NULL a', 'CREATE TABLE z1 (id integer NOT NULL NO INHERIT)', 'ALTER TABLE hollow ADD CONSTRAINT k NOT NULL v NOT VALID',
			[ 'CREATE TABLE z1 (id integer, v integer NOT NULL NO INHERIT)', 'CREATE TABLE z2 () INHERITS (z1)' ],
			'ANALYZE ONLY parted', 'ANALYZE ONLY inherited', 'ALTER TABLE ONLY parted DROP CONSTRAINT parted_nn_not_null', 'ALTER FOREIGN TABLE far ADD NOT NULL v', 'ALTER FOREIGN TABLE far ADD NOT NULL v NOT VALID',
			'CREATE TABLE two (LIKE big INCLUDING ALL EXCLUDING INDEXES)', 'CREATE FOREIGN TABLE two (LIKE big INCLUDING ALL) SERVER beyond',
			'UPDATE target SET n = 5 WHERE id = 3 RETURNING WITH (OLD AS o, NEW AS w) o.n, w.n', 'COPY summary TO $x$/dev/null$x$',
			[ 'CREATE TABLE spans (id int4range, at int4range, PRIMARY KEY (id, at WITHOUT OVERLAPS))', 'CREATE TABLE inner_spans (id int4range, at int4range, FOREIGN KEY (id, PERIOD at) REFERENCES spans (id, PERIOD at))' ]);
	}
	return @scripts;
}

sub scripts
{
	my ($version) = @_;

	return ((map { for_each_shape($_) } @shapes, 'empty'), for_themselves(), for_other_kinds(), for_version($version));
}

# psql's output, line by line: what the lint said and what the server did, by
# case and statement.
sub read_output
{
	my ($output) = @_;
	my (@cases, $case);

	for my $line (split /\n/, $output)
	{
		if ($line =~ /^\@case (\d+)$/)
		{
			$case = { lint => [], effect => [], looks => [], errors => [] };
			$cases[$1] = $case;
		}
		elsif ($line =~ /^\@(lint|effect)\|(.*)$/)
		{
			push @{ $case->{$1} }, [ split /\|/, $2, -1 ];
		}
		elsif ($line =~ /^\@look\|(\d+)\|(.*)$/)
		{
			my ($name, $mode, $file, $scans) = split /\|/, $2, -1;

			$case->{looks}[$1]{$name} = { lock => $mode, file => $file, scans => $scans };
		}
		elsif ($line =~ /ERROR:  (.*)/)
		{
			push @{ $case->{errors} }, $1;
		}
	}
	return @cases;
}

# A finding about a table is one about its partitions and children as well.
my %root = (map({ $_ => 'parted' } qw(part_1 part_2 part_rest)), map({ $_ => 'proved' } qw(proved_1 proved_rest)), map({ $_ => 'deep' } qw(deep_1 deep_1a deep_1b deep_2)),
	map({ $_ => 'branch' } qw(branch_1)), map({ $_ => 'hashed' } qw(hashed_0 hashed_1)), map({ $_ => 'grown' } qw(grown_1)), heir => 'inherited');

sub root_of
{
	my ($name) = @_;

	# an index stands for its table
	$name =~ s/_(pkey|ci|cx)$//;
	return $root{$name} // $name;
}

# What each statement did to relations that were there before the script: those
# read or written anew under a lock that stops writers.
sub stops_of
{
	my ($case, $statements) = @_;
	my @stops;

	for my $number (1 .. $statements)
	{
		my ($before, $now) = ($case->{looks}[ $number - 1 ] // {}, $case->{looks}[$number] // {});

		for my $name (keys %$now)
		{
			my ($old, $new) = ($before->{$name}, $now->{$name});
			my $scanned = $new->{scans} > ($old->{scans} // 0);
			my $rewritten = $new->{file} ne ($old->{file} // $case->{files}{$name});

			# a new file that nothing is written to, and as good as at once; readers go on
			# under the lock of the latter, and nobody else writes to the view
			next if $case->{statements}[ $number - 1 ] =~ /^(TRUNCATE|REFRESH MATERIALIZED VIEW CONCURRENTLY)/;
			next unless ($scanned || $rewritten) && ($strength{ $new->{lock} } // 0) >= $stops_writers;
			$stops[$number]{ root_of($name) } = 1;
		}
	}
	return @stops;
}

# The lint's word against the server's, statement by statement: found, silent,
# missed or false, each with the statement and the relations.
sub verdict
{
	my ($case, @statements) = @_;
	my @did = stops_of($case, scalar @statements);
	my %counts = map { $_ => [] } qw(found silent missed false);
	my %said;

	for my $row (@{ $case->{lint} })
	{
		my ($number, $rule, $severity, $relation, $lock, $rewrites, $scans) = @$row;

		next unless $rewrites eq 't' || $scans eq 't';
		next unless ($strength{$lock} // 0) >= $stops_writers;
		$said{$number}{ root_of($relation) } = $rule;
	}
	for my $number (1 .. @statements)
	{
		my $server = $did[$number] // {};
		my $lint = $said{$number} // {};
		my $text = "$statements[$number - 1]" . ($number > 1 ? "   -- after: " . join('; ', @statements[ 0 .. $number - 2 ]) : '');
		my @missed = grep { !$lint->{$_} } sort keys %$server;
		my @false = grep { !$server->{$_} } sort keys %$lint;

		push @{ $counts{missed} }, "@missed: $text" if @missed;
		push @{ $counts{false} }, join(', ', map { "$_ $lint->{$_}" } @false) . ": $text" if @false;
		push @{ $counts{ %$server ? 'found' : 'silent' } }, $text unless @missed || @false;
	}
	return \%counts;
}

# What the lint knows of every relation, against what the server did: each lock
# that keeps writers or other DDL out, each new file, each scan.
sub differences
{
	my ($case, @statements) = @_;
	my @differences;

	for my $number (1 .. @statements)
	{
		my ($before, $now) = ($case->{looks}[ $number - 1 ] // {}, $case->{looks}[$number] // {});
		my %effects = map { $_->[1] => $_ } grep { $_->[0] == $number } @{ $case->{effect} };

		for my $name (sort keys %{ { %$now, %effects } })
		{
			my ($old, $new) = ($before->{$name}, $now->{$name} // {});
			my $lock = $strength{ $new->{lock} // '' } // 0;
			my $held = $strength{ $old->{lock} // '' } // 0;
			my $said = $effects{$name} ? $strength{ $effects{$name}[2] } // 0 : 0;
			my @is = (($new->{scans} // 0) > ($old->{scans} // 0) ? 1 : 0, ($new->{file} // '') ne ($old->{file} // $case->{files}{$name} // '') ? 1 : 0);
			my @told = $effects{$name} ? map { $_ eq 't' ? 1 : 0 } @{ $effects{$name} }[ 4, 3 ] : (0, 0);

			next unless defined $case->{files}{$name};
			$is[1] = 0 unless defined $new->{file};
			# what reads may do so by an index, and weak locks keep nobody waiting
			my $locks_agree = $lock == ($said > $held ? $said : $held) || $lock < $strength{ShareUpdateExclusiveLock} && $said < $strength{ShareUpdateExclusiveLock};
			my $reads_agree = $told[1] ? $is[1] : $is[1] == 0 && ($is[0] == $told[0] || $lock < $strength{ShareUpdateExclusiveLock});

			push @differences, sprintf("%s: lock %s (said %s), scans %d (%d), rewrites %d (%d): %s", $name, $new->{lock} // '-', $effects{$name} ? $effects{$name}[2] : '-', $is[0], $told[0], $is[1], $told[1],
				$statements[ $number - 1 ] . ($number > 1 ? " -- after: " . join('; ', @statements[ 0 .. $number - 2 ]) : ''))
			  unless $locks_agree && $reads_agree;
		}
	}
	return @differences;
}

1;
