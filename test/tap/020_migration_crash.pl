# A mixed migration of 8 statements, two concurrent builds among them, and the
# server is killed: at each boundary between two steps, in the middle of a
# build, and at random times.  After the restart one ec_apply brings it to its
# end: every index valid, nothing twice.
#
# EC_MIGRATION_KILLS: how many rounds (default 6; 50 to take each way of being
# killed several times).
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $rounds = $ENV{EC_MIGRATION_KILLS} || 6;

# Each step has a table of its own, so that a lock on it stops exactly that step.
my $script = q{
	ALTER TABLE a ADD COLUMN email text;
	INSERT INTO trace VALUES (2);
	CREATE INDEX CONCURRENTLY b_name ON b (name);
	INSERT INTO trace4 VALUES (4);
	DROP INDEX CONCURRENTLY c_name;
	CREATE UNIQUE INDEX CONCURRENTLY ON d (lower(name), id);
	ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;
	INSERT INTO trace8 VALUES (8);
};
my $apply = "SELECT ec_apply('001', \$script\$$script\$script\$)";

# How to be killed: held up by a session that does this, when this holds.
my $steps_done = sub {
	return "SELECT steps_done = $_[0] FROM ec_migrations";
};
my $build_waits = sub {
	return "SELECT count(*) = 1 FROM pg_stat_progress_create_index WHERE phase ~ '^waiting for writers'"
	  . " AND relid = '$_[0]'::regclass";
};
my $lock = sub { return "LOCK TABLE $_[0] IN SHARE ROW EXCLUSIVE MODE" };
my @ways = (
	[ 'in the middle of the first build', 'UPDATE b SET name = name WHERE id = 1', $build_waits->('b') ],
	[ 'at a random time' ],
	[ 'before the second build', $lock->('d'), $steps_done->(4) ],
	[ 'in the middle of the detach', 'LOCK TABLE p IN ACCESS SHARE MODE',
		q{SELECT count(*) = 1 FROM pg_inherits WHERE inhdetachpending} ],
	[ 'in the middle of the second build', 'UPDATE d SET name = name WHERE id = 1', $build_waits->('d') ],
	[ 'before the last step', $lock->('trace8'), $steps_done->(6) ],
	[ 'before the first step', $lock->('a'), $steps_done->(0) ],
	[ 'before the first build', $lock->('b'), $steps_done->(1) ],
	[ 'at a random time' ],
	[ 'after the first build', $lock->('trace4'), $steps_done->(2) ],
	[ 'before the drop', $lock->('c'), $steps_done->(3) ],
	[ 'in the middle of the drop', 'LOCK TABLE c IN ACCESS SHARE MODE',
		q{SELECT NOT indisvalid FROM pg_index WHERE indexrelid = 'c_name'::regclass} ],
	[ 'before the detach', $lock->('p'), $steps_done->(5) ],
	[ 'at a random time' ]);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "max_worker_processes = 16\nrestart_after_crash = off");
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE prepared');
$node->safe_psql(
	'prepared', q{
	CREATE EXTENSION expand_contract;
	CREATE TABLE a (id int);
	CREATE TABLE trace (id int); CREATE TABLE trace4 (id int); CREATE TABLE trace8 (id int);
	CREATE TABLE b (id int PRIMARY KEY, name text);
	INSERT INTO b SELECT i, 'User' || i FROM generate_series(1, 50000) i;
	CREATE TABLE c (id int, name text);
	CREATE INDEX c_name ON c (name);
	CREATE TABLE d AS SELECT * FROM b;
	CREATE TABLE p (id int) PARTITION BY RANGE (id);
	CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
	CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20);
});

sub check_applied
{
	my ($database, $name) = @_;

	is( $node->safe_psql($database, q{
			SELECT state, steps, steps_done, error IS NULL FROM ec_migrations;
			SELECT count(*) FROM pg_index WHERE NOT indisvalid OR NOT indisready;
			SELECT string_agg(indexrelid::regclass::text, ' ' ORDER BY indexrelid::regclass::text COLLATE "C")
			  FROM pg_index WHERE indrelid::regclass::text IN ('b', 'c', 'd');
			SELECT (SELECT count(*) FROM trace), (SELECT count(*) FROM trace4), (SELECT count(*) FROM trace8);
			SELECT string_agg(inhrelid::regclass::text || inhdetachpending, ' ') FROM pg_inherits
			 WHERE inhparent = 'p'::regclass;
			SELECT count(*) FROM expand_contract.migration_events WHERE event = 'apply'}),
		"applied|7|7|t\n0\nb_name b_pkey d_lower_id_idx\n1|1|1\np2false\n1",
		"$name: applied, all valid, nothing twice");
	return;
}

for my $round (1 .. $rounds)
{
	my ($way, $hold, $when) = @{ $ways[ ($round - 1) % @ways ] };
	my $database = "round_$round";
	my $name = "round $round, killed $way";
	my $holder;

	$node->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE prepared");
	if (defined $hold)
	{
		$holder = $node->background_psql($database, on_error_stop => 1);
		$holder->query_safe("BEGIN; $hold");
	}
	$node->safe_psql($database, $apply);
	if (defined $when)
	{
		$node->poll_query_until($database, $when)
		  or BAIL_OUT("$name: it did not come to that");
	}
	else
	{
		usleep(rand(300_000));
	}
	kill_server($node);
	$holder->{run}->kill_kill if defined $holder;

	like($node->safe_psql($database, 'SELECT state FROM ec_migrations'),
		defined $when ? qr/^interrupted$/ : qr/^(interrupted|applied|)$/,
		"$name: the ledger says so");
	my ($code, $stdout, $stderr) = $node->psql($database, "CALL ec_wait_migration('001')");
	like($stderr,
		qr/ERROR:  migration "001" is interrupted\nDETAIL:  Its job has lost its worker, \d of 7 steps are done.\nHINT:  Use ec_apply again to go on where it stopped./,
		"$name: and so does whoever waits")
	  if defined $when;
	$node->safe_psql($database, $apply);
	($code, $stdout, $stderr) =
	  $node->psql($database, "CALL ec_wait_migration('001', '3 min')");
	is($code, 0, "$name: one ec_apply goes on") or diag($stderr);
	check_applied($database, $name);
	is($node->safe_psql($database, $apply), 'unchanged', "$name: and that was it");
	$node->safe_psql('postgres', "DROP DATABASE $database (FORCE)");
}

# Preloaded, it goes on by itself.
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'expand_contract'");
$node->restart;
$node->safe_psql('postgres', 'CREATE DATABASE preloaded TEMPLATE prepared');
my $holder = $node->background_psql('preloaded', on_error_stop => 1);
$holder->query_safe('BEGIN; UPDATE b SET name = name WHERE id = 1');
$node->safe_psql('preloaded', $apply);
$node->poll_query_until('preloaded', $build_waits->('b'))
  or BAIL_OUT('the build did not wait');
kill_server($node);
$holder->{run}->kill_kill;
$node->poll_query_until('preloaded', q{SELECT state = 'applied' FROM ec_migrations})
  or BAIL_OUT('the migration did not go on by itself');
check_applied('preloaded', 'preloaded');

$node->stop;
done_testing();
