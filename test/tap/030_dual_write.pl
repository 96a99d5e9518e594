# Random writes of every kind, from several sessions at once, each with settings
# of its own, while the backfill of the change runs: at the end every row is in
# step, or it is in the queue, and what a statement has named is what it wrote.
#
#   EC_DUAL_WRITE_STATEMENTS=200000   how many (10,000 without)
#   EC_DUAL_WRITE_SEED=…              the seed of a run that failed
use strict;
use warnings;

use IPC::Run qw(start finish);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $statements = $ENV{EC_DUAL_WRITE_STATEMENTS} || 10_000;
my $seed = $ENV{EC_DUAL_WRITE_SEED} || time;
my $sessions = 4;
my $keys = 300;

note "EC_DUAL_WRITE_SEED=$seed";
srand($seed);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

# Partitions with column numbers of their own.  One mapping loses information,
# the other fails for what is no number, and for what a CHECK refuses.
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION expand_contract;
	CREATE TABLE t (id int PRIMARY KEY, name text, note text, price text, email text, cents int CONSTRAINT low CHECK (cents < 50000),
		loud text GENERATED ALWAYS AS (upper(email)) STORED, f float8, at timestamptz, shown text,
		status text DEFAULT 'active', is_active boolean DEFAULT false, wrote boolean)
		PARTITION BY RANGE (id);
	CREATE TABLE t_low PARTITION OF t FOR VALUES FROM (MINVALUE) TO (100);
	CREATE TABLE t_mid (gone int, cents int CONSTRAINT low CHECK (cents < 50000), email text, more int, price text, note text, name text,
		id int NOT NULL, loud text GENERATED ALWAYS AS (upper(email)) STORED, wrote boolean, is_active boolean DEFAULT false,
		shown text, at timestamptz, status text DEFAULT 'active', f float8);
	ALTER TABLE t_mid DROP gone, DROP more;
	ALTER TABLE t ATTACH PARTITION t_mid FOR VALUES FROM (100) TO (200);
	CREATE TABLE t_high PARTITION OF t FOR VALUES FROM (200) TO (MAXVALUE);
	INSERT INTO t (id, name, price, cents, is_active, shown) SELECT i, 'Name' || i, i::text, i * 100, true, '|' FROM generate_series(1, 150) i;
	CREATE ROLE app LOGIN;
	GRANT SELECT, INSERT, UPDATE, DELETE ON t, t_mid TO app;
	CREATE SCHEMA hostile;
	GRANT USAGE ON SCHEMA hostile TO PUBLIC;
	CREATE FUNCTION hostile.lower(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ''captured''::text';
	CREATE FUNCTION hostile.split_part(text, text, int) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ''captured''::text';
	CREATE VIEW seen AS SELECT wrote, id AS number, is_active AS flag, status, email AS mail, f, at, shown FROM t;
	CREATE FUNCTION put_new(number int, flag boolean) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO public.t (id, is_active, wrote) VALUES (number, flag, flag)
		    ON CONFLICT (id) DO UPDATE SET is_active = excluded.is_active, wrote = excluded.wrote;
		RETURN 'put';
	END $$;
	CREATE FUNCTION put_old(number int, what text) RETURNS text LANGUAGE sql AS $$
		INSERT INTO public.t (id, status) VALUES (number, what)
		    ON CONFLICT (id) DO UPDATE SET status = excluded.status, wrote = NULL RETURNING 'put' $$;
	GRANT SELECT, INSERT, UPDATE ON seen TO app;
	ALTER ROLE app SET search_path = hostile, public, pg_catalog;
});
$node->safe_psql(
	'postgres', q{
	SELECT ec_expand('email', 't', '{"email": "lower(name)"}', '{"name": "email"}');
	SELECT ec_expand('cents', 't', '{"cents": "price::numeric * 100"}', '{"price": "(cents / 100.0)::numeric(12,2)::text"}');
	SELECT ec_expand('shown', 't', '{"shown": "format(''%s|%s'', f, at)"}',
		'{"f": "nullif(split_part(shown, ''|'', 1), '''')::float8", "at": "nullif(split_part(shown, ''|'', 2), '''')::timestamptz"}');
	SELECT ec_expand('active', 't', '{"is_active": "status = ''active''"}', '{"status": "CASE WHEN is_active THEN ''active'' ELSE ''inactive'' END"}');
});

sub pick { return $_[ int(rand(@_)) ]; }
sub id { return 1 + int(rand($keys)); }
sub text { return rand() < 0.1 ? 'NULL' : "'" . pick('Ada', 'BOB', 'eve', 'Zoë') . int(rand(100)) . "'"; }

