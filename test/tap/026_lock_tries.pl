# A try for a lock is short whatever the script sets, and an autovacuum gives way.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('lock_tries');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
autovacuum_naptime = 1s
autovacuum_vacuum_cost_limit = 1
autovacuum_vacuum_cost_delay = 100ms
deadlock_timeout = 1s
});
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION expand_contract;
	CREATE TABLE t (id integer PRIMARY KEY, a text) WITH (autovacuum_enabled = off);
	CREATE TABLE first (id integer PRIMARY KEY) WITH (autovacuum_enabled = off);
	CREATE TABLE busy (id integer PRIMARY KEY, a text, b text) WITH (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0);
	INSERT INTO busy SELECT g, repeat('x', 500) FROM generate_series(1, 20000) g;});

# What the application waits behind a script that says how long it would like to
# wait: far less than that, and less than all tries together.
my $holder = $node->background_psql('postgres');
$holder->query_safe('BEGIN; SELECT count(*) FROM t');
for my $wish (
	q{SET lock_timeout = '10min'},
	q{SET LOCAL lock_timeout = 0},
	q{SELECT set_config('lock_timeout', '10min', false)},
	q{DO $d$ BEGIN PERFORM set_config('lock_timeout', '10min', true); ALTER TABLE t ADD COLUMN z integer; END $d$},
	q{SET deadlock_timeout = '10min'})
{
	my $version = 1 + $node->safe_psql('postgres', 'SELECT count(*) FROM ec_migrations');
	my ($stdout, $stderr) = ('', '');
	my $script = "$wish; ALTER TABLE t ADD COLUMN b integer";
	my $apply = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', q{SET expand_contract.lock_timeout = '6s'},
		  '-c', "SELECT ec_apply('$version', \$script\$$script\$script\$)" ],
		'>', \$stdout, '2>', \$stderr);
	my $failed = 0;
	my $probes = 0;

	# a hundred times as long as a try: no load makes that of one
	while ($apply->pumpable)
	{
		$probes++;
		$failed++ if $node->psql('postgres', q{SET lock_timeout = '100s'; SELECT count(*) FROM t}) != 0;
		$apply->pump_nb;
	}
	$apply->finish;
	like($stderr, qr/canceling statement due to lock timeout/, "$wish: the script did not get the lock");
	like($stderr, qr/Locks on "t" are held by pid \d+|expand_contract.lock_timeout/, 'and says who has it');
	is($failed, 0, "no read of $probes waited for long");
}
# A script that holds one lock and asks for others again and again: the waits of a
# try are short together, too, or the first try alone would last for minutes.
for my $again (
	q{BEGIN ALTER TABLE t ADD COLUMN z integer; EXCEPTION WHEN lock_not_available THEN NULL; END},
	q{BEGIN LOCK TABLE t; EXCEPTION WHEN OTHERS THEN NULL; END})
{
	my ($stdout, $stderr) = ('', '');
	my $apply = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', q{SET expand_contract.lock_timeout = '6s'},
		  '-c', "SELECT ec_apply('sum', \$script\$ALTER TABLE first ADD COLUMN b integer;
			DO \$d\$ BEGIN FOR i IN 1 .. 5000 LOOP $again; END LOOP; END \$d\$\$script\$)" ],
		'>', \$stdout, '2>', \$stderr);
	my $failed = 0;
	my $probes = 0;

	while ($apply->pumpable)
	{
		$probes++;
		$failed++ if $node->psql('postgres', q{SET lock_timeout = '100s'; SELECT count(*) FROM first}) != 0;
		$apply->pump_nb;
	}
	$apply->finish;
	like($stderr, qr/canceling statement due to lock timeout/, 'the script gives up');
	is($failed, 0, "no read of $probes waited for the sum of its waits");
	is($node->safe_psql('postgres', q{SELECT count(*) FROM ec_migrations WHERE version = 'sum'}), '0', 'nothing has changed');
}
# one that wishes to wait less in all gives up earlier
{
	my ($code, undef, $stderr) = $node->psql('postgres',
		q{SET expand_contract.lock_timeout = '10min'; SELECT ec_apply('1', 'SET lock_timeout = ''1s''; ALTER TABLE t ADD COLUMN b integer')});
	like($stderr, qr/lock timeout/, 'a script can shorten the whole wait');
}

