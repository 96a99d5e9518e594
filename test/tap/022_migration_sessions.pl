# Ten sessions apply the same mixed migration at once, directly and through
# PgBouncer in transaction mode: one submits it, the others are told so, none
# hangs, and no lock stays behind.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use EcTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $sessions = 10;
my $calls = 5;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'max_worker_processes = 16');
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION expand_contract;
	CREATE TABLE answers (way text, answer text);
	CREATE TABLE b (id int, name text);
	INSERT INTO b SELECT i, 'User' || i FROM generate_series(1, 20000) i;
});

# Each session asks several times, the first time all at once; the table of
# answers keeps them, committed with what they tell.
sub ask_all_at_once
{
	my ($way, $version, $connection) = @_;
	my $file = $node->basedir . "/$way.sql";

	append_to_file($file, qq{
		INSERT INTO answers SELECT '$way', ec_apply('$version', \$\$
			CREATE TABLE made_$way ();
			CREATE INDEX CONCURRENTLY b_$way ON b (name);
			INSERT INTO answers VALUES ('$way', 'ran') \$\$);
	} =~ s/\s*\n\s*/ /gr . "\n");
	# what fails, fails its client: none may
	my $log = '';
	my $pgbench = IPC::Run::start(
		[ 'pgbench', '-n', '-c', $sessions, '-j', 2, '-t', $calls, '-f', $file, $connection ],
		'>', \$log, '2>&1', IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	ok($pgbench->finish, "$way: none of $sessions sessions fails or hangs") or diag($log);
	$node->safe_psql('postgres', "CALL ec_wait_migration('$version', '5min')");

	is( $node->safe_psql('postgres',
			"SELECT count(*) FILTER (WHERE answer <> 'ran'), count(*) FILTER (WHERE answer = 'ran'),
				bool_and(answer IN ('queued', 'running', 'unchanged', 'ran')) FROM answers WHERE way = '$way'"),
		$sessions * $calls . '|1|t',
		"$way: all have an answer, and one has run it");
	is( $node->safe_psql('postgres',
			"SELECT string_agg(event, ' ' ORDER BY id) FROM expand_contract.migration_events WHERE version = '$version'"),
		'submit apply',
		"$way: it was submitted once");
	is( $node->safe_psql('postgres',
			"SELECT state, steps_done, indisvalid FROM ec_migrations, pg_index
			  WHERE version = '$version' AND indexrelid = 'b_$way'::regclass"),
		'applied|3|t',
		"$way: it is applied");
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory'");
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"),
		'0', "$way: no lock is left, by sessions that go on");
	return;
}

ask_all_at_once('directly', '001', $node->connstr('postgres'));

SKIP:
{
	my ($bouncer, $connection) = start_pgbouncer($node, 3);

	skip 'pgbouncer is not installed', 1 unless defined $bouncer;
	ask_all_at_once('pooled', '002', $connection);
	$node->safe_psql('postgres', q{SELECT ec_apply('003', 'VACUUM b')}, connstr => $connection);
	$node->safe_psql('postgres', q{CALL ec_wait_migration('003', '5min')}, connstr => $connection);
	is($node->safe_psql('postgres', q{SELECT state FROM ec_migrations WHERE version = '003'}),
		'applied', 'pooled: waiting works as well');
	$bouncer->kill_kill;
}

$node->stop;
done_testing();
