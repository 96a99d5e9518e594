# CALL ec_apply_directory: folders as other tools have them.  Each file that looks
# like a migration is one, or is refused by its name.
use strict;
use warnings;

use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('other_tools');
$node->init;
$node->start;

my $base = PostgreSQL::Test::Utils::tempdir;
my $directory = "$base/migrations";

# A fresh directory with these files, in directories where the name has them, and
# a fresh database.
sub files
{
	my (%files) = @_;

	remove_tree($directory);
	make_path($directory);
	for (keys %files)
	{
		make_path(dirname("$directory/$_"));
		append_to_file("$directory/$_", $files{$_});
	}
	$node->safe_psql(
		'postgres', q{
		DROP EXTENSION IF EXISTS expand_contract CASCADE;
		DROP SCHEMA public CASCADE;
		CREATE SCHEMA public;
		CREATE EXTENSION expand_contract;});
	return;
}

sub apply_directory
{
	my ($code, undef, $stderr) = $node->psql('postgres',
		"\\set VERBOSITY verbose\nCALL ec_apply_directory('$directory')");

	$stderr =~ s/\Q$base\E/BASE/g;
	return ($code, $stderr);
}

sub ledger
{
	return $node->safe_psql('postgres',
		q{SELECT string_agg(concat_ws(' ', version, description) || CASE WHEN down IS NULL THEN '' ELSE ' <-' END, ', ' ORDER BY n)
		    FROM (SELECT row_number() OVER () AS n, version FROM ec_migrations) m
		    JOIN expand_contract.schema_migrations USING (version)});
}

# What is read.
sub is_read
{
	my ($name, $files, $expected) = @_;

	files(%$files);
	my ($code, $stderr) = apply_directory();
	is($code, 0, "$name is read") or diag($stderr);
	is(ledger(), $expected, "$name: the ledger");
	($code, $stderr) = apply_directory();
	like($stderr, qr/ 0 of \d+ migrations were new/, "$name: nothing twice");
	return;
}

is_read(
	'Prisma',
	{
		'migration_lock.toml' => "provider = \"postgresql\"\n",
		'20240101120000_init/migration.sql' => "-- CreateTable\nCREATE TABLE t ();",
		'20240102120000_more/migration.sql' => "-- AlterTable\nALTER TABLE t ADD COLUMN a integer;",
		'20240102120000_more/down.sql' => "ALTER TABLE t DROP COLUMN a;",
		'20240103120000_empty/migration.sql' => "-- This is an empty migration.",
	},
	'20240101120000 init, 20240102120000 more <-, 20240103120000 empty');
is_read(
	'Diesel',
	{
		'2024-01-01-120000_first/up.sql' => 'CREATE TABLE t ()',
		'2024-01-01-120000_first/down.sql' => 'DROP TABLE t',
		'2024-01-02-120000_second/up.sql' => '-- Your SQL goes here',
		'2024-01-02-120000_second/down.sql' => '-- This file should undo anything in `up.sql`',
		'2024-01-02-120000_second/metadata.toml' => 'run_in_transaction = false',
		'.keep' => '',
	},
	'20240101120000 first <-, 20240102120000 second');
is_read(
	'flyway in directories, with undo and settings that say nothing new',
	{
		'2023/V1__first.sql' => 'CREATE TABLE t ()',
		'2024/01/V1_1__words here.sql' => 'ALTER TABLE t ADD COLUMN a integer',
		'2024/01/U1_1__words here.sql' => 'ALTER TABLE t DROP COLUMN a',
		'V2__index.sql' => 'CREATE INDEX CONCURRENTLY i ON t (a)',
		'V2__index.sql.conf' => "# flyway\nexecuteInTransaction=false\n",
	},
	'1 first, 1.1 words here <-, 2 index');
is_read(
	'names with blanks, dots, dates and a direction at the end',
	{
		'001 create users.sql' => 'CREATE TABLE users ()',
		'002.create.teams.sql' => 'CREATE TABLE teams ()',
		'003_scale_down.sql' => 'CREATE TABLE scales ()',
		'004_roles_up.sql' => 'CREATE TABLE roles ()',
		'004_roles_down.sql' => 'DROP TABLE roles',
		'005-items-down.sql' => 'DROP TABLE items',
		'005-items-up.sql' => 'CREATE TABLE items ()',
		'006.do.sql' => 'CREATE TABLE six ()',
		'006.undo.sql' => 'DROP TABLE six',
		'007.do.seven.sql' => 'CREATE TABLE seven ()',
		'007.undo.seven.sql' => 'DROP TABLE seven',
		'008_x.tx.up.sql' => 'CREATE TABLE eight ()',
		'008_x.tx.down.sql' => 'DROP TABLE eight',
		'009_y.sql' => 'CREATE TABLE nine ()',
		'009_y.rollback.sql' => 'DROP TABLE nine',
		'2024-01-01_z.sql' => 'CREATE TABLE ten ()',
		'2024_01_02_130000_z.sql' => 'CREATE TABLE eleven ()',
	},
	'001 create users, 002 create.teams, 003 scale down, 004 roles <-, 005 items <-, 006 <-, 007 seven <-, '
	  . '008 x <-, 009 y <-, 20240101 z, 20240102130000 z');
