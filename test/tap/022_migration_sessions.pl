# Ten sessions apply the same mixed migration at once, directly and through
# PgBouncer in transaction mode: one submits it, the others are told so, none
# hangs, and no lock stays behind.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
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
	$node->safe_psql('postgres', "CALL ec_wait_migration('$version', '1min')");

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
	my $pgbouncer = (grep { -x } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin')[0];

	skip 'pgbouncer is not installed', 1 unless defined $pgbouncer;

	my $directory = PostgreSQL::Test::Utils::tempdir_short();
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	my $user = $node->safe_psql('postgres', 'SELECT current_user');
	my ($host, $server_port) = ($node->host, $node->port);

	append_to_file("$directory/users.txt", qq{"$user" ""\n});
	# fewer server connections than sessions, so that they change hands
	append_to_file("$directory/pgbouncer.ini", qq{
[databases]
postgres = host=$host port=$server_port dbname=postgres
[pgbouncer]
listen_addr =
unix_socket_dir = $directory
listen_port = $port
auth_type = trust
auth_file = $directory/users.txt
pool_mode = transaction
default_pool_size = 3
logfile = $directory/pgbouncer.log
}) ;
	my $bouncer = IPC::Run::start([ $pgbouncer, '-q', "$directory/pgbouncer.ini" ],
		'>', '/dev/null', '2>', '/dev/null');
	my $tries = 10 * $PostgreSQL::Test::Utils::timeout_default;
	usleep(100_000) while !-S "$directory/.s.PGSQL.$port" && $tries-- > 0;
	my $connection = "host=$directory port=$port dbname=postgres user=$user";

	ask_all_at_once('pooled', '002', $connection);
	$node->safe_psql('postgres', q{SELECT ec_apply('003', 'VACUUM b')}, connstr => $connection);
	$node->safe_psql('postgres', q{CALL ec_wait_migration('003', '1min')}, connstr => $connection);
	is($node->safe_psql('postgres', q{SELECT state FROM ec_migrations WHERE version = '003'}),
		'applied', 'pooled: waiting works as well');
	$bouncer->kill_kill;
}

$node->stop;
done_testing();