# The same of a mixed script, which a worker runs: each of its transactions tries.
# It ends as failed, and its locks never kept a reader for long.
for my $tried (
	[ 'a transactional step', 'CREATE INDEX CONCURRENTLY ON first (id); ALTER TABLE t ADD COLUMN m integer' ],
	[ 'a top-level step', 'CREATE INDEX CONCURRENTLY ON first (id); VACUUM FULL t' ],
	[ 'a step that sets its own', q{CREATE INDEX CONCURRENTLY ON first (id); SET lock_timeout = '10min'; ALTER TABLE t ADD COLUMN m integer} ])
{
	my ($name, $script) = @$tried;
	my ($stdout, $stderr) = ('', '');
	my $wait = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', q{SET expand_contract.lock_timeout = '4s'},
		  '-c', "SELECT ec_apply('mixed', \$script\$$script\$script\$, phase => 'contract', allow => '{not_in_script,rewrite_table,lock_table,hold_lock}')",
		  '-c', q{CALL ec_wait_migration('mixed')} ],
		'>', \$stdout, '2>', \$stderr);
	my $failed = 0;
	my $probes = 0;

	while ($wait->pumpable)
	{
		$probes++;
		$failed++ if $node->psql('postgres', q{SET lock_timeout = '100s'; SELECT count(*) FROM t}) != 0;
		$wait->pump_nb;
	}
	$wait->finish;
	like($stderr, qr/lock timeout/, "mixed, $name: does not get the lock");
	is($failed, 0, "mixed, $name: no read of $probes waited for long");
	$node->psql('postgres', q{SELECT ec_rollback('mixed')});
	$node->psql('postgres', q{CALL ec_wait_migration('mixed')});
	$node->safe_psql('postgres', q{DELETE FROM expand_contract.schema_migrations WHERE version = 'mixed'});
}
$holder->query_safe('COMMIT');
$holder->quit;

# An autovacuum that would take for ever gives way to each of the loops.
sub wait_for_autovacuum
{
	$node->safe_psql('postgres', q{UPDATE busy SET a = repeat('y', 500)});
	$node->poll_query_until('postgres',
		q{SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)
		   WHERE a.backend_type = 'autovacuum worker' AND l.relation = 'busy'::regclass AND l.granted)})
	  or die 'no autovacuum came';
	return;
}
for my $loop (
	[ 'ec_apply', q{SELECT ec_apply('001', 'ALTER TABLE busy ADD COLUMN c text')} ],
	[ 'ec_expand', q{SELECT ec_expand('busy_b', 'busy', '{"b": "upper(a)"}', '{"a": "lower(b)"}')} ])
{
	my ($name, $command) = @$loop;

	wait_for_autovacuum();
	my ($code, undef, $stderr) = $node->psql('postgres', "SET expand_contract.lock_timeout = '60s'; $command");
	is($code, 0, "an autovacuum gives way to $name") or diag($stderr);
}
# and to the worker, in both kinds of steps
for my $script ('CREATE INDEX CONCURRENTLY ON first (id); ALTER TABLE busy ADD COLUMN d text', 'VACUUM (FULL) first; CLUSTER busy USING busy_pkey')
{
	my $version = '1' . (0 + $node->safe_psql('postgres', 'SELECT count(*) FROM ec_migrations'));

	wait_for_autovacuum();
	my ($code, undef, $stderr) = $node->psql('postgres',
		"SET expand_contract.lock_timeout = '60s'; SELECT ec_apply('$version', '$script', phase => 'contract', allow => '{not_in_script,rewrite_table,lock_table,hold_lock}')");
	is($code, 0, "$script is submitted") or diag($stderr);
	($code, undef, $stderr) = $node->psql('postgres', "CALL ec_wait_migration('$version')");
	is($code, 0, 'and an autovacuum gives way to it') or diag($stderr);
}

$node->stop;
done_testing();
