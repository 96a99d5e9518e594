# Another type for columns that keep their names: a table that has everything on
# its key and on another column is changed, and compared with one that was born
# with the new type; is used, reverted, and compared with what it was; is changed
# again, and contracted.  Nothing in the swap reads the table.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
	shared_preload_libraries = 'expand_contract'
	expand_contract.stabilization_period = 0
	max_worker_processes = 16
});
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE bob; CREATE ROLE carol');

# What a table can have on an integer column, with the column's type to be filled in.
sub everything
{
	my ($key, $other) = @_;
	my $serial = $key eq 'integer' ? 'AS integer' : '';

	return qq{
	CREATE FUNCTION twice(bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT \$1 * 2';
	CREATE SEQUENCE "a""b'c;--_id_seq" $serial;
	CREATE TABLE "a""b'c;--" (
		id $key NOT NULL DEFAULT nextval('"a""b''c;--_id_seq"'),
		"q ty" $other NOT NULL DEFAULT 5,
		free $other,
		v text);
	ALTER SEQUENCE "a""b'c;--_id_seq" OWNED BY "a""b'c;--".id;
	ALTER TABLE "a""b'c;--"
		ADD CONSTRAINT "the key" PRIMARY KEY (id) INCLUDE ("q ty"),
		ADD CONSTRAINT unlike UNIQUE (free, id) DEFERRABLE INITIALLY DEFERRED,
		ADD CONSTRAINT unlike_too UNIQUE NULLS NOT DISTINCT (free, v),
		ADD CONSTRAINT positive CHECK ("q ty" > 0 AND id > -100),
		ADD CONSTRAINT never_77 CHECK (id <> -77) NO INHERIT,
		ADD CONSTRAINT unsure CHECK ("q ty" <> 78) NOT VALID;
	CREATE INDEX i1 ON "a""b'c;--" (id DESC NULLS LAST) WITH (fillfactor = 70);
	CREATE INDEX i2 ON "a""b'c;--" ((id + 1), lower(v), "q ty");
	CREATE INDEX i9 ON "a""b'c;--" ((id % 7)) WHERE COALESCE("q ty", 0) % 3 = 1;
	ALTER TABLE "a""b'c;--" ADD CONSTRAINT modulo CHECK (id % 5 <> 7 AND COALESCE("q ty", 0) < 1000);
	CREATE INDEX i3 ON "a""b'c;--" (v) WHERE id > 10 AND v <> '"~ec~0".id';
	CREATE INDEX i4 ON "a""b'c;--" (v COLLATE "C" text_pattern_ops) INCLUDE (id);
	CREATE INDEX i5 ON "a""b'c;--" USING brin (id) WITH (pages_per_range = 16);
	CREATE INDEX i6 ON "a""b'c;--" USING hash ("q ty");
	CREATE UNIQUE INDEX i7 ON "a""b'c;--" (twice("q ty"), id);
	CREATE UNIQUE INDEX i8 ON "a""b'c;--" (id, "q ty");
	ALTER INDEX i2 ALTER COLUMN 1 SET STATISTICS 500;
	ALTER TABLE "a""b'c;--" REPLICA IDENTITY USING INDEX i8;
	ALTER TABLE "a""b'c;--" CLUSTER ON i1;
	ALTER TABLE "a""b'c;--" ALTER id SET STATISTICS 1000, ALTER id SET (n_distinct = -1);
	GRANT SELECT (id), UPDATE (id, "q ty") ON "a""b'c;--" TO bob WITH GRANT OPTION;
	SET ROLE bob;
	GRANT SELECT (id) ON "a""b'c;--" TO carol;
	RESET ROLE;
	GRANT USAGE ON SEQUENCE "a""b'c;--_id_seq" TO bob;
	COMMENT ON COLUMN "a""b'c;--".id IS 'it''s the key';
	COMMENT ON INDEX "the key" IS 'its index';
	COMMENT ON CONSTRAINT "the key" ON "a""b'c;--" IS 'the constraint';
	COMMENT ON CONSTRAINT unlike ON "a""b'c;--" IS 'another';
	COMMENT ON CONSTRAINT positive ON "a""b'c;--" IS 'a check';
	COMMENT ON INDEX i1 IS 'an index';
	CREATE TABLE numbered (id $key GENERATED ALWAYS AS IDENTITY (START 7 INCREMENT 3 CACHE 1) PRIMARY KEY, v text);
	GRANT USAGE ON SEQUENCE numbered_id_seq TO bob;
	COMMENT ON SEQUENCE numbered_id_seq IS 'of an identity';
	CREATE TABLE kinds (id integer PRIMARY KEY);
	CREATE TABLE "chi'ld" (order_id integer, other integer,
		CONSTRAINT "to it" FOREIGN KEY (order_id) REFERENCES "a""b'c;--" (id) ON UPDATE CASCADE ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
		CONSTRAINT to_it_too FOREIGN KEY (order_id) REFERENCES "a""b'c;--" (id) ON UPDATE CASCADE ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
		CONSTRAINT to_both FOREIGN KEY (order_id, other) REFERENCES "a""b'c;--" (id, "q ty") MATCH FULL ON DELETE SET NULL);
	ALTER TABLE "chi'ld" ADD CONSTRAINT to_it_unsure FOREIGN KEY (other) REFERENCES "a""b'c;--" NOT VALID;
	COMMENT ON CONSTRAINT "to it" ON "chi'ld" IS 'a child';
	ALTER TABLE "a""b'c;--" ADD boss integer REFERENCES "a""b'c;--" ON DELETE SET NULL (boss),
		ADD CONSTRAINT of_a_kind FOREIGN KEY ("q ty") REFERENCES kinds ON DELETE RESTRICT;
	CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
	CREATE TRIGGER of_id BEFORE UPDATE OF id, v ON "a""b'c;--" FOR EACH ROW EXECUTE FUNCTION pass('x');
	CREATE TRIGGER when_id AFTER UPDATE ON "a""b'c;--" FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id AND NEW."q ty" > 3) EXECUTE FUNCTION pass();
	ALTER TABLE "a""b'c;--" ENABLE REPLICA TRIGGER when_id;
	COMMENT ON TRIGGER of_id ON "a""b'c;--" IS 'a trigger';
	CREATE CONSTRAINT TRIGGER deferred AFTER UPDATE OF "q ty" ON "a""b'c;--" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.id > 0) EXECUTE FUNCTION pass();
	COMMENT ON TRIGGER deferred ON "a""b'c;--" IS 'a constraint trigger';
	CREATE STATISTICS "sta""ts" (ndistinct, mcv) ON id, v, "q ty" FROM "a""b'c;--";
	CREATE STATISTICS of_one ON (id + 1) FROM "a""b'c;--";
	CREATE STATISTICS of_more ON (id % 10), lower(v) FROM "a""b'c;--";
	ALTER STATISTICS of_one SET STATISTICS 500;
	COMMENT ON STATISTICS "sta""ts" IS 'it''s statistics';
	CREATE PUBLICATION "p;--" FOR TABLE "a""b'c;--" (id, v, "q ty") WHERE (id > 10 AND "q ty" <> 5) WITH (publish = 'insert');
	CREATE PUBLICATION plain FOR TABLE "a""b'c;--";
	CREATE FUNCTION "bo""dy"(how integer DEFAULT 5, OUT id bigint, OUT n bigint) RETURNS SETOF record LANGUAGE sql STABLE SECURITY DEFINER SET work_mem = '8MB'
		BEGIN ATOMIC SELECT o.id, o."q ty" FROM "a""b'c;--" o WHERE o.id = how; END;
	COMMENT ON FUNCTION "bo""dy" IS 'a body';
	GRANT EXECUTE ON FUNCTION "bo""dy" TO bob;
	CREATE PROCEDURE writes(bigint) BEGIN ATOMIC UPDATE "a""b'c;--" SET v = 'written' WHERE id = \$1; END;
	CREATE FUNCTION of_row("a""b'c;--") RETURNS bigint RETURN (\$1).id;
	CREATE VIEW shown AS SELECT o.id, v, b.n FROM "a""b'c;--" o, "bo""dy"(7) b;
	CREATE FUNCTION of_view() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT max(id) FROM shown; END;
	CREATE VIEW over_all AS SELECT of_view() AS m, id FROM shown;
	CREATE POLICY "se en" ON "a""b'c;--" FOR UPDATE TO bob USING (id > 5) WITH CHECK ("q ty" < 100);
	CREATE POLICY others ON "chi'ld" USING (EXISTS (SELECT FROM "a""b'c;--" o WHERE o.id = order_id));
	};
}

