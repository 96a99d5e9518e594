# CALL ec_apply_directory: files of the server; and the same from the client.
use strict;
use warnings;

use File::Path qw(make_path remove_tree);
use POSIX qw(mkfifo);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('directory');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION expand_contract');

my $base = PostgreSQL::Test::Utils::tempdir;
my $directory;

# A fresh directory with these files, and a fresh database.
sub files
{
	my (%files) = @_;

	$directory = "$base/migrations";
	remove_tree($directory);
	make_path($directory);
	append_to_file("$directory/$_", $files{$_}) for keys %files;
	$node->safe_psql(
		'postgres', q{
		DROP EXTENSION expand_contract CASCADE;
		DROP SCHEMA public CASCADE;
		CREATE SCHEMA public;
		GRANT USAGE ON SCHEMA public TO PUBLIC;
		CREATE EXTENSION expand_contract;});
	return;
}

# What psql tells of a CALL for the directory: exit code, standard error.
sub apply_directory
{
	my ($path) = @_;
	my ($code, undef, $stderr) =
	  $node->psql('postgres', "CALL ec_apply_directory('@{[$path // $directory]}')");

	$stderr =~ s/\Q$base\E/BASE/g;
	return ($code, $stderr);
}

sub ledger
{
	return $node->safe_psql('postgres',
		q{SELECT string_agg(concat_ws(' ', version, description, state), ', ' ORDER BY n)
		    FROM (SELECT *, row_number() OVER () AS n FROM ec_migrations) m});
}

my ($code, $stderr);

# The order is that of the versions, each commits by itself, others than .sql
# files are none of ours.
files(
	'1_first.sql' => 'CREATE TABLE t (id integer)',
	'2_second.sql' => "-- ec:up\nINSERT INTO t VALUES (2)\n-- ec:down\nDELETE FROM t",
	'10_third.up.sql' => 'INSERT INTO t VALUES (10)',
	'10_third.down.sql' => 'DELETE FROM t WHERE id = 10',
	'README.md' => 'not SQL',
	'.hidden.sql' => 'not SQL');
make_path("$directory/nested");
($code, $stderr) = apply_directory();
is($code, 0, 'a directory is applied');
is( $stderr,
	'psql:<stdin>:1: NOTICE:  applied "BASE/migrations/1_first.sql"
psql:<stdin>:1: NOTICE:  applied "BASE/migrations/2_second.sql"
psql:<stdin>:1: NOTICE:  applied "BASE/migrations/10_third.up.sql"
psql:<stdin>:1: NOTICE:  3 of 3 migrations were new',
	'in its order');
is(ledger(), '1 first applied, 2 second applied, 10 third applied', 'the ledger');
is( $node->safe_psql('postgres', 'SELECT count(DISTINCT xmin::text) FROM expand_contract.schema_migrations'),
	3,
	'one transaction each');
($code, $stderr) = apply_directory("$directory/");
like($stderr, qr/0 of 3 migrations were new/, 'nothing twice');
is( $node->safe_psql('postgres', "SELECT ec_rollback('10')"),
	'rolled back', 'a way back in a file of its own');
is($node->safe_psql('postgres', 'SELECT array_agg(id) FROM t'), '{2}', 'was run');

# What a worker has to run is waited for; the next one builds on it.
files(
	'001.sql' => 'CREATE TABLE t (id integer)',
	'002_index.sql' => "-- migrate:up transaction:false\nCREATE UNIQUE INDEX CONCURRENTLY t_id ON t (id);",
	'003.sql' => 'ALTER TABLE t ADD CONSTRAINT t_id UNIQUE USING INDEX t_id');
($code, $stderr) = apply_directory();
is($code, 0, 'a directory with a statement that no transaction can hold');
is(ledger(), '001 applied, 002 index applied, 003 applied', 'in its order');
files(
	'001.sql' => 'CREATE TABLE t (id integer); INSERT INTO t VALUES (1), (1)',
	'002_index.sql' => "CREATE UNIQUE INDEX CONCURRENTLY t_id ON t (id)",
	'003.sql' => 'SELECT 1');
($code, $stderr) = apply_directory();
like($stderr, qr{could not create unique index.*file "BASE/migrations/002_index.sql"}s,
	'its failure is the file\'s');
is(ledger(), '001 applied, 002 index failed', 'and ends it');

# The first that fails stops it; what went before stays; then it goes on.
files(
	'001.sql' => 'CREATE TABLE t (id integer)',
	'002_broken.sql' => "SELECT 1;\nSELECT 1/0",
	'003.sql' => 'CREATE TABLE u ()');
