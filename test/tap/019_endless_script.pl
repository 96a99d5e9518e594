# Scripts of one role that never end cannot hold all workers: when a job of another
# role waits for longer than expand_contract.max_batch_time, one of them is cut
# short, whatever it does about cancels, and begins its step again later.  Where two
# roles hold the workers nobody is, and who waits says for whom.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node;

sub as
{
	my ($role, $sql) = @_;
	return $node->safe_psql('postgres', "SET SESSION AUTHORIZATION $role; $sql");
}

# Submits a migration, which a worker runs, and waits until it is at its endless step.
sub begin_endless
{
	my ($role, $scope, $script) = @_;

	as($role, qq{
		SET expand_contract.statement_timeout = 0;
		SELECT ec_apply('1', \$script\$$script\$script\$, scope => '$scope')});
	$node->poll_query_until('postgres', qq{
		SELECT count(*) = 1 FROM ec_migrations m JOIN ec_progress p ON p.job = m.job
		WHERE m.scope = '$scope' AND p.state = 'running'})
	  or die "$scope does not run";
}

sub workers_of
{
	my ($role) = @_;
	return $node->safe_psql('postgres', qq{
		SELECT coalesce(string_agg(pid::text, ',' ORDER BY pid), '') FROM pg_stat_activity
		WHERE backend_type = 'expand_contract worker' AND usename = '$role'});
}

sub jobs_of
{
	my ($role) = @_;
	return split /\n/, $node->safe_psql('postgres',
		"SELECT job FROM ec_progress WHERE owner = '$role' AND state IN ('queued', 'running', 'interrupted') ORDER BY job");
}

sub is_done
{
	my ($job, $what) = @_;
	my ($status, $out, $err) =
	  $node->psql('postgres', "CALL ec_wait($job, timeout => '150 seconds')");

	is($status, 0, "$what is done") or diag $err;
	return;
}

sub backfill_of
{
	my ($role) = @_;
	return as($role, "SELECT ec_backfill('of_$role', 'v = coalesce(v, 0) + 1', 'v IS NULL', delay_ms => 0)");
}

# Cancels them, and waits until their workers are gone: their rows and scopes are free.
sub end_all
{
	my ($role, $again) = @_;
	my @jobs = jobs_of($role);

	for (1 .. ($again ? 2 : 1))
	{
		$node->safe_psql('postgres', "SELECT ec_cancel($_)") for @jobs;
	}
	ok($node->poll_query_until('postgres', qq{
		SELECT count(*) = 0 FROM pg_stat_activity
		WHERE backend_type = 'expand_contract worker' AND usename = '$role'}),
		"a DBA ends the scripts of $role");
	return;
}

