# What the TAP tests of expand_contract share.
package EcTest;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(audited_table check_exactly_once worker_pid wait_for_rows kill_worker);

# A table whose committed updates are counted, row by row: the predicate of a
# backfill hides what was done twice, an audit does not.
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

# Wait until a job has done that many rows and goes on.
sub wait_for_rows
{
	my ($node, $job, $rows) = @_;

	$node->poll_query_until('postgres',
		"SELECT state = 'running' AND rows_done >= $rows FROM ec_progress WHERE job = $job")
	  or BAIL_OUT("job $job did not come to $rows rows");
	return;
}

# SIGKILL for the worker: the postmaster restarts the whole server.
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

1;
