# One table on two servers: the recipes of doc/verification.md, as they stand there.
use strict;
use warnings;

use FindBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $document = slurp_file("$FindBin::RealBin/../../doc/verification.md");

sub recipe
{
	my ($name) = @_;

	$document =~ /<!-- recipe: \Q$name\E -->\n```sh\n(.*?)\n```/s
	  or die "no recipe \"$name\"";
	return $1;
}

# The last line that a recipe writes, and its exit code.
sub cook
{
	my ($name) = @_;
	my ($stdout, $stderr) = ('', '');
	my $ok = IPC::Run::run([ 'bash', '-c', recipe($name) ], '>', \$stdout, '2>', \$stderr);

	note "$stdout$stderr";
	return ($ok, (split /\n/, $stdout)[-1]);
}

sub database
{
	my ($node, $name) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $name");
	# other OIDs, other settings
	$node->safe_psql($name, 'CREATE EXTENSION expand_contract');
	$node->safe_psql($name, "ALTER DATABASE $name SET timezone = 'Pacific/Chatham'") if $name ne 'here';
	$node->safe_psql($name, 'CREATE TABLE filler (a int); DROP TABLE filler; CREATE TYPE filler AS ENUM (\'a\')') if $name ne 'here';
	return;
}

my $table = q{
	CREATE TYPE mood AS ENUM ('sad', 'happy');
	CREATE TABLE users (id bigint PRIMARY KEY, email text, mood mood, made_at timestamptz);
};

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 'logical');
$primary->start;
my $replica = PostgreSQL::Test::Cluster->new('replica');
$replica->init;
$replica->start;
database($primary, 'here');
database($replica, 'there');
database($primary, 'copy');
$primary->safe_psql('here', $table);
$replica->safe_psql('there', $table);
$primary->safe_psql('copy', q{CREATE TYPE mood AS ENUM ('sad', 'happy')});
$primary->safe_psql('here', q{
	INSERT INTO users SELECT i, 'User' || i, (ARRAY['sad', 'happy', NULL])[i % 3 + 1]::mood, timestamptz '2026-01-01 UTC' + i * interval '1 hour'
	  FROM generate_series(1, 5000) i;
	CREATE PUBLICATION users FOR TABLE users;
});
$replica->safe_psql('there',
	sprintf(q{CREATE SUBSCRIPTION users CONNECTION $c$%s$c$ PUBLICATION users}, $primary->connstr('here')));
$replica->wait_for_subscription_sync($primary, 'users', 'there');

local $ENV{PRIMARY} = $primary->connstr('here');
local $ENV{REPLICA} = $replica->connstr('there');
local $ENV{COPY} = $primary->connstr('copy');
local $ENV{SUBSCRIPTION} = 'users';
local $ENV{DUMP} = $primary->basedir . '/users.dump';

$primary->safe_psql('here', q{UPDATE users SET mood = 'happy' WHERE id % 7 = 0; DELETE FROM users WHERE id % 11 = 0});
my ($ok, $verdict) = cook('replica');
ok($ok, 'the recipe for a replica runs');
is($verdict, 't', 'and finds it equal');
$replica->safe_psql('there', 'UPDATE users SET made_at = made_at + interval \'1 microsecond\' WHERE id = 4001');
($ok, $verdict) = cook('replica');
is($verdict, 'f', 'a microsecond in one row is found');

$replica->safe_psql('there', 'DROP SUBSCRIPTION users');
# the dump is restored between the two halves of the recipe
my ($dump, $compare) = split /^# later.*$/m, recipe('dump');
$document =~ s/(<!-- recipe: dump -->\n```sh\n).*?(\n```)/$1$dump$2/s;
($ok) = cook('dump');
ok($ok, 'the recipe for a dump runs');
$primary->safe_psql('here', q{UPDATE users SET email = 'later' WHERE id = 1});
$primary->command_ok([ 'pg_restore', '-d', $primary->connstr('copy'), $ENV{DUMP} ], 'it is restored');
$document =~ s/(<!-- recipe: dump -->\n```sh\n).*?(\n```)/$1$compare$2/s;
($ok) = cook('dump');
ok($ok, 'and the copy is equal to what was dumped');
$primary->safe_psql('copy', q{UPDATE users SET mood = NULL WHERE id = 19});
($ok) = cook('dump');
ok(!$ok, 'a value that is lost is found');

# a foreign table is a source
$primary->safe_psql('copy', sprintf(q{
	CREATE EXTENSION postgres_fdw;
	CREATE SERVER here FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '%s', port '%s', dbname 'here');
	CREATE USER MAPPING FOR CURRENT_USER SERVER here;
	CREATE FOREIGN TABLE original (id bigint, email text, mood mood, made_at timestamptz) SERVER here OPTIONS (table_name 'users');
}, $primary->host, $primary->port));
is( $primary->safe_psql('copy', q{
		SELECT missing, extra, different FROM ec_verify('original', 'users', '{"email": "email", "mood": "mood", "made_at": "made_at"}')}),
	'0|0|2', 'a table is held against a foreign one');
is( $primary->safe_psql('copy', 'SELECT key, column_name FROM ec_mismatches ORDER BY 1'),
	qq[{"id": 1}|email\n{"id": 19}|mood], 'and the rows that differ are named');

done_testing();
