# The application always wins: transactions that lock many rows against the
# workers' direction, at full speed, while jobs update the same rows.
#
# A worker goes up through the table, the transactions go down, so each holds
# what the other wants next.  Under the same load, and in the same run, a batch
# that simply waits for its rows gets somebody into a deadlock: that is tried
# first, for a test that cannot fail would say nothing.
#
# Then jobs run, one after the other, with two workers and no pause.  The
# server is the judge: it logs deadlocks, and each wait that lasts for
# deadlock_timeout with the processes that are waited for.  No session may be
# a deadlock's victim, and none may have waited so long for a worker: a batch that
# may wait for locks ends within half of deadlock_timeout, which leaves the other
# half to a machine that is busy.
#
#	EC_DEADLOCK_SECONDS	for how long jobs run (6)
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use List::Util qw(max);
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seconds = $ENV{EC_DEADLOCK_SECONDS} || 6;
my $rows = 20_000;
my $rows_locked = 8;
my $directory = PostgreSQL::Test::Utils::tempdir();

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'expand_contract'
deadlock_timeout = 3s
log_lock_waits = on
log_statement = none
log_line_prefix = '%p '
autovacuum = off
});
$node->start;
$node->safe_psql(
	'postgres', qq{
	CREATE EXTENSION expand_contract;
	CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL DEFAULT 0, generation int NOT NULL DEFAULT 0,
		filler text NOT NULL DEFAULT repeat('x', 200));
	INSERT INTO accounts SELECT generate_series(1, $rows);
	VACUUM ANALYZE accounts;
});

# ------------------------------------------------------------ the application

# Rows from top to bottom, in small steps: next to each other in the table.
sub write_script
{
	my ($name, $statement, $end) = @_;
	my $script = "\\set top random($rows / 10, $rows)\n\\set step random(1, $rows / 10 / $rows_locked)\nBEGIN;\n";

	$script .= "$statement WHERE id = :top - $_ * :step" . ($statement =~ /SELECT/ ? ' FOR UPDATE' : '') . ";\n"
	  for 0 .. $rows_locked - 1;
	append_to_file("$directory/$name", "$script$end;\n");
	return;
}

write_script('update', 'UPDATE accounts SET balance = balance + 1', 'COMMIT');
write_script('lock', 'SELECT FROM accounts', 'COMMIT');
write_script('rollback', 'UPDATE accounts SET balance = balance - 1', 'ROLLBACK');

# The application, for some time or until it is stopped.
sub start_application
{
	my ($name, $duration) = @_;
	my @command = ('pgbench', '-n', '-c', 4, '-T', $duration, '-l', '--log-prefix', "$directory/$name.log",
		(map { ('-f', "$directory/$_") } qw(update lock rollback)), $node->connstr('postgres') . ' application_name=application');
	my $pid = fork();

	die "could not fork: $!" if !defined $pid;
	return { name => $name, pid => $pid, output => "$directory/$name.output" } if $pid;
	open STDIN, '<', '/dev/null';
	open STDOUT, '>', "$directory/$name.output";
	open STDERR, '>&', \*STDOUT;
	exec @command or POSIX::_exit(127);
}

# The longest of its transactions, in milliseconds, and how many there were.
sub finish_application
{
	my ($application) = @_;
	my @latencies;

	waitpid $application->{pid}, 0;
	for my $file (glob "$directory/$application->{name}.log.*")
	{
		push @latencies, map { (split)[2] / 1000 } split /\n/, slurp_file($file);
	}
	return (max(@latencies), scalar @latencies);
}

sub server_log
{
	my ($offset) = @_;

	return slurp_file($node->logfile, $offset);
}

# ------------------------------------------------------------ control

my $clients = q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'application'};

# One UPDATE after the other, in the order of the table, waits for what it meets.
my $offset = -s $node->logfile;
my $application = start_application('control', 3600);
my $tries = 0;
while (server_log($offset) !~ /deadlock detected/ && $tries++ < 1000)
{
	$node->psql('postgres', 'UPDATE accounts SET generation = 0 WHERE ctid >= \'(0,0)\'');
}
kill 'TERM', $application->{pid};
waitpid $application->{pid}, 0;
like(server_log($offset), qr/deadlock detected/,
	'with batches that wait for rows, the load runs into a deadlock');
$node->poll_query_until('postgres', "SELECT ($clients) = 0");
$node->safe_psql('postgres', 'VACUUM FULL accounts');

# ------------------------------------------------------------ without a job

my ($slowest_alone, $count_alone) = finish_application(start_application('alone', 3));
note(sprintf('alone: %d transactions, the slowest %.0f ms', $count_alone, $slowest_alone));

# ------------------------------------------------------------ with jobs

$offset = -s $node->logfile;
$application = start_application('jobs', $seconds);
$node->poll_query_until('postgres', "SELECT ($clients) > 0");
my $generation = 0;
my $errors = '';
while ($node->safe_psql('postgres', $clients) > 0)
{
	$generation++;
	my $job = $node->safe_psql('postgres',
		"SELECT ec_backfill('accounts', 'generation = $generation', 'generation < $generation', workers => 2, delay_ms => 0)");
	my ($code, undef, $stderr) = $node->psql('postgres', "CALL ec_wait($job)");
	$errors .= $stderr if $code != 0;
}
my ($slowest, $count) = finish_application($application);
my $log = server_log($offset);
my $skipped = $node->safe_psql('postgres', 'SELECT sum(skipped_locked) FROM ec_progress');
note(sprintf('with %d jobs: %d transactions, the slowest %.0f ms; %d rows were met locked',
	$generation, $count, $slowest, $skipped));

is($errors, '', 'all jobs are done');
is($node->safe_psql('postgres', "SELECT count(*) FROM accounts WHERE generation <> $generation"),
	'0', 'every row is set');
cmp_ok($skipped, '>', 0, 'workers and application have met');
cmp_ok($count, '>', 0, 'the application has worked');
unlike($log, qr/deadlock detected/, 'nobody was in a deadlock');
my $output = slurp_file($application->{output});
like($output, qr/number of failed transactions: 0 /, 'no transaction failed');
unlike($output, qr/aborted/, 'and no client gave up');

# Who waits for a worker is logged after deadlock_timeout.
my %worker = map { $_ => 1 } $log =~ /^(\d+) LOG:  expand_contract job \d+ started/mg;
my @waits = grep {
	grep { $worker{$_} } $_ =~ /\d+/g
} $log =~ /still waiting for .*\n.*DETAIL:  Process(?:es)? holding the lock: ([\d, ]+)\./g;
cmp_ok(scalar keys %worker, '>=', 2 * $generation, 'the workers are known');
is(scalar @waits, 0, 'nobody has waited for a worker for deadlock_timeout');

$node->stop;
done_testing();
