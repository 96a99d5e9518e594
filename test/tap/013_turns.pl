# Nobody holds the workers for ever: a job leaves its place in a long pause, and
# owners and databases take turns.  With the launcher, and without.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nmax_worker_processes = 16");
$node->start;
for my $role (qw(alice bob))
{
	$node->safe_psql('postgres', "CREATE ROLE $role LOGIN; GRANT ALL ON SCHEMA public TO $role");
}
$node->safe_psql('postgres', 'CREATE DATABASE other');
for my $database (qw(postgres other))
{
	$node->safe_psql($database, q{
		CREATE EXTENSION expand_contract;
		SELECT ec_grant('alice'), ec_grant('bob');
		GRANT ALL ON SCHEMA public TO alice, bob;});
}

# As a role, which has a table of its own in each database.
sub as
{
	my ($role, $sql, $database) = @_;

	return $node->safe_psql($database // 'postgres', $sql, extra_params => [ '-U', $role ]);
}

sub new_table
{
	my ($role, $rows, $database) = @_;

	as($role, qq{DROP TABLE IF EXISTS ${role}_rows;
		CREATE TABLE ${role}_rows (id int PRIMARY KEY, v int);
		INSERT INTO ${role}_rows SELECT generate_series(1, $rows);}, $database);
	return;
}

sub new_job
{
	my ($role, $options, $database) = @_;

	return as($role, "SELECT ec_backfill('${role}_rows', 'v = coalesce(v, 0) + 1', 'v IS NULL', $options)", $database);
}

sub poll
{
	my ($condition, $name, $database) = @_;

	ok($node->poll_query_until($database // 'postgres', "SELECT $condition"), $name);
	return;
}

sub of_job
{
	my ($job, $condition) = @_;

	return "(SELECT $condition FROM ec_progress WHERE job = $job)";
}

sub workers
{
	my ($count) = @_;

	$node->append_conf('postgresql.conf', "expand_contract.max_workers = $count");
	$node->reload;
	$node->poll_query_until('postgres', "SELECT current_setting('expand_contract.max_workers') = '$count'");
	return;
}

sub no_jobs
{
	for my $database (qw(postgres other))
	{
		$node->safe_psql($database, q{SELECT ec_cancel(job) FROM ec_progress WHERE state NOT IN ('done', 'cancelled')});
		$node->poll_query_until($database, 'SELECT count(*) = 0 FROM expand_contract.live_slots()');
	}
	return;
}

for my $preloaded (0, 1)
{
	my $with = $preloaded ? 'preloaded' : 'not preloaded';
	my $day = 24 * 60 * 60 * 1000;

	if ($preloaded)
	{
		$node->append_conf('postgresql.conf', "shared_preload_libraries = 'expand_contract'");
		$node->restart;
		poll('expand_contract.launcher_running()', "$with: the launcher runs");
	}

	# Two tiny jobs that pause for a day.
	workers(2);
	new_table('alice', 5);
	new_table('bob', 1000);
	my @tiny = map { new_job('alice', "batch_size => 1, delay_ms => $day") } 1 .. 2;
	poll(of_job($_, 'rows_done = 1'), "$with: job $_ pauses") for $tiny[0];
	poll('(SELECT count(*) = 2 FROM expand_contract.live_slots())', "$with: both places are taken");
	poll('(SELECT sum(rows_done) = 2 FROM ec_progress WHERE job IN (' . join(',', @tiny) . '))', "$with: both pause");
	my $job = new_job('bob', 'delay_ms => 0');
	poll(of_job($job, q{state = 'done'}), "$with: another job gets a place of theirs");
	is($node->safe_psql('postgres', 'SELECT count(*), sum(rows_done) FROM ec_progress WHERE job IN (' . join(',', @tiny) . q{) AND state IN ('queued', 'running')}),
		'2|2', "$with: the two are not over, and have not gone on");
	if ($preloaded)
	{
		# the launcher starts it when its pause is over
		like($node->safe_psql('postgres', "SELECT string_agg(throttled_by, ' ') FROM ec_progress WHERE state = 'queued'"),
			qr/^delay until /, "$with: the one that has left is to come back");
	}
	else
	{
		# nobody else could: it is back, and leaves again when asked
		poll('(SELECT count(*) = 2 FROM expand_contract.live_slots())', "$with: the one that has left is back, and pauses");
		$job = as('bob', q{SELECT ec_backfill('bob_rows', 'v = 2', 'v = 1', delay_ms => 0)});
		poll(of_job($job, q{state = 'done'}), "$with: and it leaves again");
	}
	$node->safe_psql('postgres', "SELECT ec_configure(job, delay_ms => 0) FROM ec_progress WHERE job IN ($tiny[0], $tiny[1])");
	poll(of_job($_, q{state = 'done'}), "$with: with another pace job $_ goes on at once") for @tiny;

	# A pause that ends by itself, of a job that has left.
	workers(1);
	new_table('alice', 2);
	new_table('bob', 1000);
	my $short = new_job('alice', 'batch_size => 1, delay_ms => 6000');
	poll(of_job($short, 'rows_done = 1'), "$with: a job pauses for some seconds");
	$job = new_job('bob', 'delay_ms => 0');
	poll(of_job($job, q{state = 'done'}), "$with: another one is done meanwhile");
	poll(of_job($short, q{state = 'done'}), "$with: then it goes on");

	# Turns: a job without end, and one of another owner.
	new_table('alice', 100000);
	new_table('bob', 1);
	my $endless = new_job('alice', 'batch_size => 1, delay_ms => 20');
	poll(of_job($endless, 'rows_done > 0'), "$with: a long job runs");
	$job = new_job('bob', 'delay_ms => 0');
	poll(of_job($job, q{throttled_by = 'no worker is free: 1 of 1 at work for alice in database postgres' OR state = 'done'}),
		"$with: it is said for whom the worker is at work");
	poll(of_job($job, q{state = 'done'}), "$with: a job of another owner gets its turn");
	my $before = $node->safe_psql('postgres', "SELECT rows_done FROM ec_progress WHERE job = $endless");
	poll(of_job($endless, "state = 'running' AND rows_done > $before"), "$with: and then the long job goes on");

	# Another database.
	if ($preloaded)
	{
		new_table('alice', 1, 'other');
		$job = new_job('alice', 'delay_ms => 0', 'other');
		poll(of_job($job, q{state = 'done'}), "$with: a job of another database gets its turn", 'other');
		$before = $node->safe_psql('postgres', "SELECT rows_done FROM ec_progress WHERE job = $endless");
		poll(of_job($endless, "state = 'running' AND rows_done > $before"), "$with: and then the long job goes on");
	}
	workers(0);
	$job = as('bob', q{SELECT ec_backfill('bob_rows', 'v = 3', 'v = 1', delay_ms => 0)});
	is($node->safe_psql('postgres', "SELECT throttled_by FROM ec_progress WHERE job = $job"),
		'no worker is free: expand_contract.max_workers is 0', "$with: none at all is said, too");
	workers(2);
	no_jobs();
}

$node->stop;
done_testing();