for my $preloaded (1, 0)
{
	my $how = $preloaded ? 'preloaded' : 'not preloaded';

	$node = PostgreSQL::Test::Cluster->new($preloaded ? 'scripts_with' : 'scripts_without');
	$node->init;
	$node->append_conf('postgresql.conf',
		($preloaded ? "shared_preload_libraries = 'expand_contract'\n" : '') . q{
		expand_contract.max_workers = 2
		expand_contract.max_batch_time = '1s'
		autovacuum = off
	});
	$node->start;
	$node->safe_psql(
		'postgres', q{
		CREATE EXTENSION expand_contract;
		CREATE ROLE mallory LOGIN;
		CREATE ROLE bob LOGIN;
		CREATE ROLE carol LOGIN;
		GRANT CREATE ON SCHEMA public TO mallory, bob, carol;
		SELECT ec_grant('mallory'), ec_grant('bob'), ec_grant('carol');
		CREATE TABLE of_mallory (id int PRIMARY KEY, v int);
		CREATE TABLE of_bob (id int PRIMARY KEY, v int);
		INSERT INTO of_bob SELECT generate_series(1, 10);
		ALTER TABLE of_mallory OWNER TO mallory;
		ALTER TABLE of_bob OWNER TO bob;
	});

	my $catching = q{DO $d$ BEGIN LOOP BEGIN PERFORM pg_sleep(3600); EXCEPTION WHEN query_canceled THEN END; END LOOP; END $d$; VACUUM of_mallory};
	my %endless = (
		'that sleep' => ['SELECT pg_sleep(36000); VACUUM of_mallory', 'DO $d$ BEGIN PERFORM pg_sleep(36000); END $d$; VACUUM of_mallory'],
		'that catch cancels' => [$catching, $catching]);

	for my $what (sort keys %endless)
	{
		my $scope = $what =~ s/ /_/gr;

		$node->safe_psql('postgres', 'UPDATE of_bob SET v = NULL');
		begin_endless('mallory', "$scope$_", $endless{$what}[$_]) for (0, 1);
		is_done(backfill_of('bob'), "$how, two scripts $what: a backfill of another role");
		is($node->safe_psql('postgres', 'SELECT count(*) FROM of_bob WHERE v = 1'),
			10, "$how, two scripts $what: with its rows");
		is($node->safe_psql('postgres', "SELECT count(*) FROM ec_migrations WHERE scope ~ '^$scope' AND state = 'failed'"),
			0, "$how, two scripts $what: to be cut short is no failure of a migration");
		end_all('mallory', $what =~ /catch/);
		$node->safe_psql('postgres', "DELETE FROM expand_contract.schema_migrations");
	}
	# sessions that are terminated in a script end, and nothing else does
	for my $n (1 .. 10)
	{
		my ($out, $err) = ('', '');
		my $session = IPC::Run::start [ 'psql', '-X', '-d', $node->connstr('postgres'), '-c', 'SET expand_contract.statement_timeout = 0', '-c', "SELECT ec_apply('2', 'SELECT pg_sleep(36000)')" ],
		  '<', \undef, '>', \$out, '2>', \$err;
		my $script = q{FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query ~ '^SELECT ec_apply' AND backend_type = 'client backend'};

		$node->poll_query_until('postgres', "SELECT count(*) = 1 $script") or die 'no script';
		$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid, 60000) $script");
		$session->finish;
	}
	is($node->safe_psql('postgres', "SELECT count(*) FROM ec_migrations WHERE version = '2'"),
		0, "$how: terminated sessions leave nothing");
	unlike(slurp_file($node->logfile), qr/terminated by signal/, "$how: no process has crashed");
	if ($preloaded)
	{
		# concurrent builds that wait for a transaction of the same role, behind whose
		# lock what they leave could not even be dropped
		my $idle = $node->background_psql('postgres', on_error_stop => 0);

		$idle->query_safe("SET SESSION AUTHORIZATION mallory; BEGIN; INSERT INTO of_mallory VALUES (1);");
		begin_endless('mallory', "build$_", "CREATE INDEX CONCURRENTLY i$_ ON of_mallory (v)") for (0, 1);
		as('bob', "SELECT ec_apply('1', 'CREATE TABLE made (); VACUUM of_bob; DROP TABLE made', scope => 'bob', allow => '{drop_table,drops_its_own}')");
		my ($status, $out, $err) = $node->psql('postgres', "CALL ec_wait_migration('1', timeout => '150 seconds', scope => 'bob')");
		is($status, 0, 'two builds that wait: a migration of another role is done') or diag $err;
		is($node->safe_psql('postgres', "SELECT count(*) FROM ec_migrations WHERE scope ~ '^build' AND state = 'failed'"),
			0, 'two builds that wait: neither has failed');
		$idle->query_safe('COMMIT;');
		$idle->quit;
		for my $n (0, 1)
		{
			($status, $out, $err) = $node->psql('postgres', "CALL ec_wait_migration('1', timeout => '150 seconds', scope => 'build$n')");
			is($status, 0, "build $n is done once it need not wait any more") or diag $err;
		}
		is($node->safe_psql('postgres', "SELECT count(*) FILTER (WHERE indisvalid), count(*) FROM pg_index WHERE indrelid = 'of_mallory'::regclass"),
			'3|3', 'what was cut short has left nothing');

		# two roles: neither is cut short, and who waits says for whom
		begin_endless('mallory', 'of_mallory', 'SELECT pg_sleep(36000); VACUUM of_mallory');
		begin_endless('carol', 'of_carol', 'SELECT pg_sleep(36000); VACUUM of_bob');
		my ($mallory, $carol) = (workers_of('mallory'), workers_of('carol'));
		$node->safe_psql('postgres', 'UPDATE of_bob SET v = NULL');
		my $waits = backfill_of('bob');
		($status) = $node->psql('postgres', "CALL ec_wait($waits, timeout => '4 seconds')");
		isnt($status, 0, 'scripts of two roles hold two workers');
		is(workers_of('mallory') . workers_of('carol'), "$mallory$carol", 'neither is cut short');
		like($node->safe_psql('postgres', "SELECT throttled_by FROM ec_progress WHERE job = $waits"),
			qr/no worker is free: 2 of 2 at work for (mallory|carol) in database postgres, (mallory|carol) in database postgres/,
			'the job that waits says for whom');
		end_all('mallory');
		is_done($waits, 'a backfill after that');
		is(workers_of('carol'), $carol, 'the other goes on');
		end_all('carol');
	}
	$node->stop('immediate');
}
done_testing();