# now and then no number, or one that the CHECK refuses
sub price { return rand() < 0.1 ? 'NULL' : "'" . pick(int(rand(400)), int(rand(400)), 'cheap', '-1', '999999') . "'"; }
sub boolean { return pick('true', 'false'); }
sub status { return "'" . pick('active', 'inactive') . "'"; }
sub float { return int(rand(1000)) / 7; }
sub moment { return "'2024-0" . (1 + int(rand(9))) . '-1' . int(rand(10)) . " 03:04:05+00'"; }
sub shown { return "'" . float() . '|' . pick('2024-02-03 04:05:06+00', '01/02/2024', '3 Apr 2024 12:00', '') . "'"; }

# Whatever it is, the same is computed.
sub setting
{
	return 'SET ' . pick(
		'DateStyle = ' . pick("'ISO, MDY'", "'SQL, DMY'", "'German'", "'Postgres, MDY'"),
		'IntervalStyle = ' . pick('postgres', 'sql_standard', 'iso_8601'),
		'TimeZone = ' . pick("'UTC'", "'Asia/Tokyo'", "'America/New_York'", "'Europe/Berlin'"),
		'extra_float_digits = ' . pick(-10, 0, 1, 3),
		'bytea_output = ' . pick('hex', 'escape'),
		'search_path = ' . pick('public', 'hostile, public, pg_catalog', 'pg_catalog', "''", 'hostile, pg_catalog')) . ";\n";
}
sub cents { return rand() < 0.1 ? 'NULL' : int(rand(40_000)); }

sub assignment
{
	my $name = text();
	return pick(
		"name = $name", 'email = ' . text(), "name = $name, email = pg_catalog.lower($name)",
		'price = ' . price(), 'cents = ' . cents(), "note = 'n'",
		'price = ' . price() . ', email = ' . text(),
		'name = t.name, price = t.price',
		'f = ' . float() . ', at = ' . moment(), 'at = ' . moment(), 'shown = ' . shown());
}

# From a file: after a COPY that fails at once, releases of psql differ in what they
# take for its data.
my $copies = 0;
sub copy_from
{
	my ($columns, $data) = @_;
	my $file = $node->basedir . '/copy_' . $copies++;

	append_to_file($file, $data);
	return "\\copy $columns FROM '$file'";
}

