# A job over partitions whose worker is killed in the middle, again and again:
# it goes on where it was, and no row is updated twice.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $half = 100_000;
my $rows = 2 * $half;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "restart_after_crash = on\nautovacuum = off");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION expand_contract');

# Three partitions large, the others empty or small, in two levels.
$node->safe_psql(
	'postgres', qq{
	CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, email text) PARTITION BY RANGE (id);
	CREATE TABLE users_low PARTITION OF users FOR VALUES FROM (0) TO ($half) PARTITION BY RANGE (id);
	CREATE TABLE users_low_1 PARTITION OF users_low FOR VALUES FROM (0) TO (100);
	CREATE TABLE users_low_2 (email text, gone int, name text NOT NULL, id bigint NOT NULL);
	ALTER TABLE users_low_2 DROP gone;
	ALTER TABLE users_low ATTACH PARTITION users_low_2 FOR VALUES FROM (100) TO ($half);
	CREATE TABLE users_high PARTITION OF users FOR VALUES FROM ($half) TO ($rows);
	CREATE TABLE users_rest PARTITION OF users DEFAULT;
	DO \$\$BEGIN
		FOR i IN 1..100 LOOP
			EXECUTE format('CREATE TABLE users_empty_%s PARTITION OF users FOR VALUES FROM (%s) TO (%s)', i, -1000 - i, -999 - i);
		END LOOP;
	END\$\$;
	INSERT INTO users SELECT i, 'User' || i FROM generate_series(1, 3 * $half) i;
	CREATE TABLE audit (id bigint NOT NULL);
	CREATE FUNCTION count_update() RETURNS trigger LANGUAGE plpgsql AS
		'BEGIN INSERT INTO audit VALUES (new.id); RETURN NULL; END';
	CREATE TRIGGER audit AFTER UPDATE ON users FOR EACH ROW EXECUTE FUNCTION count_update();
	VACUUM ANALYZE users;
});
$rows = 3 * $half;

my $job = $node->safe_psql('postgres',
	q{SELECT ec_backfill('users', 'email = lower(name)', 'email IS NULL', delay_ms => 1)});

# kill -9, in each of the large partitions
for my $part (1 .. 3)
{
	wait_for_rows($node, $job, $rows * ($part * 2 - 1) / 6);
	kill_worker($node, $job);
	is( $node->safe_psql('postgres', "SELECT state FROM ec_progress WHERE job = $job"),
		'interrupted',
		"after crash $part the job is interrupted");
	cmp_ok(
		$node->safe_psql('postgres',
			"SELECT rows_done FROM ec_progress WHERE job = $job"),
		'==',
		$node->safe_psql('postgres',
			'SELECT count(*) FROM users WHERE email IS NOT NULL'),
		'the position is that of the rows');
	$node->safe_psql('postgres', "SELECT ec_resume($job)");
}
$node->safe_psql('postgres', "CALL ec_wait($job)");
check_exactly_once($node, $rows, 'killed three times');

# The same along a key.
$node->safe_psql('postgres', 'DROP TABLE users; DROP TABLE audit; DROP FUNCTION count_update');
audited_table($node, $rows);
$job = $node->safe_psql('postgres',
	q{SELECT ec_backfill('users', 'email = lower(name)', 'email IS NULL', delay_ms => 1, method => 'key')});
wait_for_rows($node, $job, $rows / 2);
kill_worker($node, $job);
$node->safe_psql('postgres', "SELECT ec_resume($job)");
$node->safe_psql('postgres', "CALL ec_wait($job)");
check_exactly_once($node, $rows, 'killed on its way along a key');

$node->stop;
done_testing();
