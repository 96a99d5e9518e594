# What a standby shows of the primary's jobs: it cannot see their workers.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', "max_worker_processes = 16\n");
$primary->start;
$primary->safe_psql('postgres', q{
	CREATE EXTENSION expand_contract;
	CREATE TABLE t (id int PRIMARY KEY, a int);
	CREATE TABLE paused (id int PRIMARY KEY, a int);
	INSERT INTO t SELECT generate_series(1, 100);
	INSERT INTO paused SELECT generate_series(1, 100);
});
my $job = $primary->safe_psql('postgres', q{SELECT ec_backfill('t', 'a = id', 'a IS NULL', batch_size => 10, delay_ms => 3600000)});
my $paused = $primary->safe_psql('postgres', q{SELECT ec_backfill('paused', 'a = id', 'a IS NULL', batch_size => 10, delay_ms => 3600000)});
$primary->safe_psql('postgres', "SELECT ec_pause($paused)");
$primary->poll_query_until('postgres', "SELECT rows_done > 0 FROM ec_progress WHERE job = $job");
$primary->safe_psql('postgres', q{SELECT ec_apply('001', 'VACUUM t; ANALYZE t')});
$primary->poll_query_until('postgres', q{SELECT state = 'applied' FROM ec_migrations});

$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);
my $states = 'SELECT job, state, workers, last_error FROM ec_progress ORDER BY job LIMIT 2';
is($standby->safe_psql('postgres', $states), "$job|running||\n$paused|paused||", 'a standby shows the states of the primary');
# ... which is the truth while the primary is at it, and the last that is known when it is gone.
is($primary->safe_psql('postgres', $states), "$job|running|1|\n$paused|paused|0|", 'as the primary has them');
$primary->stop('immediate');
is($standby->safe_psql('postgres', "SELECT state FROM ec_progress WHERE job = $job"), 'running', 'the last that is known');
$standby->promote;
is($standby->safe_psql('postgres', "SELECT state, workers FROM ec_progress WHERE job = $job"), 'interrupted|0',
	'after its promotion it knows');

$standby->stop;
done_testing();