sub statement
{
	my $id = id();
	my $name = text();
	my $kind = int(rand(20));
	my $flag = boolean();

	return "INSERT INTO public.t (id, name, price) VALUES ($id, $name, " . price() . ') ON CONFLICT DO NOTHING;' if $kind == 0;
	return "INSERT INTO public.t (id, email, cents) VALUES ($id, $name, " . cents() . ') ON CONFLICT DO NOTHING;' if $kind == 1;
	return "INSERT INTO public.t (id, name) VALUES ($id, $name) ON CONFLICT (id) DO UPDATE SET name = excluded.name, price = " . price() . ';' if $kind == 2;
	return "INSERT INTO public.t (id, email) VALUES ($id, $name) ON CONFLICT (id) DO UPDATE SET email = excluded.email, cents = " . cents() . ';' if $kind == 3;
	return "INSERT INTO public.t (id, name, email) SELECT i, $name, pg_catalog.lower($name) FROM generate_series($id, $id + 2) i ON CONFLICT DO NOTHING;" if $kind == 4;
	return "UPDATE public.t SET " . assignment() . " WHERE id BETWEEN $id AND $id + " . int(rand(3)) . ';' if $kind == 5;
	return "EXECUTE by_id ($id, $name);" if $kind == 6;
	return "DELETE FROM public.t WHERE id = $id;" if $kind == 7 && rand() < 0.5;
	return "UPDATE public.t SET id = " . id() . " WHERE id = $id;" if $kind == 8;
	return "MERGE INTO public.t USING (VALUES ($id, $name), (" . id() . ", $name)) AS s (id, name) ON t.id = s.id"
	  . " WHEN MATCHED THEN UPDATE SET " . assignment() . " WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.id, s.name);"
	  if $kind == 9;
	return copy_from('public.t (id, price, name)', (1000 + int(rand(1_000_000))) . "\t" . pick('1', 'junk') . "\tCopied\n") if $kind == 10;
	return "UPDATE public.t_mid AS t SET " . assignment() . " WHERE id = " . (100 + int(rand(100))) . ';' if $kind == 11;
	return "INSERT INTO public.t (id, is_active, wrote) VALUES ($id, $flag, $flag)"
	  . pick(';', ' ON CONFLICT DO NOTHING;', ' ON CONFLICT (id) DO UPDATE SET is_active = excluded.is_active, wrote = excluded.wrote;')
	  if $kind == 12;
	return "INSERT INTO public.t (wrote, is_active, id, name) VALUES (false, DEFAULT, $id, DEFAULT) ON CONFLICT DO NOTHING;" if $kind == 13;
	return "INSERT INTO public.t (id, is_active, wrote) SELECT i, $flag, $flag FROM generate_series($id, $id + 3) i ON CONFLICT DO NOTHING;" if $kind == 14;
	return pick(
		"INSERT INTO public.seen (number, flag, wrote) VALUES ($id, $flag, $flag) ON CONFLICT DO NOTHING;",
		"UPDATE public.seen SET flag = $flag, wrote = $flag WHERE number = $id;",
		'UPDATE public.seen SET status = ' . status() . ", wrote = NULL WHERE number = $id;",
		"INSERT INTO public.seen (number, shown) VALUES ($id, " . shown() . ') ON CONFLICT DO NOTHING;') if $kind == 15;
	return pick(
		"SELECT public.put_new($id, $flag);",
		"SELECT public.put_old($id, " . status() . ');',
		"INSERT INTO public.t (id, name) VALUES (" . id() . ", public.put_new($id, $flag)) ON CONFLICT DO NOTHING;",
		"INSERT INTO public.t (id, is_active, wrote, name) VALUES (" . id() . ", $flag, $flag, public.put_old($id, " . status() . ')) ON CONFLICT DO NOTHING;')
	  if $kind == 16;
	return "MERGE INTO public.t USING (VALUES ($id), (" . id() . ")) AS s (id) ON t.id = s.id"
	  . pick(" WHEN MATCHED THEN UPDATE SET is_active = $flag, wrote = $flag", ' WHEN MATCHED THEN UPDATE SET status = ' . status() . ', wrote = NULL')
	  . pick(" WHEN NOT MATCHED THEN INSERT (id, is_active, wrote) VALUES (s.id, $flag, $flag);", ' WHEN NOT MATCHED THEN INSERT (id, status) VALUES (s.id, ' . status() . ');')
	  if $kind == 17;
	return copy_from('public.t (id, is_active, wrote)', (1000 + int(rand(1_000_000))) . "\t$flag\t$flag\n") if $kind == 18;
	return pick("EXECUTE new_app ($id, $flag);", "EXECUTE old_app ($id, " . status() . ');') if $kind == 19;
	return "UPDATE public.t SET " . assignment() . " WHERE id = $id;";
}

