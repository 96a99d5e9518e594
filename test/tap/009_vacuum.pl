# A backfill whose rows have to move vacuums the table as it grows, and gives
# way to whoever waits for it.
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
$node->append_conf('postgresql.conf', 'autovacuum = off');
$node->start;

# An index on the assigned column: no update can be HOT, every row moves.
sub new_table
{
	my ($name) = @_;

	$node->safe_psql(
		'postgres', qq{
		CREATE TABLE $name (id int PRIMARY KEY, pad text DEFAULT repeat('x', 560), a int, b int);
		ALTER TABLE $name ALTER pad SET STORAGE plain;
		INSERT INTO $name (id, a) SELECT i, i FROM generate_series(1, 50000) i;
		CREATE INDEX ON $name (b);
		VACUUM ANALYZE $name;
	});
	return;
}

sub backfill
{
	my ($name, $role) = @_;

	return $node->safe_psql('postgres',
		qq{SET ROLE $role; SELECT ec_backfill('$name', 'b = a', delay_ms => 0)});
}

sub is_vacuuming
{
	my ($name) = @_;

	$node->poll_query_until('postgres', qq{
		SELECT EXISTS (SELECT FROM pg_stat_progress_vacuum WHERE relid = '$name'::regclass)})
	  or BAIL_OUT("$name is not vacuumed");
	return;
}

my $finished = q{SELECT state = 'done' FROM ec_progress WHERE job = };

$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION expand_contract;
	CREATE ROLE owner LOGIN;
	CREATE ROLE other LOGIN;
	SELECT ec_grant('owner');
	SELECT ec_grant('other');
	GRANT CREATE ON SCHEMA public TO owner;
});

# By the owner the growth is bounded; by another role it is not.
new_table($_) for qw(owned borrowed);
$node->safe_psql('postgres',
	'ALTER TABLE owned OWNER TO owner; GRANT SELECT, UPDATE ON borrowed TO other');
my $job = backfill('owned', 'owner');
$node->safe_psql('postgres', "CALL ec_wait($job)");
my $growth = $node->safe_psql('postgres',
	"SELECT table_growth FROM ec_progress WHERE job = $job");
cmp_ok($growth, '<', 1.5, "vacuumed as it went, the table grew to $growth");

my $log_offset = -s $node->logfile;
$job = backfill('borrowed', 'other');
$node->safe_psql('postgres', "CALL ec_wait($job)");
my $unbounded = $node->safe_psql('postgres',
	"SELECT table_growth FROM ec_progress WHERE job = $job");
cmp_ok($unbounded, '>', 1.8,
	"by a role that may not vacuum, it grew to $unbounded");
ok(!$node->log_contains('WARNING', $log_offset),
	'which nobody is warned about');

# A VACUUM that would take for ever: the application gets its lock all the same.
$node->safe_psql('postgres',
	q{ALTER ROLE owner SET vacuum_cost_delay = '100ms'; ALTER ROLE owner SET vacuum_cost_limit = 1});
new_table('slow');
$node->safe_psql('postgres', 'ALTER TABLE slow OWNER TO owner');
$job = backfill('slow', 'owner');
is_vacuuming('slow');
$node->safe_psql('postgres', 'ALTER TABLE slow ADD COLUMN c int');
pass('ALTER TABLE gets in while a worker vacuums');

# ec_pause does not wait for it either.
is_vacuuming('slow');
$node->safe_psql('postgres', "SELECT ec_pause($job)");
$node->poll_query_until('postgres',
	"SELECT count(*) = 0 FROM expand_contract.live_slots() WHERE job = $job")
  or BAIL_OUT("job $job does not end");
is( $node->safe_psql('postgres',
		"SELECT state, last_error FROM ec_progress WHERE job = $job"),
	'paused|',
	'ec_pause cancels the VACUUM, and nothing has failed');
$node->safe_psql('postgres',
	'ALTER ROLE owner RESET vacuum_cost_delay; ALTER ROLE owner RESET vacuum_cost_limit');
$node->safe_psql('postgres', "SELECT ec_resume($job)");
$node->poll_query_until('postgres', $finished . $job)
  or BAIL_OUT("job $job does not finish");
is( $node->safe_psql('postgres', 'SELECT count(*) FROM slow WHERE b = a'),
	'50000', 'the job goes on to its end');

$node->stop;
done_testing();
