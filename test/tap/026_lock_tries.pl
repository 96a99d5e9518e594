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
# one that wishes to wait less in all gives up earlier
{
	my ($code, undef, $stderr) = $node->psql('postgres',
		q{SET expand_contract.lock_timeout = '10min'; SELECT ec_apply('1', 'SET lock_timeout = ''1s''; ALTER TABLE t ADD COLUMN b integer')});
	like($stderr, qr/lock timeout/, 'a script can shorten the whole wait');
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

$node->stop;
done_testing();
