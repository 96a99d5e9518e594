# CALL ec_apply_directory: more forms of other tools, each read whole or refused by its
# name; and files as they should not be: being written, pipes, links, odd names, two
# calls at a time, a server that is killed between two files.
use strict;
use warnings;

use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use IPC::Run;
use POSIX qw(mkfifo);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('forms');
$node->init;
$node->append_conf('postgresql.conf', "restart_after_crash = on\n");
$node->start;

my $directory = PostgreSQL::Test::Utils::tempdir . '/migrations';

# A fresh directory with these files, and a fresh database.  A name that ends in a
# slash is that of a directory.
sub files
{
	my (%files) = @_;

	remove_tree($directory);
	make_path($directory);
	for (sort keys %files)
	{
		make_path(/\/$/ ? "$directory/$_" : dirname("$directory/$_"));
		append_to_file("$directory/$_", $files{$_}) unless /\/$/;
	}
	$node->safe_psql('postgres', 'DROP DATABASE IF EXISTS app');
	$node->safe_psql('postgres', 'CREATE DATABASE app');
	$node->safe_psql('app', 'CREATE EXTENSION expand_contract');
	return;
}

sub apply_directory
{
	my ($code, undef, $stderr) = $node->psql('app',
		"\\set VERBOSITY verbose\nCALL ec_apply_directory('$directory')");

	return $stderr;
}

sub ledger
{
	return $node->safe_psql('app', q{
		SELECT coalesce(string_agg(concat_ws(' ', version, description)
		          || CASE WHEN requires <> '{}' THEN ' after ' || requires::text ELSE '' END
		          || CASE WHEN down IS NULL THEN '' ELSE ' <-' END, ', ' ORDER BY version_key), '')
		  FROM expand_contract.schema_migrations});
}

# Newest first, as long as there is a way back.
sub goes_back
{
	my ($name) = @_;
	my @versions = split /\n/, $node->safe_psql('app',
		q{SELECT version FROM expand_contract.schema_migrations WHERE down IS NOT NULL ORDER BY version_key DESC});

	for my $version (@versions)
	{
		$node->safe_psql('app', "SELECT ec_rollback('$version')");
		$node->safe_psql('app', "CALL ec_wait_migration('$version')");
	}
	cmp_ok(scalar @versions, '>', 0, "$name has ways back");
	unlike(apply_directory(), qr/ERROR/, "$name goes forth again");
	return;
}

# ------------------------------------------------------------ histories

