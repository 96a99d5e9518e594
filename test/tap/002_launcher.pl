# Preloaded: after a crash, a restart or a promotion jobs finish by themselves.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $rows = ($ENV{EC_TEST_ROWS} || 1_000_000) / 4;
my $finished = q{SELECT state = 'done' FROM ec_progress WHERE job = };

sub new_job
{
	my ($node) = @_;

	$node->safe_psql('postgres',
		'UPDATE users SET email = NULL; TRUNCATE audit');
	return $node->safe_psql('postgres',
		q{SELECT ec_backfill('users', 'email = lower(name)', 'email IS NULL', delay_ms => 2)}
	);
}

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf',
	"shared_preload_libraries = 'expand_contract'\nrestart_after_crash = on\nautovacuum = off"
);
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION expand_contract');
is( $node->safe_psql('postgres', 'SELECT expand_contract.launcher_running()'),
	't',
	'the launcher runs');
audited_table($node, $rows);

my $job = new_job($node);
wait_for_rows($node, $job, $rows / 4);
kill_worker($node, $job);
$node->poll_query_until('postgres', $finished . $job)
  or BAIL_OUT("job $job did not finish after the crash");
check_exactly_once($node, $rows, 'killed');

$job = new_job($node);
wait_for_rows($node, $job, $rows / 4);
$node->restart;
$node->poll_query_until('postgres', $finished . $job)
  or BAIL_OUT("job $job did not finish after the restart");
check_exactly_once($node, $rows, 'restarted');

# A paused job stays paused over a restart.
$job = new_job($node);
wait_for_rows($node, $job, 1);
$node->safe_psql('postgres', "SELECT ec_pause($job)");
$node->restart;
$node->poll_query_until('postgres',
	'SELECT expand_contract.launcher_running()');
is( $node->safe_psql('postgres',
		"SELECT state FROM ec_progress WHERE job = $job"),
	'paused',
	'a paused job is not started by a restart');
$node->safe_psql('postgres', "SELECT ec_cancel($job)");

# A terminated worker is replaced.
$job = new_job($node);
wait_for_rows($node, $job, 1);
$node->safe_psql('postgres',
	'SELECT pg_terminate_backend(' . worker_pid($node, $job) . ', 10000)');
$node->poll_query_until('postgres', $finished . $job)
  or BAIL_OUT("job $job did not finish after its worker was terminated");
check_exactly_once($node, $rows, 'terminated');

# A job that takes the server down with it is given up.  Nothing but the start
# itself is written before the crash, so that has to be on disk by then.
$node->safe_psql('postgres', q{
	CREATE TABLE deadly (id int, v int);
	INSERT INTO deadly VALUES (1);
	CREATE FUNCTION die() RETURNS int LANGUAGE plpgsql AS $$
	BEGIN
		COPY (SELECT) TO PROGRAM 'kill -9 $PPID';
		PERFORM pg_sleep(60);
		RETURN 1;
	END$$;
});
$job = $node->safe_psql('postgres',
	q{SELECT ec_backfill('deadly', 'v = die()', 'v IS NULL')});
$node->poll_query_until('postgres',
	"SELECT state = 'failed' FROM ec_progress WHERE job = $job")
  or BAIL_OUT("job $job was not given up");
like( $node->safe_psql('postgres',
		"SELECT last_error FROM ec_progress WHERE job = $job"),
	qr/ended 5 times in a row/,
	'a job that keeps killing its worker is given up');

# No connection of ours stays in the way of DROP DATABASE.
$node->safe_psql('postgres', 'CREATE DATABASE spare');
$node->safe_psql('spare', 'CREATE EXTENSION expand_contract');
$node->restart;
$node->poll_query_until('postgres',
	'SELECT expand_contract.launcher_running()');
$node->safe_psql('postgres', 'DROP DATABASE spare');
pass('a database with the extension can be dropped');

# A job that dies with the primary goes on where the standby is promoted.
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$job = new_job($node);
wait_for_rows($node, $job, $rows / 4);
$node->wait_for_catchup($standby);
is( $standby->safe_psql(
		'postgres', 'SELECT count(*) FROM expand_contract.live_slots()'),
	'0',
	'nothing runs on a standby');
$node->stop('immediate');
$standby->promote;
$standby->poll_query_until('postgres', $finished . $job)
  or BAIL_OUT("job $job did not finish after the promotion");
check_exactly_once($standby, $rows, 'promoted');

$standby->stop;
done_testing();
