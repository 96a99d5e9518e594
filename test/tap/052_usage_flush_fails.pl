# While the counters of tracked columns cannot be written down, nothing is known of
# their use: the gates are closed, and say why; the log has the error.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'expand_contract'
max_worker_processes = 16
expand_contract.stabilization_period = 0
});
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION expand_contract;
	CREATE TABLE users (id int PRIMARY KEY, old text, new text);
	SELECT ec_expand('users', 'users', '{"new": "old"}', '{"old": "new"}');
	SELECT ec_track('users', '{old}');
	CREATE PUBLICATION everything FOR ALL TABLES;
});

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

sub wait_for
{
	my ($query, $name) = @_;

	ok($node->poll_query_until('postgres', $query), $name);
	return;
}

my $gates = q{SELECT gate, passed, observed FROM ec_gates('users', 'contract') WHERE gate IN ('old_reads', 'old_writes') ORDER BY gate};

# Flushes go on under the publication: two of them.
wait_for('SELECT count(*) = 1 FROM expand_contract.usage_flush', 'a flush');
my $flushed = sql('SELECT flushed_at FROM expand_contract.usage_flush');
wait_for("SELECT flushed_at > '$flushed' FROM expand_contract.usage_flush",
	'and another one, with a publication of all tables');
wait_for(q{SELECT bool_and(passed) FROM ec_gates('users', 'contract') WHERE gate IN ('old_reads', 'old_writes')},
	'the old column is quiet');

# Somebody takes the key's use away.
my $log = -s $node->logfile;
sql('ALTER TABLE expand_contract.usage_flush REPLICA IDENTITY NOTHING');
wait_for('SELECT unknown_since IS NOT NULL AND unknown_until IS NULL FROM ec_column_usage',
	'a flush that fails makes use unknown');
like(sql($gates), qr/^old_reads\|f\|the use of column old is unknown: its counters could not be saved since .*\nold_writes\|f\|/,
	'the gates are closed, and say why');
my $words = slurp_file($node->logfile, $log);
like($words, qr/55000|does not have a replica identity/, 'the log has the error');
like($words, qr/saving the use of columns/, 'and says what that was');

# What was counted meanwhile is not lost when the cause is gone.
sql('SELECT old FROM users');
sql('ALTER TABLE expand_contract.usage_flush REPLICA IDENTITY DEFAULT');
wait_for('SELECT unknown_since IS NULL OR unknown_until IS NOT NULL FROM ec_column_usage',
	'a flush that succeeds makes it known again');
is(sql('SELECT reads FROM ec_column_usage'), 1, 'with what was counted meanwhile');
wait_for('SELECT reads = 1 FROM expand_contract.usage', 'in the table, too');
wait_for(q{SELECT bool_and(passed) FROM ec_gates('users', 'contract') WHERE gate IN ('old_reads', 'old_writes')},
	'the gates pass again');

$node->stop;
done_testing();