for my $history (
	[ 'a service with yoyo', {
		'0001.users.sql' => "-- users\n-- depends:\nCREATE TABLE users (id integer PRIMARY KEY);\n",
		'0001.users.rollback.sql' => "DROP TABLE users;\n",
		'0002.places.sql' => "-- depends: 0001.users\n-- transactional: false\nCREATE TABLE places (id integer REFERENCES users);\n",
		'0002.places.rollback.sql' => "DROP TABLE places;\n",
		'0003.both.sql' => "-- depends: 0001.users  0002.places\nALTER TABLE users ADD COLUMN place integer;\n",
		'0003.both.rollback.sql' => "-- depends: this is a remark\nALTER TABLE users DROP COLUMN place;\n",
		'yoyo.ini' => "[DEFAULT]\n" },
	'0001 users <-, 0002 places after {0001} <-, 0003 both after {0001,0002} <-' ],
	[ 'an application with Drizzle', {
		'0000_lucky_thanos.sql' => qq{CREATE TABLE IF NOT EXISTS "users" (\n\t"id" serial PRIMARY KEY NOT NULL,\n\t"name" text\n);\n--> statement-breakpoint\nCREATE INDEX "i" ON "users" USING btree ("name");--> statement-breakpoint\nALTER TABLE "users" ADD COLUMN "a" text\n},
		'0001_quick_silver.sql' => qq{ALTER TABLE "users" ADD COLUMN "b" text},
		'meta/_journal.json' => '{"entries": []}',
		'meta/0000_snapshot.json' => '{}' },
	'0000 lucky thanos, 0001 quick silver' ],
	[ 'a site with db-migrate', {
		'20200101000000-users-up.sql' => "/* Replace with your SQL commands */\nCREATE TABLE users ();\n",
		'20200101000000-users-down.sql' => "/* Replace with your SQL commands */\nDROP TABLE users;\n",
		'20200102000000-nothing-up.sql' => "/* Replace with your SQL commands */",
		'20200102000000-nothing-down.sql' => "/* Replace with your SQL commands */\nSELECT 1;\n" },
	'20200101000000 users <-, 20200102000000 nothing <-' ],
	[ 'a service with bun', {
		'20210505110026_users.tx.up.sql' => "CREATE TABLE users ();\n--bun:split\nCREATE TABLE more ();\n",
		'20210505110026_users.tx.down.sql' => "DROP TABLE more;\n--bun:split\nDROP TABLE users;\n",
		'20210505110027_index.up.sql' => "ALTER TABLE users ADD COLUMN a integer;\nCREATE INDEX CONCURRENTLY users_a ON users (a);\n",
		'20210505110027_index.down.sql' => "DROP INDEX CONCURRENTLY users_a;\nALTER TABLE users DROP COLUMN a;\n" },
	'20210505110026 users <-, 20210505110027 index <-' ],
	[ 'a model with sqlalchemy-migrate', {
		'001_postgresql_upgrade.sql' => "CREATE TABLE users ();",
		'001_postgresql_downgrade.sql' => "DROP TABLE users;",
		'002_upgrade.sql' => "CREATE TABLE places ();",
		'002_downgrade.sql' => "DROP TABLE places;" },
	'001 postgresql <-, 002 <-' ],
	[ 'a site with Supabase', {
		'20220101000000_init.sql' => qq{SET statement_timeout = 0;\nSELECT pg_catalog.set_config('search_path', '', false);\nCREATE TABLE "public"."users" ("id" uuid NOT NULL PRIMARY KEY);\nALTER TABLE "public"."users" ENABLE ROW LEVEL SECURITY;\nRESET ALL;\n},
		'20220102000000_policy.sql' => qq{CREATE POLICY "own" ON public.users FOR SELECT USING (true);\nGRANT SELECT ON public.users TO PUBLIC;\n} },
	'20220101000000 init, 20220102000000 policy' ])
{
	my ($name, $files, $expected) = @$history;

	files(%$files);
	my $says = apply_directory();
	unlike($says, qr/ERROR/, "$name runs whole");
	is(ledger(), $expected, "$name: what the ledger has");
	like(apply_directory(), qr/ 0 of \d+ migrations were new/, "$name: once");
	goes_back($name) if $expected =~ /<-/;
}

# ------------------------------------------------------------ refused by name

my $first = 'CREATE TABLE first ()';

