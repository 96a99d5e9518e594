# A deferred trigger that does not end is fired at the end of its batch, before the
# progress is saved.  ec_pause does not wait for it, and ends it.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');

$node->init;
$node->append_conf('postgresql.conf', 'autovacuum = off');
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION expand_contract;
	CREATE FUNCTION never_ends() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM pg_sleep(3600);
		RETURN NULL;
	END$$;
	CREATE TABLE t (id int PRIMARY KEY, v int);
	INSERT INTO t (id) SELECT generate_series(1, 10);
	CREATE CONSTRAINT TRIGGER never_ends AFTER UPDATE ON t DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW EXECUTE FUNCTION never_ends();
});
my $job = $node->safe_psql('postgres', q{SELECT ec_backfill('t', 'v = 1', 'v IS NULL', delay_ms => 0)});

$node->poll_query_until('postgres',
	q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'expand_contract worker' AND wait_event = 'PgSleep'})
  or die 'no deferred trigger';
is($node->safe_psql('postgres', "SET statement_timeout = '60s'; SELECT ec_pause($job)"),
	'paused', 'ec_pause does not wait for the trigger');
ok($node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM expand_contract.live_slots()'),
	'and ends it');
is($node->safe_psql('postgres', "SELECT state FROM ec_progress WHERE job = $job"), 'paused', 'the job is paused');
is($node->safe_psql('postgres', 'SELECT count(*) FROM t WHERE v IS NOT NULL'), '0', 'nothing of the batch was written');
is($node->safe_psql('postgres', "SELECT count(*) FROM expand_contract.job_samples WHERE job = $job AND rows_done > 0"), '0', 'nor recorded');
$node->stop;
done_testing();