is_read(
	'what lies beside migrations',
	{
		'001_users.sql' => 'CREATE TABLE users ()',
		'001_users.md' => 'why',
		'001_users.sql.bak' => 'old',
		'002_notes.txt' => 'notes',
		'README.md' => 'not SQL',
		'embed.go' => 'package migrations',
		'atlas.sum' => 'h1:',
		'meta/_journal.json' => '{}',
		'docs/how.md' => 'text',
	},
	'001 users');

# What is not read is refused by its name, before anything has run.
for (
	[ '002_seed.go', qr/0A000: migration "BASE\/migrations\/002_seed.go" is not written in SQL/ ],
	[ '20240101_seed.rb', qr/20240101_seed.rb" is not written in SQL/ ],
	[ '0002_auto.py', qr/0002_auto.py" is not written in SQL/ ],
	[ '20240101-words.js', qr/20240101-words.js" is not written in SQL/ ],
	[ '2_x.sql.gz', qr/2_x.sql.gz" is not written in SQL/ ],
	[ 'V2__Seed.java', qr/V2__Seed.java" is not written in SQL/ ],
	[ 'R__Seed.java', qr/R__Seed.java" is not written in SQL/ ],
	[ 'R__views.sql', qr/0A000.*R__views.sql".*DETAIL.*repeatable.*HINT:  Put its statements/s ],
	[ 'B5__base.sql', qr/0A000.*DETAIL.*baseline.*HINT.*ec_baseline/s ],
	[ 'A__always.sql', qr/0A000.*DETAIL.*always runs has no version/s ],
	[ 'beforeMigrate.sql', qr/0A000.*beforeMigrate.sql".*DETAIL.*callback.*HINT.*the deployment/s ],
	[ 'afterEachMigrate__words.sql', qr/0A000.*DETAIL.*callback/s ],
	[ '002_grants.always.sql', qr/0A000.*DETAIL.*"\.always" before "\.sql"/s ],
	[ '002_x.mysql.sql', qr/0A000.*DETAIL.*"\.mysql" before "\.sql"/s ],
	[ 'V2__x.sql.conf', qr/0A000: file "BASE\/migrations\/V2__x.sql.conf" uses a setting of flyway.*DETAIL:  It is "placeholderReplacement"/s, 'placeholderReplacement=false' ],
	[ 'V2__x.sql', qr/0A000.*placeholder that is not replaced.*Line 1: \$\{base_url\}.*HINT:  flyway would replace/s, q{SELECT '${base_url}/x'} ],
	[ 'V2__y.sql', qr/0A000.*Line 3: \$\{who\}/s, "-- \${comment}\nDO \$d\$ BEGIN\nPERFORM '\${who}';\nEND \$d\$" ],
	[ 'sub/002_x.sql', qr/0A000: directory "BASE\/migrations\/sub" has migrations that are not read.*sub\/002_x.sql/s ],
	[ 'sub/deeper/views.sql', qr/0A000: directory "BASE\/migrations\/sub" has migrations.*sub\/deeper\/views.sql/s ],
	[ 'sub/0002_auto.py', qr/0A000: directory "BASE\/migrations\/sub" has migrations/ ],
	[ '002_x/migration.sql.txt', qr/0A000: directory "BASE\/migrations\/002_x" has no script that is read/ ],
	[ '2024/notes.txt', qr/1 of 1 migrations were new/ ],
	[ '002_x/other.sql', qr/0A000: directory "BASE\/migrations\/002_x" has migrations that are not read/ ],
	[ 'init/migration.sql', qr/22023.*"BASE\/migrations\/init" names no migration/ ],
	[ 'sqitch.plan', qr/0A000: "BASE\/migrations" is a project of sqitch/ ],
	[ '002create.sql', qr/22023.*names no migration/ ],
	[ 'create_users.sql', qr/22023.*names no migration/ ])
{
	my ($name, $expected, $text) = @$_;

	files('001.sql' => 'CREATE TABLE t ()', $name => $text // 'SELECT 1');
	my (undef, $stderr) = apply_directory();
	like($stderr, $expected, "$name");
	is(ledger(), $stderr =~ /V2__[xy].sql"|were new/ ? '001' : '', 'and nothing after it has run');
}

# A directory that has something, and no migration, is not one of none.
for ([ 'a1b2c3d4_add_users.py', 'versions' ], [ 'schema.rb', '' ], [ 'x.xml', 'changes' ])
{
	my ($name, $sub) = @$_;

	files($sub ? "$sub/$name" : $name => 'text');
	my ($code, $stderr) = apply_directory();
	is($code, 3, "only $name");
	like($stderr, qr/22023: directory "BASE\/migrations" has no migration that can be read/, 'is told');
}
files('README.md' => 'soon');
like((apply_directory())[1], qr/0 of 0 migrations were new/, 'a project that begins');

# The forms of text, as they lie on disk.
files(
	'001.sql' => "\xEF\xBB\xBFCREATE TABLE t ();",
	'002.sql' => "\xEF\xBB\xBF-- migrate:up\r\nCREATE TABLE u ();\r\n-- migrate:down\r\nDROP TABLE u;\r\n",
	'003.sql' => "-- ec:up\rCREATE TABLE v ();\r-- ec:down\rDROP TABLE v;\r");
apply_directory();
is(ledger(), '001, 002 <-, 003 <-', 'byte order marks, CR LF, CR');
files('001.sql' => "\xFF\xFES\0E\0");
like((apply_directory())[1], qr/22021: "BASE\/migrations\/001.sql" is in UTF-16/, 'UTF-16 is told');

# A branch that was merged late.
files('001.sql' => 'CREATE TABLE t ()', '003.sql' => 'CREATE TABLE v ()');
apply_directory();
append_to_file("$directory/002_late.sql", 'CREATE TABLE u ()');
like((apply_directory())[1], qr/XE002.*file "BASE\/migrations\/002_late.sql"/s, 'is out of order');
is($node->psql('postgres', "CALL ec_apply_directory('$directory', allow => '{out_of_order}')"), 0, 'and may be let in');
is(ledger(), '001, 002 late, 003', 'in its place');
like((apply_directory())[1], qr/0 of 3 migrations were new/, 'for good');

# All tenants in one call, as the documentation shows it.
my $page = slurp_file($ENV{TESTDIR} ? "$ENV{TESTDIR}/doc/files.md" : 'doc/files.md');
my ($loop) = $page =~ /^(DO \$\$\nDECLARE\n    tenant text;.*?^END \$\$;)/ms;
ok($loop, 'the page has a loop over tenants');
$loop =~ s{/srv/app/migrations}{$directory};
files(
	'001.sql' => 'CREATE TABLE t (id integer)',
	'002.sql' => 'CREATE INDEX CONCURRENTLY t_id ON t (id)',
	'003.sql' => 'INSERT INTO t VALUES (1)');
$node->safe_psql('postgres', q{CREATE SCHEMA tenant_a; CREATE SCHEMA tenant_b; CREATE SCHEMA tenant_c;
	SELECT ec_apply('001', 'CREATE TABLE tenant_b.t (id integer)', scope => 'tenant_b')});
my ($code, undef, $stderr) = $node->psql('postgres', $loop);
like($stderr, qr/script of migration "001" of scope "tenant_b" differs/, 'stops at the first that fails');
is($node->safe_psql('postgres', q{SELECT string_agg(scope || version, ',' ORDER BY scope, version) FROM ec_migrations}),
	'tenant_a001,tenant_a002,tenant_a003,tenant_b001', 'and what went before stays');
$node->safe_psql('postgres', q{DROP TABLE tenant_b.t; DELETE FROM expand_contract.schema_migrations WHERE scope = 'tenant_b'});
is($node->psql('postgres', $loop), 0, 'then goes on');
is($node->safe_psql('postgres', q{SELECT count(*) FROM ec_migrations}), 9, 'each tenant has its history');
is($node->safe_psql('postgres', q{SELECT (SELECT count(*) FROM tenant_a.t) + (SELECT count(*) FROM tenant_b.t) + (SELECT count(*) FROM tenant_c.t)}),
	3, 'and its tables');

# The byte of a no-break space is a letter in other encodings.
for my $case ([ 'LATIN1', '\\00A0', qr/invisible character U\+00A0/ ], [ 'WIN866', '\\0430', qr/^$/ ])
{
	my ($encoding, $character, $expected) = @$case;
	my $database = lc "d_$encoding";

	$node->safe_psql('postgres', "CREATE DATABASE $database ENCODING '$encoding' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'");
	$node->safe_psql($database, 'CREATE EXTENSION expand_contract');
	(undef, undef, $stderr) = $node->psql($database, "SET client_encoding = 'UTF8'; SELECT ec_apply('1', U&'CREATE TABLE t$character ()')");
	like($stderr, $expected, "the byte A0 in $encoding");
}

$node->stop;
done_testing();
