# Rows are deleted in batches while others write: nothing that the predicate does
# not hold for is deleted, nothing that it holds for is left, each row is deleted
# once.  Workers and servers that are killed in the middle change nothing of that.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use IPC::Run;
use Test::More;

my $rows = $ENV{EC_TEST_ROWS} || 100_000;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "restart_after_crash = on\nautovacuum = off\nmax_worker_processes = 16");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION expand_contract');

sub sql
{
	my ($statement) = @_;

	return $node->safe_psql('postgres', $statement);
}

# A table of rows to delete and rows to keep, in the order of their keys or in
# none.  Each deletion is noted by a trigger, in the same transaction.
sub fill
{
	my ($order) = @_;

	sql(qq{
		DROP TABLE IF EXISTS events, gone;
		CREATE TABLE events (id bigint PRIMARY KEY, old boolean NOT NULL, payload text);
		CREATE TABLE gone (id bigint);
		INSERT INTO events SELECT i, i % 10 <> 0, repeat('x', 20) FROM generate_series(1, $rows) i ORDER BY $order;
		CREATE OR REPLACE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
			'BEGIN INSERT INTO gone VALUES (old.id); RETURN NULL; END';
		CREATE TRIGGER note AFTER DELETE ON events FOR EACH ROW WHEN (old.id <= $rows) EXECUTE FUNCTION note();
		ANALYZE events});
	return;
}

sub check
{
	my ($name) = @_;

	is(sql("SELECT count(*) FROM events WHERE old AND id <= $rows"), '0', "$name: none is left");
	is( sql(qq{SELECT count(*) FROM generate_series(10, $rows, 10) i WHERE NOT EXISTS (SELECT FROM events e WHERE e.id = i)}),
		'0', "$name: nothing else is deleted");
	is( sql('SELECT count(*) - count(DISTINCT id), count(DISTINCT id) FROM gone'),
		'0|' . $rows / 10 * 9,
		"$name: each row is deleted once");
	return;
}

for my $method ('blocks', 'key')
{
	fill($method eq 'key' ? 'hashint8(i)' : 'i');
	my $job = sql("SELECT ec_delete('events', 'old', delay_ms => 20, batch_size => 500, method => '$method')");

	# kill -9 of the worker
	wait_for_rows($node, $job, $rows / 10);
	kill_worker($node, $job);
	is(sql("SELECT state FROM ec_progress WHERE job = $job"), 'interrupted', "by $method: after the crash the job is interrupted");
	is( sql("SELECT rows_done FROM ec_progress WHERE job = $job"),
		sql('SELECT count(*) FROM gone'),
		"by $method: the position is that of the rows");
	sql("SELECT ec_resume($job)");

	# an immediate shutdown, which loses what was committed asynchronously
	wait_for_rows($node, $job, $rows / 2);
	$node->stop('immediate');
	$node->start;
	is( sql("SELECT rows_done FROM ec_progress WHERE job = $job"),
		sql('SELECT count(*) FROM gone'),
		"by $method: so it is after an immediate shutdown");
	sql("SELECT ec_configure($job, delay_ms => 0)");
	sql("SELECT ec_resume($job)");
	sql("CALL ec_wait($job)");
	check("killed, by $method");
	is( sql("SELECT state, rows_done FROM ec_progress WHERE job = $job"),
		'done|' . $rows / 10 * 9,
		"by $method: the job is done");
}

# A writer meanwhile: inserts rows of both sorts, deletes and moves others, and
# keeps some locked for a moment.  Two workers, at full speed.
my $script = $node->basedir . '/writer.sql';
append_to_file($script, qq{
\\set n random(1, $rows)
\\set fresh random(1, 1000000)
BEGIN;
INSERT INTO events VALUES ($rows + nextval('fresh'), :fresh % 50 = 0, 'new');
UPDATE events SET payload = payload || 'y' WHERE id = :n;
SELECT FROM events WHERE id = 1 + :n % $rows FOR UPDATE;
DELETE FROM events WHERE id = :n AND old;
COMMIT;
});
sql('CREATE SEQUENCE fresh');

for my $method ('blocks', 'key')
{
	fill($method eq 'key' ? 'i' : 'hashint8(i)');
	my $writers = IPC::Run::start(
		[ 'pgbench', '-n', '-c', '3', '-R', '300', '-T', '3600', '-f', $script, $node->connstr('postgres') ],
		'<', \undef, '>', "$script.out", '2>', "$script.err");

	ok($node->poll_query_until('postgres', "SELECT count(*) > 20 FROM events WHERE id > $rows"), "$method: there are writers")
	  or BAIL_OUT('no writers');
	my $job = sql("SELECT ec_delete('events', 'old', delay_ms => 0, workers => 2, method => '$method')");

	# they go on until all of the rows that were there are gone
	ok( $node->poll_query_until('postgres', "SELECT NOT EXISTS (SELECT FROM events WHERE old AND id <= $rows)"),
		"$method: all rows are deleted under the writers' hands");
	$writers->signal('INT');
	$writers->finish;
	unlike(slurp_file("$script.err"), qr/ERROR|deadlock/, "$method: no writer has seen an error");
	sql("CALL ec_wait($job)");
	check("among writers, by $method");
	is(sql("SELECT count(*) > 20 FROM events WHERE id > $rows AND NOT old"), 't', "$method: what was inserted to stay is there");
}

$node->stop;
done_testing();
