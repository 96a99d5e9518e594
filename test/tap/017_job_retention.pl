# Jobs that ended long ago leave the list, with all that belongs to them; those
# that somebody may still ask for stay.
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
expand_contract.job_retention = 0
});
$node->start;

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

sql(q{
	CREATE EXTENSION expand_contract;
	CREATE TABLE t (id int PRIMARY KEY, a text, b text, c text);
	INSERT INTO t SELECT n, 'a' FROM generate_series(1, 10) n;
	SELECT ec_expand('live', 't', '{"b": "a"}');
	SELECT ec_expand('over', 't', '{"c": "a"}');
});
for my $call (q{ec_backfill('t', 'a = id::text', 'a = ''a''')}, q{ec_backfill_change('live')},
	q{ec_backfill_change('over')}, q{ec_backfill('t', 'a = ''n''', 'a <> ''n''')},
	q{ec_backfill('t', 'a = ''o''', 'a <> ''o''')})
{
	my $job = sql("SELECT $call");

	sql("CALL ec_wait($job)");
}
my $paused = sql(q{SELECT ec_backfill('t', 'a = ''p''', 'a <> ''p''', start_at => now() + interval '1 year')});
sql(q{SELECT ec_revert('over')});
my ($old, $live, $over, $new, $failed) = split /\n/,
  sql(q{SELECT id FROM expand_contract.jobs WHERE state = 'done' ORDER BY id});
sql("UPDATE expand_contract.jobs SET finished_at = now() - interval '40 days', submitted_at = now() - interval '40 days' WHERE id <> $new");
sql("UPDATE expand_contract.jobs SET finished_at = NULL WHERE id = $paused");
sql("UPDATE expand_contract.jobs SET state = 'failed', kind = 'statement' WHERE id = $failed");

sub jobs
{
	return sql(q{SELECT string_agg(id::text, ' ' ORDER BY id) FROM expand_contract.jobs});
}

my $all = jobs();
$node->restart;
my $job = sql(q{SELECT ec_backfill('t', 'a = ''q''', 'a <> ''q''')});
sql("CALL ec_wait($job)");
is(jobs(), "$all $job", 'all stay where the setting is 0');

$node->append_conf('postgresql.conf', 'expand_contract.job_retention = 30d');
$node->restart;
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM expand_contract.jobs WHERE id IN ($old, $over)"),
	'jobs that ended 40 days ago leave: of no change, and of one that is over');
is(jobs(), join(' ', $live, $new, $failed, $paused, $job),
	'a job of a change that goes on, a younger one, that of a failed migration, one to come');
is(sql("SELECT count(*) FROM expand_contract.job_slots WHERE job IN ($old, $over)"), 0, 'with what belongs to them');
is(sql(q{SELECT passed FROM ec_gates('live', 'cutover') WHERE gate = 'backfill_complete'}), 't',
	'the gate still finds its job');

$node->stop;
done_testing();