# The schema without the order of columns.
sub schema_of
{
	my ($database) = @_;
	my ($stdout, $stderr);
	run_log([ 'pg_dump', '-s', '-n', 'public', '-d', $node->connstr($database) ],
		'>', \$stdout, '2>', \$stderr)
	  or BAIL_OUT("pg_dump: $stderr");
	# columns are in the order of the table there
	my $in_order = sub { join ', ', sort split /, /, shift };
	return join "\n", sort
	  map { s/,\s*$//r }
	  map { /^ALTER PUBLICATION/ ? s/ \(([^()]*)\)/' (' . $in_order->($1) . ')'/er : $_ }
	  map { /^CREATE STATISTICS/ ? s/ ON ([^()]*) FROM /' ON ' . $in_order->($1) . ' FROM '/er : $_ }
	  grep { !/^(--|$|\\(un)?restrict)/ } split /\n/, $stdout;
}

# Compares two schemas, and tells the lines in which they differ.
sub is_schema
{
	my ($left, $right, $name) = @_;
	my %left = map { $_ => 1 } split /\n/, $left;
	my %right = map { $_ => 1 } split /\n/, $right;

	ok($left eq $right, $name)
	  or diag(join "\n", (map { "surplus: $_" } grep { !$right{$_} } sort keys %left),
		(map { "lacking: $_" } grep { !$left{$_} } sort keys %right));
	return;
}

sub job
{
	my ($call) = @_;
	return $node->safe_psql('changed', "SELECT $call AS job \\gset\nCALL ec_wait(:job)");
}

for my $database (qw(born original changed))
{
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, 'CREATE EXTENSION expand_contract') if $database eq 'changed';
	$node->safe_psql($database,
		everything($database eq 'born' ? ('bigint', 'bigint') : ('integer', 'integer')));
}
my ($born, $original) = map { schema_of($_) } qw(born original);
isnt($born, $original, 'the two schemas differ');
is_schema(schema_of('changed'), $original, 'the table to be changed is like the original');
$node->safe_psql(
	'changed', q{
	INSERT INTO kinds SELECT generate_series(1, 50);
	INSERT INTO "a""b'c;--" ("q ty", free, v) SELECT i % 50 + 1, i, 'v' || i FROM generate_series(1, 20000) i;
	INSERT INTO numbered (v) SELECT 'v' || i FROM generate_series(1, 20000) i;
	INSERT INTO "chi'ld" (order_id, other) SELECT i, i % 50 + 1 FROM generate_series(1, 1000) i;
	UPDATE "a""b'c;--" SET boss = id - 1 WHERE id BETWEEN 2 AND 100;
	ANALYZE;
});

