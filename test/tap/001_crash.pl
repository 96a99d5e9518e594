# A worker is killed, the server is restarted, nothing is preloaded: the job
# says so, and goes on where it stopped when it is told to.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $rows = $ENV{EC_TEST_ROWS} || 1_000_000;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "restart_after_crash = on\nautovacuum = off");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION expand_contract');
audited_table($node, $rows);

my $job = $node->safe_psql('postgres',
	q{SELECT ec_backfill('users', 'email = lower(name)', 'email IS NULL', delay_ms => 1)}
);

# kill -9 in the middle
wait_for_rows($node, $job, $rows / 5);
kill_worker($node, $job);
is( $node->safe_psql('postgres',
		"SELECT state, workers FROM ec_progress WHERE job = $job"),
	'interrupted|0',
	'after the crash the job is interrupted');
like(
	$node->safe_psql('postgres',
		"SELECT last_error FROM ec_progress WHERE job = $job"),
	qr/lost its worker.*SELECT ec_resume\($job\)/,
	'with the way out in a hint');
cmp_ok(
	$node->safe_psql('postgres',
		"SELECT rows_done FROM ec_progress WHERE job = $job"),
	'==',
	$node->safe_psql('postgres',
		'SELECT count(*) FROM users WHERE email IS NOT NULL'),
	'the position is that of the rows');

my ($code, $stdout, $stderr) =
  $node->psql('postgres', "CALL ec_wait($job)");
isnt($code, 0, 'waiting for an interrupted job is an error');
like($stderr, qr/job $job is interrupted/, 'that says so');

is($node->safe_psql('postgres', "SELECT ec_resume($job)"),
	'queued', 'the job is resumed');

# a restart in the middle
wait_for_rows($node, $job, $rows / 2);
$node->restart;
is( $node->safe_psql('postgres',
		"SELECT state FROM ec_progress WHERE job = $job"),
	'interrupted',
	'after a restart the job is interrupted');
$node->safe_psql('postgres', "SELECT ec_resume($job)");

# an immediate shutdown, which loses what was committed asynchronously
wait_for_rows($node, $job, $rows * 3 / 4);
$node->stop('immediate');
$node->start;
is( $node->safe_psql('postgres',
		"SELECT state FROM ec_progress WHERE job = $job"),
	'interrupted',
	'after an immediate shutdown the job is interrupted');
$node->safe_psql('postgres', "SELECT ec_resume($job)");

$node->safe_psql('postgres', "CALL ec_wait($job)");
check_exactly_once($node, $rows, 'killed and restarted');
is( $node->safe_psql('postgres',
		"SELECT state, rows_done, percent FROM ec_progress WHERE job = $job"),
	"done|$rows|100.0",
	'the job is done');

# A terminated worker leaves an interrupted job as well.
$node->safe_psql('postgres', 'UPDATE users SET email = NULL; TRUNCATE audit');
$job = $node->safe_psql('postgres',
	q{SELECT ec_backfill('users', 'email = lower(name)', 'email IS NULL', delay_ms => 1)}
);
wait_for_rows($node, $job, $rows / 5);
$node->safe_psql('postgres',
	'SELECT pg_terminate_backend(' . worker_pid($node, $job) . ', 10000)');
is( $node->safe_psql('postgres',
		"SELECT state FROM ec_progress WHERE job = $job"),
	'interrupted',
	'after pg_terminate_backend the job is interrupted');
$node->safe_psql('postgres', "SELECT ec_configure($job, delay_ms => 0)");
$node->safe_psql('postgres', "SELECT ec_resume($job)");
$node->safe_psql('postgres', "CALL ec_wait($job)");
check_exactly_once($node, $rows, 'terminated');

$node->stop;
done_testing();
