# Jobs that start later, and those that run at certain hours only: the launcher
# starts them, they hold no worker while they wait, and a restart changes nothing.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $rows = 1000;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf',
	"autovacuum = off\nlog_timezone = 'UTC'\ntimezone = 'UTC'");
$node->start;
$node->safe_psql(
	'postgres', qq{
	CREATE EXTENSION expand_contract;
	CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, email text);
	INSERT INTO users SELECT i, 'User' || i FROM generate_series(1, $rows) i;
});

sub submit
{
	my ($options) = @_;

	return "SELECT ec_backfill('users', 'email = lower(name)', 'email IS NULL', $options)";
}

sub new_job
{
	my ($options) = @_;

	$node->safe_psql('postgres', 'UPDATE users SET email = NULL');
	return $node->safe_psql('postgres', submit($options));
}

# 'HH:MM:SS' so many seconds from now, on the clock of a zone.
sub clock
{
	my ($seconds, $zone) = @_;

	return $node->safe_psql('postgres',
		"SELECT to_char((now() + interval '$seconds s') AT TIME ZONE '$zone', 'HH24:MI:SS')");
}

sub wait_for
{
	my ($job, $condition, $name) = @_;

	ok( $node->poll_query_until('postgres',
			"SELECT $condition FROM ec_progress WHERE job = $job"),
		$name)
	  or BAIL_OUT("job $job: $condition did not come");
	return;
}

# Without a launcher nobody would start them.
for my $option (q{start_at => now() + interval '1 hour'},
	q{run_window => '} . clock(-60, 'UTC') . '-' . clock(60, 'UTC') . q{'})
{
	my ($code, $stdout, $stderr) = $node->psql('postgres', submit($option));
	my ($argument) = split / /, $option;

	isnt($code, 0, "$argument needs the launcher");
	like($stderr, qr/nobody would start the job.*\n.*$argument needs the launcher.*\n.*shared_preload_libraries/,
		'and the hint says how to have it');
}
is($node->safe_psql('postgres', 'SELECT count(*) FROM ec_progress'),
	'0', 'no job was entered');

$node->append_conf('postgresql.conf', "shared_preload_libraries = 'expand_contract'");
$node->restart;
$node->poll_query_until('postgres', 'SELECT expand_contract.launcher_running()');

# A start time.
my $job = new_job(q{start_at => now() + interval '3 s', delay_ms => 0});
is( $node->safe_psql('postgres',
		"SELECT state, workers, throttled_by ~ '^start at \\d{4}-', started_at FROM ec_progress WHERE job = $job"),
	'queued|0|t|',
	'before its start time a job is queued and has no worker');
$node->safe_psql('postgres', "SELECT ec_resume($job)");
is( $node->safe_psql('postgres',
		"SELECT state, workers, started_at FROM ec_progress WHERE job = $job"),
	'queued|0|',
	'ec_resume does not start it before');
$node->safe_psql('postgres', "CALL ec_wait($job)");
is( $node->safe_psql('postgres',
		"SELECT p.state, p.started_at >= start_at, p.started_at < start_at + interval '10 s' FROM ec_progress p JOIN expand_contract.jobs ON id = p.job WHERE job = $job"),
	'done|t|t',
	'the launcher starts it in time');

# Windows on a clock that is not the server's: closed, open, closed, and open.
my $zone = 'Asia/Kolkata';
my $opens = 9;
$node->safe_psql('postgres', 'UPDATE users SET email = NULL');
my $begin = $node->safe_psql('postgres', 'SELECT now()');
my @clock = map { clock($_, $zone) } 2, 4, $opens, 3600;
$job = $node->safe_psql('postgres',
	"SET TimeZone = '$zone'; "
	  . submit("run_window => '$clock[0]-$clock[1], $clock[2]-$clock[3]', batch_size => 10, delay_ms => 600000"));
is( $node->safe_psql('postgres',
		"SELECT state, workers, throttled_by ~ '^run window opens \\d{4}-' FROM ec_progress WHERE job = $job"),
	'queued|0|t',
	'outside of its window a job is queued and has no worker');
wait_for($job, "state = 'running' AND rows_done > 0",
	'the launcher starts it when the window opens');
wait_for($job, "state = 'queued' AND workers = 0 AND throttled_by ~ '^run window opens'",
	'it leaves when the window closes, even out of a long pause');
my $done = $node->safe_psql('postgres', "SELECT rows_done FROM ec_progress WHERE job = $job");
is( $node->safe_psql('postgres',
		"SELECT now() < '$begin'::timestamptz + interval '$opens s'"),
	't',
	'that is before the window opens again');
$node->restart;
is( $node->safe_psql('postgres',
		"SELECT state, workers, rows_done FROM ec_progress WHERE job = $job"),
	"queued|0|$done",
	'a restart does not start it');
$node->safe_psql('postgres', "SELECT ec_configure($job, delay_ms => 0)");
wait_for($job, "state = 'done' AND rows_done = $rows",
	'it goes on to the end when the window opens again');
cmp_ok(
	$node->safe_psql('postgres',
		"SELECT extract(epoch FROM finished_at - '$begin'::timestamptz) FROM ec_progress WHERE job = $job"),
	'>=', $opens - 1, # less the fraction that a clock does not show
	'and not before');

# Paused in its window, resumed outside of it.
$job = new_job("run_window => '" . clock(-60, 'UTC') . '-' . clock(3, 'UTC') . "', batch_size => 10, delay_ms => 600000");
wait_for($job, "state = 'running' AND rows_done > 0", 'an open window lets a job run at once');
$node->safe_psql('postgres', "SELECT ec_pause($job)");
$node->poll_query_until('postgres',
	"SELECT expand_contract.next_run(start_at, run_window, 'UTC', now()) > now() FROM expand_contract.jobs WHERE id = $job");
is($node->safe_psql('postgres', "SELECT ec_resume($job)"), 'queued', 'resumed outside of its window it is queued');
is( $node->safe_psql('postgres',
		"SELECT state, workers, throttled_by ~ '^run window opens' FROM ec_progress WHERE job = $job"),
	'queued|0|t',
	'and stays so');
is($node->safe_psql('postgres', "SELECT ec_cancel($job)"), 'cancelled', 'a job that waits can be cancelled');

$node->stop;
done_testing();
