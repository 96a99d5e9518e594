# A migration that runs online, and an autovacuum of the table, which gives way; and a
# standby that lags, which a job waits for.  It gets there, or says who is in the way;
# the application's statements go through all the while.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf',
	"max_worker_processes = 16\nautovacuum_naptime = 1\nautovacuum_max_workers = 1\nexpand_contract.max_replication_lag = 0");
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

sub application_works
{
	my ($name) = @_;

	for my $turn (1 .. 3)
	{
		$node->safe_psql('postgres', 'SELECT count(*) FROM t; UPDATE t SET name = name WHERE id = 2');
	}
	pass("$name: the application goes on");
	return;
}

# It takes as long as it is let.
my $slow = 'autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1';
my $vacuum = q{FROM pg_stat_activity WHERE backend_type = 'autovacuum worker' AND query ~ '^autovacuum: VACUUM.* public.t\y'};

sub vacuum_of_table
{
	my ($name) = @_;

	$node->poll_query_until('postgres', "SELECT count(*) = 1 $vacuum") or BAIL_OUT("$name: there is none");
	return $node->safe_psql('postgres', "SELECT pid $vacuum");
}

# The lint has no say in phase contract.
sub migrate
{
	my ($version, $script, $settings) = @_;

	return $node->psql('postgres', ($settings // '') . "CALL ec_migrate('$version', '$script', phase => 'contract')");
}

# an ordinary one gives way: to a try, and to a build
$node->safe_psql('postgres', 'UPDATE t SET name = name');
$node->safe_psql('postgres',
	"ALTER TABLE t SET (autovacuum_enabled = on, autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0, $slow)");
vacuum_of_table('an ordinary autovacuum');
application_works('an ordinary autovacuum');
my ($code, undef, $error) = migrate('001', 'ALTER TABLE t ADD CONSTRAINT checked CHECK (id > 0)');
is($code, 0, 'an ordinary autovacuum gives way to a lock') or diag($error);
vacuum_of_table('an ordinary autovacuum, again');
($code, undef, $error) = migrate('002', 'CREATE INDEX t_name ON t (name)');
is($code, 0, '... and to a build') or diag($error);
is($node->safe_psql('postgres', q{SELECT convalidated FROM pg_constraint WHERE conname = 'checked'}), 't', 'the constraint is valid');
is($node->safe_psql('postgres', q{SELECT indisvalid FROM pg_index WHERE indexrelid = 't_name'::regclass}), 't', 'so is the index');

# a standby that stands still: the job of a plan waits, and says for what
$node->safe_psql('postgres', 'ALTER TABLE t SET (autovacuum_enabled = off)');
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) $vacuum");
$node->backup('base');
$node->safe_psql('postgres', "SELECT pg_create_physical_replication_slot('standby', true)");
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "primary_slot_name = 'standby'");
$standby->start;
$node->wait_for_catchup($standby);
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
$node->safe_psql('postgres',
	q{SELECT ec_apply('003', 'ALTER TABLE t ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid()', phase => 'contract')});
$node->poll_query_until('postgres', q{SELECT throttled_by ~ 'replica lag' FROM ec_progress WHERE migration = '003' AND kind = 'backfill'})
  or BAIL_OUT('the job does not wait for the standby');
application_works('a standby that stands still');
($code, undef, $error) = $node->psql('postgres', q{CALL ec_wait_migration('003', '2 s')});
like($error, qr/replica lag/, 'waiting says what it waits for');
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
($code, undef, $error) = $node->psql('postgres', q{CALL ec_wait_migration('003', '3 min')});
is($code, 0, 'and once the standby goes on, it gets there') or diag($error);
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT token) FROM t'), '1100|1100', 'every row has its value');

$_->stop for ($standby, $node);
done_testing();