sub transaction
{
	my $level = pick('READ COMMITTED', 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE');
	my $count = 1 + int(rand(5));
	my $sql = "BEGIN ISOLATION LEVEL $level;\n";

	for (1 .. $count)
	{
		my $statement = statement();
		my $savepoint = rand() < 0.3;

		$sql .= "SAVEPOINT s;\n" if $savepoint;
		$sql .= "$statement\n";
		$sql .= pick('ROLLBACK TO s;', 'RELEASE s;') . "\n" if $savepoint;
	}
	return ($count, $sql . pick('COMMIT;', 'COMMIT;', 'COMMIT;', 'ROLLBACK;') . "\n");
}

sub script
{
	my $sql = "PREPARE by_id (int, text) AS UPDATE public.t SET email = \$2 WHERE id = \$1;\n"
	  . "PREPARE new_app (int, boolean) AS INSERT INTO public.t (id, is_active, wrote) VALUES (\$1, \$2, \$2) ON CONFLICT DO NOTHING;\n"
	  . "PREPARE old_app (int, text) AS INSERT INTO public.t (id, status) VALUES (\$1, \$2) ON CONFLICT (id) DO UPDATE SET status = excluded.status, wrote = NULL;\n";

	for (my $done = 0; $done < $statements / $sessions;)
	{
		my ($count, $more) = rand() < 0.5 ? (1, statement() . "\n") : transaction();
		$sql .= setting() if rand() < 0.3;
		$sql .= $more;
		$done += $count;
	}
	return $sql;
}

# Statements may fail (a duplicate key, a deadlock, a serialization failure);
# sessions may not.  A modern write's errors are no statement's.
my @running;
for my $session (1 .. $sessions)
{
	# to files: a pipe that nobody reads would stop a session with its locks
	my %run;
	my $file = $node->basedir . "/session_$session.sql";
	append_to_file($file, script());
	$run{handle} = start(
		[
			'psql', '-XAtq', '-v', 'VERBOSITY=sqlstate', '-f', $file,
			'-v', 'ON_ERROR_ROLLBACK=' . ($session > 2 ? 'on' : 'off'),
			'-d', $node->connstr('postgres') . ($session % 2 ? ' user=app' : '')
		],
		'>', "$file.out", '2>', "$file.err");
	$run{err} = "$file.err";
	push @running, \%run;
}
my $fill = $node->safe_psql('postgres',
	"SELECT ec_backfill_change('email', batch_size => 10, delay_ms => 1)");
$node->safe_psql('postgres', "CALL ec_wait($fill)");
my $repair = $node->safe_psql('postgres',
	"SELECT ec_backfill_change('email', 'repair', batch_size => 10, delay_ms => 1)");
$node->safe_psql('postgres', "CALL ec_wait($repair)");

my %errors;
for my $run (@running)
{
	ok($run->{handle}->finish, 'a session came through');
	my $messages = slurp_file($run->{err});
	$errors{$1}++ while $messages =~ /ERROR:\s+(\w{5})/g;
}
note join ', ', map { "$_: $errors{$_}" } sort keys %errors;
my @unexpected = grep { !/^(23505|40001|40P01|25P02|21000|3B001)$/ } sort keys %errors;
is("@unexpected", '', 'no statement has failed for the modern write');

# in step, by the words of the design
my %in_step = (
	email => 'email IS NOT DISTINCT FROM lower(name) OR email IS NOT NULL AND name IS NOT DISTINCT FROM email',
	cents => "price !~ '[a-z]' AND cents IS NOT DISTINCT FROM (price::numeric * 100)::numeric(20)"
	  . " OR price IS NULL AND cents IS NULL OR cents IS NOT NULL AND price IS NOT DISTINCT FROM (cents / 100.0)::numeric(12,2)::text",
	shown => "shown IS NOT DISTINCT FROM format('%s|%s', f, at) OR shown IS NOT NULL AND f IS NOT DISTINCT FROM nullif(split_part(shown, '|', 1), '')::float8"
	  . " AND at IS NOT DISTINCT FROM nullif(split_part(shown, '|', 2), '')::timestamptz",
	active => "is_active IS NOT DISTINCT FROM (status = 'active') AND (wrote IS NULL OR is_active = wrote)");

for my $change (sort keys %in_step)
{
	is( $node->safe_psql(
			'postgres', qq{
			SELECT count(*) FROM t WHERE ($in_step{$change}) IS NOT TRUE
			   AND NOT EXISTS (SELECT FROM ec_discrepancies d WHERE d.change = '$change' AND (d.key ->> 'id')::int = t.id)}),
		'0',
		"$change: every row is in step or in the queue") or diag($node->safe_psql('postgres',
		qq{SELECT t.*, t.tableoid::regclass FROM t WHERE ($in_step{$change}) IS NOT TRUE
		   AND NOT EXISTS (SELECT FROM ec_discrepancies d WHERE d.change = '$change' AND (d.key ->> 'id')::int = t.id) LIMIT 8}));
}
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM t'), '>', 100, 'there are rows');
cmp_ok($node->safe_psql('postgres', q{SELECT count(*) FROM ec_discrepancies WHERE change = 'cents'}),
	'>', 0, 'some modern writes have failed');
is($node->safe_psql('postgres', q{SELECT count(*) FROM t WHERE email = 'captured'}), '0', 'nobody captured lower()');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM t WHERE wrote IS NOT NULL'), '>', 20, 'new versions have written');
is($node->safe_psql('postgres', q{SELECT count(*) FROM ec_discrepancies WHERE change IN ('shown', 'active')}), '0', 'none of their writes has failed');

# The queue is exact once it has been gone through, and empty without causes.
is( $node->safe_psql('postgres', 'SELECT ec_reconcile()'),
	$node->safe_psql('postgres', "SELECT count(*) FROM t WHERE ($in_step{cents}) IS NOT TRUE"),
	'what is left is what is not in step');
$node->safe_psql('postgres', q{UPDATE t SET price = '1' WHERE price ~ '[a-z]' OR price::numeric > 400});
is($node->safe_psql('postgres', 'SELECT ec_reconcile()'), '0', 'nothing is left when the causes are gone');
is( $node->safe_psql('postgres',
		"SELECT count(*) FROM t WHERE ($in_step{cents}) IS NOT TRUE OR ($in_step{email}) IS NOT TRUE"),
	'0',
	'and every row is in step');

$node->stop;
done_testing();