for my $refused (
	[ 'Hasura, metadata', { '002_b/up.yaml' => '- type: run_sql' }, qr/0A000: directory .*002_b" has no script that is read.*"up.yaml" in it/s ],
	[ 'Prisma, no script', { '20240102_b/README.md' => 'lost' }, qr/0A000: directory .*20240102_b" has no script.*nothing in it/s ],
	[ 'an empty directory', { '002_b/' => '' }, qr/0A000: directory .*002_b" has no script.*nothing in it/s ],
	[ 'a directory called as a file', { '002_b.sql/' => '' }, qr/0A000: directory .*002_b.sql" has no script/s ],
	[ 'reshape', { '002_b.toml' => '[[actions]]' }, qr/0A000: migration .*002_b.toml" is not written in SQL/ ],
	[ 'psql', { '002_b.psql' => 'SELECT 1' }, qr/0A000: the name of file .*002_b.psql" names no migration.*does not end in "\.sql"/s ],
	[ 'Liquibase, in XML', { 'db.changelog-master.xml' => '<databaseChangeLog/>' }, qr/0A000: .*changelog-master.xml" is a changelog of Liquibase/ ],
	[ 'Liquibase, in YAML', { 'changelog.yaml' => 'databaseChangeLog: []' }, qr/0A000: .*changelog.yaml" is a changelog of Liquibase/ ],
	[ 'Liquibase, in a directory', { 'db.changelog-1.json' => '{}' }, qr/0A000: .*is a changelog of Liquibase/ ],
	[ 'sqitch', { 'sqitch.plan' => '%project=x' }, qr/0A000: .* is a project of sqitch/ ],
	[ 'alembic', { 'versions/1975ea83b712_account.py' => 'revision = "1975"' }, qr/0A000: directory .*versions" has migrations that are not read/ ],
	[ 'EF Core', { '20240102_Init.cs' => 'class' }, qr/0A000: migration .*Init.cs" is not written in SQL/ ],
	[ 'TypeORM', { '1600000000000-Init.ts' => 'export' }, qr/0A000: migration .*Init.ts" is not written in SQL/ ],
	[ 'Django', { '0002_b.py' => 'class' }, qr/0A000: migration .*0002_b.py" is not written in SQL/ ],
	[ 'pgroll', { '02_b.json' => '{}' }, qr/0A000: migration .*02_b.json" is not written in SQL/ ],
	[ 'a dump of dbmate or Rails', { 'schema.sql' => 'CREATE TABLE x ()' }, qr/22023: .*schema.sql" names no migration/ ],
	[ 'Bytebase', { 'prod##20230101##ddl##b.sql' => 'SELECT 1' }, qr/22023: .*b.sql" names no migration/ ],
	[ 'refinery, without a version', { 'U2__b.sql' => 'SELECT 1' }, qr/22023: .*U2__b.sql" is a down script without a migration/ ],
	[ 'one number twice', { '01_b.sql' => 'SELECT 1' }, qr/22023: two files have version "(001|01)"/ ],
	[ 'a line end in a name', { "002_a\nNOTICE:  applied.sql" => 'SELECT 1' }, qr/42602: the name of a file in .* has a control character/ ])
{
	my ($name, $files, $expected) = @$refused;

	files('001_first.sql' => $first, %$files);
	my $says = apply_directory();
	like($says, $expected, "$name is refused");
	like($says, qr/HINT: /, "$name: and what to do");
	is(ledger(), '', "$name: nothing has run");
}

# What a script says that nobody would do; the file before it is applied.
for my $refused (
	[ 'Django, Python', "BEGIN;\n--\n-- Raw Python operation\n--\n-- THIS OPERATION CANNOT BE WRITTEN AS SQL\nCOMMIT;" ],
	[ 'Django, Python, before 4.1', "--\n-- MIGRATION NOW PERFORMS OPERATION THAT CANNOT BE WRITTEN AS SQL:\n-- Raw Python operation\n--\nCREATE TABLE x ();" ],
	[ 'Liquibase, in SQL', "--liquibase formatted sql\n\n--changeset bob:1\nCREATE TABLE x ();\n--rollback DROP TABLE x;" ],
	[ 'EF Core, a transaction each', "START TRANSACTION;\nCREATE TABLE x ();\nCOMMIT;\nSTART TRANSACTION;\nCREATE TABLE y ();\nCOMMIT;" ],
	[ 'alembic, a transaction each', "BEGIN;\n-- Running upgrade  -> 1975ea83b712\nCREATE TABLE x ();\nCOMMIT;\nBEGIN;\n-- Running upgrade 1975ea83b712 -> ae1027a6acf\nCREATE TABLE y ();\nCOMMIT;" ],
	[ 'shmig', "-- ====  UP  ====\nBEGIN;\nCREATE TABLE x ();\nCOMMIT;\n-- ==== DOWN ====\nBEGIN;\nDROP TABLE x;\nCOMMIT;" ],
	[ 'yoyo, out of order', "-- depends: 003_later\nCREATE TABLE x ();" ])
{
	my ($name, $script) = @$refused;

	files('001_first.sql' => $first, '002_b.sql' => $script);
	my $says = apply_directory();
	like($says, qr/ERROR: .*HINT: /s, "$name is refused");
	like($says, qr/002_b.sql/, "$name: the file is named");
	is(ledger(), '001 first', "$name: nothing of it has run");
}

# alembic's SQL in one transaction, and what EF Core writes for one version, are SQL.
files(
	'001_alembic.sql' => "BEGIN;\n\nCREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);\n\n-- Running upgrade  -> 1975ea83b712\n\nCREATE TABLE account (id serial PRIMARY KEY);\n\nINSERT INTO alembic_version (version_num) VALUES ('1975ea83b712') RETURNING alembic_version.version_num;\n\nCOMMIT;\n",
	'002_ef.sql' => qq{START TRANSACTION;\n\nDO \$EF\$\nBEGIN\n    IF NOT EXISTS(SELECT 1 FROM account WHERE id = 1) THEN\n    CREATE TABLE "Blogs" ("Id" integer PRIMARY KEY);\n    END IF;\nEND \$EF\$;\nCOMMIT;\n});
like(apply_directory(), qr/2 of 2 migrations were new/, 'alembic, EF Core: one transaction');

# ------------------------------------------------------------ files

# A file that somebody is writing.  How long reading it takes nobody knows, so it is
# tried until the writer was at work meanwhile.
files('001_first.sql' => "-- x\n" x 5_000_000);
{
	my $writer = IPC::Run::start([ 'perl', '-e',
		'open my $f, ">>", $ARGV[0] or die; $f->autoflush; print $f "-- y\n" while -s $ARGV[0] < 500_000_000',
		"$directory/001_first.sql" ]);
	my $says = '';

	for (1 .. 50)
	{
		$says = apply_directory();
		last if $says =~ /ERROR/;
	}
	$writer->kill_kill;
	like($says, qr/55006: file .*001_first.sql" has changed while it was read/, 'a file that is being written is not a script');
}

files('002_second.sql' => $first);
for my $odd (
	[ sub { mkfifo("$directory/001_a.sql", 0666) }, qr/42809: .*001_a.sql" is not a file that can be read as a script/, 'a pipe' ],
	[ sub { symlink('/dev/zero', "$directory/001_a.sql") }, qr/42809: .*is not a file that can be read/, 'a link to a device' ],
	[ sub { symlink('nowhere', "$directory/001_a.sql") }, qr/58P01: could not open file .*001_a.sql/, 'a link to nowhere' ],
	[ sub { symlink('nowhere', "$directory/001_a") }, qr/58P01: could not stat file .*001_a"/, 'a link to no directory' ],
	[ sub { open(my $f, '>', "$directory/001_a.sql"); truncate($f, 2 * 1024**3) }, qr/42809: .*less than 1 GB/s, 'two GB' ])
{
	my ($make, $expected, $name) = @$odd;

	$make->() or die "$name: $!";
	like(apply_directory(), $expected, $name);
	is(ledger(), '', "$name: nothing has run");
	unlink "$directory/001_a.sql", "$directory/001_a";
}
symlink("$directory/002_second.sql", "$directory/003_link.sql") or die $!;
like(apply_directory(), qr/XE004|already exists/, 'a link to a file is that file');

# ------------------------------------------------------------ two at a time, and crashes

my %many = map { ; sprintf('%03d_t.sql', $_) => "CREATE TABLE t$_ (); INSERT INTO log VALUES ($_);" } 2 .. 60;

files('001_log.sql' => 'CREATE TABLE log (n integer)', %many);
my @calls = map {
	my ($out, $err) = ('', '');
	[ IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('app'), '-c', "CALL ec_apply_directory('$directory')" ],
			'>', \$out, '2>', \$err), \$err ];
} 1 .. 3;
for (@calls)
{
	my ($run, $err) = @$_;
	ok($run->finish, 'one of three calls at a time succeeds') or diag($$err);
}
is($node->safe_psql('app', q{SELECT count(*), count(DISTINCT n) FROM log}), '59|59', 'each file has run once');
is($node->safe_psql('app', q{SELECT count(*), count(DISTINCT version) FROM ec_migration_events WHERE event = 'apply'}),
	'60|60', 'and is in the log once');

files('001_log.sql' => 'CREATE TABLE log (n integer)', %many);
for my $until (1, 7, 23, 41)
{
	my ($out, $err) = ('', '');
	my $call = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('app'), '-c', "SELECT pg_backend_pid()",
			'-c', "CALL ec_apply_directory('$directory')" ], '>', \$out, '2>', \$err);
	my $log_offset = -s $node->logfile;

	$node->poll_query_until('app', "SELECT count(*) >= $until FROM expand_contract.schema_migrations")
	  or die "the call did not come to file $until";
	$call->pump until $out =~ /(\d+)/;
	# it may be done by now, which is a crash, too, but after the last file
	if (kill 'KILL', $1)
	{
		$node->wait_for_log(qr/database system is ready to accept connections/, $log_offset);
	}
	$call->finish;
	$node->poll_query_until('postgres', 'SELECT true');
	is($node->safe_psql('app', q{SELECT (SELECT count(*) FROM log) + 1 - count(*) FROM expand_contract.schema_migrations}),
		'0', 'killed: the ledger has what has happened');
}
unlike(apply_directory(), qr/ERROR/, 'the next call goes on');
is($node->safe_psql('app', q{SELECT count(*), count(DISTINCT n) FROM log}), '59|59', 'each file has run once');

$node->stop;
done_testing();