my @changes = (
	[ 'k"ey', q{"a""b'c;--"}, '{"id": "bigint", "q ty": "bigint", "free": "bigint"}' ],
	[ 'num', 'numbered', '{"id": "bigint"}' ]);

sub literal { return q{'} . ($_[0] =~ s/'/''/gr) . q{'} }

sub begin_change
{
	my ($name, $table, $types) = map { literal($_) } @{ $_[0] };
	$node->safe_psql('changed', "SELECT ec_change_type($name, $table, $types)");
	job("ec_backfill_change($name, delay_ms => 0)");
	job("ec_prepare($name)");
	is( $node->safe_psql('changed', "SELECT phase FROM ec_changes WHERE change = $name"),
		'prepared', "$name is prepared");
	is($node->safe_psql('changed', "SELECT ok FROM ec_verify_change($name)"),
		't', "$name is verified");
	return;
}

# Cuts over, and looks at what that has read.
sub cut_over
{
	my $name = literal($_[0][0]);
	my $log_from = -s $node->logfile;
	my $tuples = $node->safe_psql(
		'changed', qq{
		SET log_min_messages = debug1;
		BEGIN;
		SELECT count(*) FROM (SELECT ec_cutover($name)) c;
		SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables WHERE schemaname = 'public';
		COMMIT;});
	my $log = substr(slurp_file($node->logfile), $log_from);

	is($tuples, "1\n0", "$name: the cutover reads no row of any table");
	unlike($log, qr/verifying table|rewriting table|building index/,
		"$name: it scans and rewrites nothing");
	like($log, qr/are sufficient to prove that it does not contain nulls/,
		"$name: NOT NULL is proven");
	like($log, qr/LOG:  expand_contract swapped the names of change .* of CPU, since it asked for the first lock/,
		"$name: the log has how long others could wait");
	return;
}

begin_change($_) for @changes;
cut_over($_) for @changes;

my ($ret, $out, $err);
$node->safe_psql(
	'changed', q{
	INSERT INTO "a""b'c;--" ("q ty", free, v) VALUES (1, 1, 'after');
	INSERT INTO "a""b'c;--" (id, v) VALUES (3000000000, 'big');
	DELETE FROM "a""b'c;--" WHERE id = 900;
	UPDATE "a""b'c;--" SET id = -50 WHERE id = 950;
	INSERT INTO numbered (v) VALUES ('after');
	UPDATE numbered SET v = v || '!' WHERE id = 7;
});
is( $node->safe_psql('changed', q{SELECT id, id__old FROM "a""b'c;--" WHERE v IN ('after', 'big') ORDER BY 1}),
	"20001|20001\n3000000000|", 'after the cutover the new column is written, and the old one follows');
is( $node->safe_psql('changed', q{SELECT count(*) FILTER (WHERE order_id = 900), count(*) FILTER (WHERE order_id = -50), count(*) FROM "chi'ld"}),
	'0|1|999', 'children follow the keys of the new column');
($ret, $out, $err) = $node->psql('changed', q{INSERT INTO "chi'ld" (order_id, other) VALUES (123456, 1)});
like($err, qr/violates foreign key constraint "to/, 'and are checked');
is( $node->safe_psql('changed', q{SELECT max(id), max(id__old) FROM numbered}),
	"60007|60007", 'the identity goes on where it was');
($ret, $out, $err) = $node->psql('changed', q{SELECT ec_revert('k"ey')});
like($err, qr/cannot be reverted without loss.*: 1, among them/s, 'what does not fit is counted');
$node->safe_psql('changed', q{DELETE FROM "a""b'c;--" WHERE id > 2147483647});
($ret, $out, $err) = $node->psql('changed', q{SELECT ec_revert('k"ey')});
like($err, qr/the way back of change "k"ey" is not prepared.*HINT:  Use SELECT ec_prepare/s,
	'the way back is to be prepared');
job("ec_prepare(" . literal($_->[0]) . ")") for @changes;
($ret, $out, $err) = $node->psql('changed', q{INSERT INTO numbered OVERRIDING SYSTEM VALUE VALUES (1, 'x'), (3000000000, 'y')});
isnt($ret, 0, 'then what does not fit is refused');
for my $change (@changes)
{
	my $name = literal($change->[0]);
	is($node->safe_psql('changed', "SELECT ec_revert($name)"), 'verified', "$name is reverted");
	is($node->safe_psql('changed', "SELECT ok FROM ec_verify_change($name)"), 't', "$name: in step");
	is($node->safe_psql('changed', "SELECT ec_revert($name)"), 'reverted', "$name is given up");
}
is_schema(schema_of('changed'), $original, 'all is as it was');

# Once more, to the end.
begin_change($_) for @changes;
cut_over($_) for @changes;
for my $change (@changes)
{
	my $name = literal($change->[0]);
	my $gate = "SELECT observed FROM ec_gates($name, 'contract') WHERE gate = 'dependents'";

	is( $node->safe_psql('changed', $gate),
		$change == $changes[0] ? 'publication plain (publishes the table to subscribers that still have the column)' : 'nothing',
		"$name: what would miss the old columns");
	is($node->safe_psql('changed', "SELECT ec_contract($name, '{dependents}')"), 'contracted', "$name is contracted");
}
is_schema(schema_of('changed'), $born, 'the table is like one that was born with the new type');
is( $node->safe_psql('changed', q{SELECT count(*) FROM "a""b'c;--"}) . '|' .
	  $node->safe_psql('changed', q{SELECT count(*) FROM numbered}),
	'20000|20001', 'with all its rows');
$node->stop;
done_testing();