($code, $stderr) = apply_directory();
is($code, 3, 'a failure is one');
like($stderr, qr/ERROR:  division by zero/, 'the error is the statement\'s');
like(
	$stderr,
	qr{statement 2 of migration "002", line 2\nfile "BASE/migrations/002_broken.sql"},
	'and names the file');
is(ledger(), '001 applied', 'what went before stays');
unlink "$directory/002_broken.sql";
append_to_file("$directory/002_broken.sql", 'SELECT 1');
($code, $stderr) = apply_directory();
is(ledger(), '001 applied, 002 broken applied, 003 applied', 'it goes on');
append_to_file("$directory/001.sql", '; SELECT 1');
($code, $stderr) = apply_directory();
like(
	$stderr,
	qr{ERROR:  script of migration "001" differs.*file "BASE/migrations/001.sql"}s,
	'drift names the file');

# The names of other tools.
files(
	'V1__first.sql' => 'CREATE TABLE t ()',
	'V1_2__second_one.sql' => 'CREATE TABLE u ()',
	'U1_2__second_one.sql' => 'DROP TABLE u',
	'V1.10__third.sql' => 'CREATE TABLE v ()');
apply_directory();
is(ledger(), '1 first applied, 1.2 second one applied, 1.10 third applied', 'flyway');
is($node->safe_psql('postgres', q{SELECT down FROM expand_contract.schema_migrations WHERE version = '1.2'}),
	'DROP TABLE u', 'its undo');
files(
	'20240101_users.sql' => "-- migrate:up\nCREATE TABLE users ()\n-- migrate:down\nDROP TABLE users",
	'20240102_teams.sql' => "-- +goose Up\nCREATE TABLE teams ();\n-- +goose Down\nDROP TABLE teams;",
	'20240103-items.sql' => "CREATE TABLE items ()");
apply_directory();
is(ledger(), '20240101 users applied, 20240102 teams applied, 20240103 items applied',
	'dbmate, goose, sqlx');

