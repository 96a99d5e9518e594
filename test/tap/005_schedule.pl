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
	like($stderr, qr/the job would not be started.*\n.*$argument needs the launcher.*\n.*shared_preload_libraries/,
		'and the hint says how to have it');
}
is($node->safe_psql('postgres', 'SELECT count(*) FROM ec_progress'),
	'0', 'no job was entered');

$node->append_conf('postgresql.conf', "shared_preload_libraries = 'expand_contract'");
$node->restart;
$node->poll_query_until('postgres', 'SELECT expand_contract.launcher_running()');

# What has to be seen before a moment is looked at in time, or else the moment was
# too near for a machine as busy as this: once more, with all times four times as
# long.  The code says that the moment has passed by dying with "late".
sub in_time
{
	my ($code) = @_;

	for my $factor (1, 4, 16, 64)
	{
		return if eval { $code->($factor); 1 };
		die $@ if $@ !~ /^late/;
		note("too late with a factor of $factor");
		$node->safe_psql('postgres',
			'SELECT ec_cancel(job) FROM ec_progress WHERE finished_at IS NULL');
	}
	BAIL_OUT('this machine is too slow for times of minutes');
}

sub late_after
{
	my ($moment) = @_;

	die "late\n" if $node->safe_psql('postgres', "SELECT clock_timestamp() >= $moment") eq 't';
	return;
}

# A start time.
my $job;
in_time(sub {
	my ($factor) = @_;

	$job = new_job(qq{start_at => now() + interval '3 s' * $factor, delay_ms => 0});
	my $queued = $node->safe_psql('postgres',
		"SELECT state, workers, throttled_by ~ '^start at \\d{4}-', started_at FROM ec_progress WHERE job = $job");
	$node->safe_psql('postgres', "SELECT ec_resume($job)");
	my $resumed = $node->safe_psql('postgres',
		"SELECT state, workers, started_at FROM ec_progress WHERE job = $job");
	late_after("(SELECT start_at FROM expand_contract.jobs WHERE id = $job)");
	is($queued, 'queued|0|t|', 'before its start time a job is queued and has no worker');
	is($resumed, 'queued|0|', 'ec_resume does not start it before');
});
$node->safe_psql('postgres', "CALL ec_wait($job)");
is( $node->safe_psql('postgres',
		"SELECT p.state, p.started_at >= start_at FROM ec_progress p JOIN expand_contract.jobs ON id = p.job WHERE job = $job"),
	'done|t',
	'the launcher starts it, and not before');

# Windows on a clock that is not the server's: closed, open, closed, and open.
my $zone = 'Asia/Kolkata';
my ($begin, $opens, $done);
in_time(sub {
	my ($factor) = @_;
	my $reopened = "'%s'::timestamptz + interval '%s s'";

	$opens = 9 * $factor;
	$node->safe_psql('postgres', 'UPDATE users SET email = NULL');
	$begin = $node->safe_psql('postgres', 'SELECT now()');
	$reopened = sprintf($reopened, $begin, $opens);
	my @clock = map { clock($_, $zone) } 2 * $factor, 4 * $factor, $opens, 3600;
	$job = $node->safe_psql('postgres',
		"SET TimeZone = '$zone'; "
		  . submit("run_window => '$clock[0]-$clock[1], $clock[2]-$clock[3]', batch_size => 10, delay_ms => 600000"));
	my $before = $node->safe_psql('postgres',
		"SELECT state, workers, throttled_by ~ '^run window opens \\d{4}-' FROM ec_progress WHERE job = $job");
	late_after("'$begin'::timestamptz + interval '2 s' * $factor");
	$node->poll_query_until('postgres', "SELECT state = 'running' AND rows_done > 0 FROM ec_progress WHERE job = $job");
	late_after($reopened);
	$node->poll_query_until('postgres', qq{
		SELECT state = 'queued' AND workers = 0 AND throttled_by ~ '^run window opens'
			OR clock_timestamp() > $reopened FROM ec_progress WHERE job = $job});
	late_after($reopened);
	$done = $node->safe_psql('postgres', "SELECT rows_done FROM ec_progress WHERE job = $job");
	$node->restart;
	my $restarted = $node->safe_psql('postgres',
		"SELECT state, workers, rows_done FROM ec_progress WHERE job = $job");
	late_after($reopened);
	is($before, 'queued|0|t', 'outside of its window a job is queued and has no worker');
	pass('the launcher starts it when the window opens');
	pass('it leaves when the window closes, even out of a long pause');
	is($restarted, "queued|0|$done", 'a restart does not start it');
});
$node->safe_psql('postgres', "SELECT ec_configure($job, delay_ms => 0)");
wait_for($job, "state = 'done' AND rows_done = $rows",
	'it goes on to the end when the window opens again');
cmp_ok(
	$node->safe_psql('postgres',
		"SELECT extract(epoch FROM finished_at - '$begin'::timestamptz) FROM ec_progress WHERE job = $job"),
	'>=', $opens - 1, # less the fraction that a clock does not show
	'and not before');

# Paused in its window, resumed outside of it.
in_time(sub {
	my ($factor) = @_;

	$job = new_job("run_window => '" . clock(-60, 'UTC') . '-' . clock(3 * $factor, 'UTC') . "', batch_size => 10, delay_ms => 600000");
	my $closed = "SELECT expand_contract.next_run(start_at, run_window, 'UTC', now()) > now() FROM expand_contract.jobs WHERE id = $job";
	$node->poll_query_until('postgres',
		"SELECT state = 'running' AND rows_done > 0 OR ($closed) FROM ec_progress WHERE job = $job");
	$node->safe_psql('postgres', "SELECT ec_pause($job)");
	die "late\n" if $node->safe_psql('postgres', $closed) eq 't';
	pass('an open window lets a job run at once');
	$node->poll_query_until('postgres', $closed);
});
is($node->safe_psql('postgres', "SELECT ec_resume($job)"), 'queued', 'resumed outside of its window it is queued');
is( $node->safe_psql('postgres',
		"SELECT state, workers, throttled_by ~ '^run window opens' FROM ec_progress WHERE job = $job"),
	'queued|0|t',
	'and stays so');
is($node->safe_psql('postgres', "SELECT ec_cancel($job)"), 'cancelled', 'a job that waits can be cancelled');

$node->stop;
done_testing();
