# Functions shared by the TAP tests of expand_contract.
package EcTest;

use strict;
use warnings;

use Exporter 'import';
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

our @EXPORT = qw(audited_table check_exactly_once worker_pid wait_for_rows kill_worker kill_server
	stop_at_once start_pgbouncer build_library);

# Creates a table with an audit trigger that counts the updates of each row.  So a
# row updated twice is noticed, which the predicate of a backfill would hide.
sub audited_table
{
	my ($node, $rows) = @_;

	$node->safe_psql(
		'postgres', qq{
		CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, email text);
		INSERT INTO users SELECT i, 'User' || i, NULL FROM generate_series(1, $rows) i;
		CREATE TABLE audit (id bigint NOT NULL);
		CREATE FUNCTION count_updates() RETURNS trigger LANGUAGE plpgsql AS
			'BEGIN INSERT INTO audit SELECT id FROM updated; RETURN NULL; END';
		CREATE TRIGGER audit AFTER UPDATE ON users REFERENCING NEW TABLE AS updated
			FOR EACH STATEMENT EXECUTE FUNCTION count_updates();
		VACUUM ANALYZE users;
	});
	return;
}

sub check_exactly_once
{
	my ($node, $rows, $name) = @_;

	is( $node->safe_psql(
			'postgres',
			q{SELECT count(*), count(*) FILTER (WHERE email = lower(name)) FROM users}),
		"$rows|$rows",
		"$name: every row is set");
	is( $node->safe_psql(
			'postgres',
			q{SELECT count(*), count(DISTINCT id) FROM audit}),
		"$rows|$rows",
		"$name: none was updated twice");
	return;
}

sub worker_pid
{
	my ($node, $job) = @_;

	return $node->safe_psql('postgres',
		"SELECT pid FROM expand_contract.live_slots() WHERE job = $job");
}

# Waits until a running job has done at least that many rows.
sub wait_for_rows
{
	my ($node, $job, $rows) = @_;

	$node->poll_query_until('postgres',
		"SELECT state = 'running' AND rows_done >= $rows FROM ec_progress WHERE job = $job")
	  or BAIL_OUT("job $job did not come to $rows rows");
	return;
}

# Kills the worker with SIGKILL, after which the postmaster restarts all processes.
sub kill_worker
{
	my ($node, $job) = @_;
	my $pid = worker_pid($node, $job);
	my $log_offset = -s $node->logfile;

	like($pid, qr/^\d+$/, 'a worker is at the job');
	kill 'KILL', $pid or die "could not kill $pid: $!";
	$node->wait_for_log(qr/database system is ready to accept connections/,
		$log_offset);
	$node->poll_query_until('postgres', 'SELECT true')
	  or BAIL_OUT('the server did not come back');
	return;
}

# Kills the postmaster and all its children, at once, so that nobody can tidy up.
# A new one starts as soon as whoever is their parent has taken notice.
sub kill_server
{
	my ($node) = @_;
	my $postmaster = $node->{_pid};
	my @children = split /\n/, `pgrep -P $postmaster`;
	my $tries = 10 * $PostgreSQL::Test::Utils::timeout_default;

	$node->kill9;
	kill 'KILL', @children;
	usleep(100_000) while kill(0, $postmaster) && $tries-- > 0;
	while (!$node->start(fail_ok => 1))
	{
		BAIL_OUT('the server does not start') if --$tries <= 0;
		usleep(100_000);
	}
	return;
}

# Stops the server in immediate mode, as a crash would.  restart() does not accept
# a mode on every version.
sub stop_at_once
{
	my ($node) = @_;

	$node->stop('immediate');
	$node->start;
	return;
}

# Starts a PgBouncer in transaction mode with so few server connections that
# clients share them.  Returns its process and a connection string, or nothing if
# PgBouncer is not installed.
sub start_pgbouncer
{
	my ($node, $pool_size) = @_;
	my $pgbouncer = (grep { -x } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin')[0];

	return unless defined $pgbouncer;
	my $directory = PostgreSQL::Test::Utils::tempdir_short();
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	my $user = $node->safe_psql('postgres', 'SELECT current_user');
	my ($host, $server_port) = ($node->host, $node->port);

	append_to_file("$directory/users.txt", qq{"$user" ""\n});
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
default_pool_size = $pool_size
logfile = $directory/pgbouncer.log
});
	my $process = IPC::Run::start([ $pgbouncer, '-q', "$directory/pgbouncer.ini" ],
		'>', '/dev/null', '2>', '/dev/null');
	my $tries = 10 * $PostgreSQL::Test::Utils::timeout_default;
	usleep(100_000) while !-S "$directory/.s.PGSQL.$port" && $tries-- > 0;
	return ($process, "host=$directory port=$port dbname=postgres user=$user");
}

# Compiles a library from C source.  Returns its path without the suffix, as
# shared_preload_libraries and LOAD take it, or undef without a compiler and the
# server's headers.
sub build_library
{
	my ($name, $source) = @_;
	my $directory = PostgreSQL::Test::Utils::tempdir();
	my $output;

	append_to_file("$directory/$name.c", $source);
	append_to_file("$directory/Makefile",
		"MODULES = $name\nPG_CONFIG ?= pg_config\nPGXS := \$(shell \$(PG_CONFIG) --pgxs)\ninclude \$(PGXS)\n");
	return
	  unless IPC::Run::run([ 'make', '-s', '-C', $directory, 'with_llvm=no' ],
		'>&', \$output);
	return "$directory/$name";
}

1;