# What cannot be understood stops before anything has run.
for (
	[ 'notes.sql', qr/names no migration/ ],
	[ 'R__views.sql', qr/0A000.*repeatable migration has no version/s ],
	[ 'B5__base.sql', qr/0A000.*baseline migration/s ],
	[ 'V__none.sql', qr/22023.*names no migration/s ],
	[ '002x.sql', qr/22023.*names no migration/s ],
	[ '002_alone.down.sql', qr/is a down script without a migration/ ],
	[ '001_again.sql', qr/two files have version "001".*001_again.sql/s ])
{
	my ($name, $expected) = @$_;

	files('001.sql' => 'CREATE TABLE t ()', $name => 'SELECT 1');
	($code, undef, $stderr) = $node->psql('postgres',
		"\\set VERBOSITY verbose\nCALL ec_apply_directory('$directory')");
	like($stderr, $expected, "$name is refused");
	is(ledger(), '', 'and nothing has run');
}
files('1.sql' => "-- ec:up\nSELECT 1\n-- ec:down\nSELECT 1", '1.down.sql' => 'SELECT 2');
($code, $stderr) = apply_directory();
like($stderr, qr/two down scripts/, 'two down scripts');
files('1.sql' => "SELECT '\xE9'");
($code, $stderr) = apply_directory();
like($stderr, qr{invalid byte sequence for encoding "UTF8".*file "BASE}s, 'another encoding');
files('1.sql' => "SELECT 1;\0SELECT 2");
($code, $stderr) = apply_directory();
like($stderr, qr/invalid byte sequence/, 'a zero byte');
files("1_caf\xE9.sql" => 'SELECT 1');
($code, $stderr) = apply_directory();
like($stderr, qr/name of a file .* not in the encoding of the database, UTF8\n.*begins with "1_caf"/,
	'a name in another encoding');
files('2.sql' => 'SELECT 1');
mkfifo("$directory/1.sql", 0666) or die "mkfifo: $!";
($code, $stderr) = apply_directory();
like($stderr, qr{"BASE/migrations/1.sql" is not a file that can be read as a script},
	'a pipe, which is not waited for');

# Where a history has been taken over, or begins with a baseline.
files(map { ; "0000$_.sql" => "CREATE TABLE t$_ ()" } 1 .. 4);
$node->safe_psql(
	'postgres', q{
	CREATE TABLE goose_db_version (id serial, version_id bigint, is_applied boolean, tstamp timestamp DEFAULT now());
	INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, true), (1, true), (2, true);
	SELECT ec_adopt('goose');});
($code, $stderr) = apply_directory();
like($stderr, qr/2 of 4 migrations were new/, 'what goose has applied is not again');
is(ledger(), '1 baselined, 2 baselined, 00003 applied, 00004 applied', 'the ledger of it');
files(map { ; "00$_.sql" => "CREATE TABLE t$_ ()" } 1 .. 4);
$node->safe_psql('postgres', q{SELECT ec_baseline('003')});
($code, $stderr) = apply_directory();
like($stderr, qr/1 of 4 migrations were new/, 'nor what is older than the baseline');
is(ledger(), '003 baselined, 004 applied', 'the ledger of that');

# Rights, and other errors.
files('1.sql' => 'CREATE TABLE t (owned_by name DEFAULT current_user); INSERT INTO t DEFAULT VALUES');
$node->safe_psql(
	'postgres', q{
	CREATE ROLE deploy LOGIN;
	GRANT EXECUTE ON PROCEDURE ec_apply_directory TO deploy;
	GRANT CREATE ON SCHEMA public TO deploy;});
($code, undef, $stderr) = $node->psql('postgres', "CALL ec_apply_directory('$directory')",
	extra_params => [ '-U', 'deploy', '-v', 'VERBOSITY=verbose' ]);
like($stderr, qr/42501: permission denied to read files.*pg_read_server_files.*ec_apply_script/s,
	'needs pg_read_server_files');
$node->safe_psql('postgres', 'GRANT pg_read_server_files TO deploy');
$node->safe_psql('postgres', "CALL ec_apply_directory('$directory')",
	extra_params => [ '-U', 'deploy' ]);
is($node->safe_psql('postgres', 'SELECT * FROM t'), 'deploy', 'scripts run as the caller');
for (
	[ "CALL ec_apply_directory('$base/nowhere')", qr/58P01.*nowhere/s ],
	[ "CALL ec_apply_directory(NULL)", qr/22004.*"path" must not be null/s ],
	[ "BEGIN;\nCALL ec_apply_directory('$directory')", qr/25001.*inside a transaction block/s ],
	[ "DO \$\$ BEGIN CALL ec_apply_directory('$directory'); END \$\$", qr/of 1 migrations were new/ ],
	[ "SET default_transaction_read_only = on;\nCALL ec_apply_directory('$directory')", qr/25006/ ])
{
	my ($sql, $expected) = @$_;

	($code, undef, $stderr) =
	  $node->psql('postgres', "\\set VERBOSITY verbose\n$sql", on_error_stop => 1);
	like($stderr, $expected, $sql);
}

# The client's side: the commands that the documentation shows.
my $page = slurp_file($ENV{TESTDIR} ? "$ENV{TESTDIR}/doc/files.md" : 'doc/files.md');
my @commands = $page =~ /^```sh\n(.*?)^```/msg;

cmp_ok(scalar @commands, '>=', 1, 'the page has commands');
for my $command (@commands)
{
	files(
		'001_first.sql' => "-- ec:up\nCREATE TABLE t (id integer, \"it's\" text);\n-- ec:down\nDROP TABLE t;\n",
		'002_second.sql' => "INSERT INTO t VALUES (2, 'it''s; \\ `date` \"x\"');",
		'010_third.sql' => "INSERT INTO t VALUES (10)");
	for (1, 2)
	{
		local $ENV{PGDATABASE} = 'postgres';
		local $ENV{PGHOST} = $node->host;
		local $ENV{PGPORT} = $node->port;
		my ($out, $err);

		ok( IPC::Run::run(
				[ 'bash', '-c', "cd $base && $command" ], '>', \$out, '2>', \$err),
			"from the client, time $_") or diag($err);
	}
	is(ledger(), '001 applied, 002 applied, 010 applied', 'in the order of the versions');
	is($node->safe_psql('postgres', 'SELECT * FROM t ORDER BY id LIMIT 1'),
		q{2|it's; \\ `date` "x"}, 'as the file has it');
	append_to_file("$directory/011_broken.sql", 'SELECT 1/0');
	append_to_file("$directory/012_later.sql", 'SELECT 1');
	{
		local $ENV{PGDATABASE} = 'postgres';
		local $ENV{PGHOST} = $node->host;
		local $ENV{PGPORT} = $node->port;
		my ($out, $err);

		ok(!IPC::Run::run([ 'bash', '-c', "cd $base && $command" ], '>', \$out, '2>', \$err),
			'fails with the first that fails');
	}
	is(ledger(), '001 applied, 002 applied, 010 applied', 'and stops there');
}

for my $path ('a' x 300, 'a/' x 3000)
{
	($code, my $out, $stderr) = $node->psql('postgres', "\\set VERBOSITY sqlstate\nCALL ec_apply_directory('$path')");
	is($stderr, 'psql:<stdin>:2: ERROR:  58P03', 'a path that is too long is no internal error');
}

$node->stop;
done_testing();
