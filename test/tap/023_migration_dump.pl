# Migrations survive pg_dump: a restored copy knows its history, does not begin
# by itself what was going on in the original, and goes on when told to.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
# even the launcher must not
$node->append_conf('postgresql.conf',
	"max_worker_processes = 16\nshared_preload_libraries = 'expand_contract'");
$node->start;
my $half = q{
	CREATE TABLE once (id int PRIMARY KEY);
	CREATE INDEX CONCURRENTLY b_name ON b (name);
	CREATE INDEX CONCURRENTLY ON nowhere (name);
	DROP INDEX CONCURRENTLY b_old;
};
my $apply = "SELECT ec_apply('003', \$half\$$half\$half\$, requires => '{001}')";
$node->safe_psql('postgres', qq{
	CREATE EXTENSION expand_contract;
	CREATE TABLE b (id int, name text);
	CREATE INDEX b_old ON b (id);
	SELECT ec_apply('001', 'CREATE TABLE plain ()', 'DROP TABLE plain', 'a plain one');
	SELECT ec_apply('002', 'VACUUM b', 'VACUUM b');
	CALL ec_wait_migration('002');
	$apply;
});
my ($code) = $node->psql('postgres', "CALL ec_wait_migration('003')");
isnt($code, 0, 'a migration has failed half-way');

sub dump_and_restore
{
	my ($from, $to) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $to");
	$node->command_ok(
		[ 'pg_dump', '-Fc', '-f', $node->basedir . "/$to.dump", $node->connstr($from) ], "$from is dumped");
	$node->command_ok(
		[ 'pg_restore', '--exit-on-error', '-d', $node->connstr($to), $node->basedir . "/$to.dump" ],
		"and restored as $to");
	return;
}

my $ledger = q{SELECT * FROM expand_contract.schema_migrations ORDER BY version;
	SELECT version, direction, step, first_statement, last_statement, kind, command, sql, undo, detail, lock_mode, target, made, done_at
	  FROM expand_contract.migration_steps ORDER BY version, direction, step;
	SELECT * FROM expand_contract.migration_events ORDER BY id};
dump_and_restore('postgres', 'copy');
is($node->safe_psql('copy', $ledger), $node->safe_psql('postgres', $ledger), 'the copy knows all of it');
is( $node->safe_psql('copy', 'SELECT version, state, steps_done, job FROM ec_migrations'),
	"001|applied|1|\n002|applied|1|\n003|failed|2|",
	'and what failed there has failed here, without a job');
is($node->safe_psql('copy', q{SELECT ec_apply('002', 'VACUUM b')}), 'unchanged', 'what is applied is applied');
is( $node->safe_psql('copy', q{SELECT error FROM ec_migrations WHERE version = '003'}),
	'42P01: relation "nowhere" does not exist CONTEXT: statement 3 of migration "003", line 4',
	'the ledger says why');
my ($stdout, $stderr);
($code, $stdout, $stderr) = $node->psql('copy', "CALL ec_wait_migration('003')");
like($stderr,
	qr/ERROR:  migration "003" failed\nDETAIL:  42P01: relation "nowhere" does not exist.*\nHINT:  Use ec_apply again once the cause is gone/,
	'and so does waiting');

# it goes on where the original stopped; what is of the original's is not taken for its own
$node->safe_psql('copy', 'CREATE TABLE nowhere (name text)');
is($node->safe_psql('copy', $apply), 'queued', 'the copy goes on when told to');
$node->safe_psql('copy', q{CALL ec_wait_migration('003', '5min')});
is( $node->safe_psql('copy', q{SELECT state, steps_done, to_regclass('b_old') FROM ec_migrations WHERE version = '003'}),
	'applied|4|', 'to the end');
is($node->safe_psql('postgres', q{SELECT state FROM ec_migrations WHERE version = '003'}),
	'failed', 'the original is where it was');

# one that is queued, and not paused, does not start in a copy
$node->safe_psql('postgres', 'CREATE TABLE nowhere (name text)');
$node->safe_psql('postgres', q{ALTER SYSTEM SET expand_contract.max_workers = 0});
$node->reload;
$node->safe_psql('postgres', $apply);
is($node->safe_psql('postgres', q{SELECT state FROM ec_migrations WHERE version = '003'}), 'queued', 'it is queued');
dump_and_restore('postgres', 'queued');
$node->safe_psql('postgres', 'SELECT ec_pause(job) FROM ec_migrations WHERE job IS NOT NULL');
$node->safe_psql('postgres', 'CREATE DATABASE twin TEMPLATE copy');
$node->safe_psql('postgres', q{ALTER SYSTEM RESET expand_contract.max_workers});
$node->restart;
$node->poll_query_until('postgres', 'SELECT expand_contract.launcher_running()');
is( $node->safe_psql('queued', q{SELECT state, error, job FROM ec_migrations WHERE version = '003'}),
	'interrupted|no worker is running it. HINT: Use ec_apply again to go on.|',
	'in the copy it waits for somebody to say so');
($code, $stdout, $stderr) = $node->psql('queued', "CALL ec_wait_migration('003')");
like($stderr,
	qr/ERROR:  migration "003" is interrupted\nDETAIL:  It was submitted in the database that this one is a copy of, \d of \d steps are done.\nHINT:  Use ec_apply again to go on where it stopped./,
	'as waiting says');
is($node->safe_psql('queued', $apply), 'queued', 'and goes on then');
$node->safe_psql('queued', q{CALL ec_wait_migration('003', '5min')});
is( $node->safe_psql('queued', q{SELECT state, steps_done, to_regclass('b_old'), count(*) FILTER (WHERE NOT indisvalid)
		FROM ec_migrations, pg_index WHERE version = '003' GROUP BY 1, 2}),
	'applied|4||0', 'to the end');
is($node->safe_psql('twin', q{SELECT state, job FROM ec_migrations WHERE version = '003'}),
	'applied|', 'a template copy knows it too');

$node->stop;
done_testing();
