# A migration that runs online, and sessions that are in its way: idle in a
# transaction, reading for long, holding a row.  It gets there, or says who is in
# the way, and the application's statements go through all the while: what they wait
# for is one try, not the session that is in the way.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'max_worker_processes = 16');
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION expand_contract;
	ALTER DATABASE postgres SET expand_contract.backfill_delay = 0;
	CREATE TABLE t (id int PRIMARY KEY, name text, filler char(5000)) WITH (autovacuum_enabled = off);
	ALTER TABLE t ALTER filler SET STORAGE PLAIN;
	INSERT INTO t SELECT i, 'User' || i, '' FROM generate_series(1, 1100) i;
	ANALYZE;
});

sub state_of
{
	my ($version) = @_;

	return $node->safe_psql('postgres', "SELECT state FROM ec_migrations WHERE version = '$version'");
}

# The application reads and writes.  Its statements end while the other session is
# still in the way, or this never returns.
sub application_works
{
	my ($name) = @_;

	for my $turn (1 .. 5)
	{
		$node->safe_psql('postgres', 'SELECT count(*) FROM t; UPDATE t SET name = name WHERE id = 2');
	}
	pass("$name: the application goes on");
	return;
}

sub session
{
	my ($sql) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 1);

	$session->query_safe($sql);
	return $session;
}

# The lint has no say in phase contract.
my $check = q{'001', 'ALTER TABLE t ADD CONSTRAINT checked CHECK (id > 0)', phase => 'contract'};
my $idle = session(q{SET application_name = 'reporting'; BEGIN; SELECT count(*) FROM t});
my $pid = $idle->query_safe('SELECT pg_backend_pid()');
$node->safe_psql('postgres', "SET expand_contract.lock_timeout = '5s'; SELECT ec_apply($check)");
application_works('idle in transaction');
$node->poll_query_until('postgres', q{SELECT state = 'failed' FROM ec_migrations WHERE version = '001'})
  or BAIL_OUT('it did not give up');
like($node->safe_psql('postgres', q{SELECT error FROM ec_migrations WHERE version = '001'}),
	qr/55P03.*$pid.*reporting/s, 'idle in transaction: it says who is in the way');
$idle->query_safe('COMMIT');
$node->safe_psql('postgres', "CALL ec_migrate($check)");
is(state_of('001'), 'applied', 'and once he is gone, it gets there');

# a long reader: a build waits for him, and nobody waits for the build
$idle->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM t');
is($node->safe_psql('postgres', q{SELECT ec_apply('002', 'CREATE INDEX t_name ON t (name)', phase => 'contract')}),
	'queued', 'a build is queued');
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_progress_create_index WHERE phase = 'waiting for old snapshots'})
  or BAIL_OUT('the build does not wait');
application_works('a long reader');
my ($code, $stdout, $stderr) = $node->psql('postgres', q{CALL ec_wait_migration('002', '3 s')});
like($stderr,
	qr/migration "002" is running, step 1 of 1, job \d+: CREATE INDEX CONCURRENTLY .*waiting for old snapshots.*waits for pid $pid \(reporting, idle in transaction/,
	'a long reader: waiting says who is in the way');
$idle->query_safe('COMMIT');
$node->safe_psql('postgres', q{CALL ec_wait_migration('002', '3 min')});
is(state_of('002'), 'applied', 'and once he is gone, it gets there');

# a row that somebody holds: the job of a step leaves it to the end
my $fill = q{'003', 'ALTER TABLE t ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid()', phase => 'contract'};
$node->safe_psql('postgres', "SET expand_contract.lock_timeout = '3min'; SELECT ec_apply($fill)");
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM ec_progress WHERE migration = '003' AND kind = 'backfill'})
  or BAIL_OUT('there is no job');
my $holder = session('BEGIN; SELECT FROM t WHERE id = 1 FOR UPDATE');
application_works('a row that is held');
$holder->query_safe('COMMIT');
$node->safe_psql('postgres', q{CALL ec_wait_migration('003', '3 min')});
is(state_of('003'), 'applied', 'and it gets there');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT token) FROM t'), '1100|1100', 'every row has its value');

$_->quit for ($idle, $holder);
$node->stop;
done_testing();
