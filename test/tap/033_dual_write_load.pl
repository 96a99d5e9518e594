# A modern write that always fails, under load: every legacy write succeeds, and
# none of the failures is lost.  And rows that logical replication applies.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $clients = 8;
my $transactions = 100;
my $rows = 50;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 'logical');
$node->start;
$node->safe_psql(
	'postgres', qq{
	CREATE EXTENSION expand_contract;
	CREATE TABLE users (id int PRIMARY KEY, name text, email text, writes int NOT NULL DEFAULT 0);
	INSERT INTO users SELECT i, 'User' || i FROM generate_series(1, $rows) i;
	CREATE FUNCTION fails(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
		\$\$BEGIN RAISE EXCEPTION 'no mail for %', \$1; END\$\$;
	SELECT ec_expand('email', 'users', '{"email": "fails(name)"}');
});

# hot rows, in one transaction each, prepared
my $script = $node->basedir . '/load.sql';
append_to_file($script, <<"SQL");
\\set id random(1, $rows)
UPDATE users SET name = 'Name' || writes, writes = writes + 1 WHERE id = :id;
SQL
$node->command_ok(
	[ 'pgbench', '-n', '-M', 'prepared', '-c', $clients, '-t', $transactions, '-f', $script, '-d', $node->connstr('postgres') ],
	'every legacy write goes through');
is( $node->safe_psql('postgres', 'SELECT sum(writes) FROM users'),
	$clients * $transactions, 'and is there');
is( $node->safe_psql('postgres', 'SELECT sum(writes) FROM ec_discrepancies'),
	$clients * $transactions, 'each failure is in the queue');
is( $node->safe_psql('postgres', 'SELECT ec_reconcile()'),
	$node->safe_psql('postgres', 'SELECT count(*) FROM users WHERE writes > 0'),
	'a row is left for each that was written');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM expand_contract.discrepancies'),
	'<=', $rows, 'the queue is as long as the rows are many');

# repeatable read writers of other rows do not fail each other
append_to_file($script . '.rr', <<"SQL");
BEGIN ISOLATION LEVEL REPEATABLE READ;
UPDATE users SET name = 'Name' || writes, writes = writes + 1 WHERE id = :client_id + 1;
END;
SQL
$node->command_ok(
	[ 'pgbench', '-n', '-c', $clients, '-t', $transactions, '-f', "$script.rr", '-d', $node->connstr('postgres') ],
	'nor do those of REPEATABLE READ fail');

# the cause removed
$node->safe_psql('postgres',
	'CREATE OR REPLACE FUNCTION fails(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT lower($1)$$');
is($node->safe_psql('postgres', 'SELECT ec_reconcile()'), '0', 'nothing is left when the cause is gone');
is( $node->safe_psql('postgres', 'SELECT count(*) FROM users WHERE writes > 0 AND email IS DISTINCT FROM lower(name)'),
	'0',
	'and every row is in step');

# Sessions that share a few server connections, both versions of the application
# at once, while dual writes are switched off and on through the pool.
SKIP:
{
	my ($bouncer, $connection) = start_pgbouncer($node, 3);

	skip 'pgbouncer is not installed', 1 unless defined $bouncer;
	$node->safe_psql('postgres', qq{
		CREATE TABLE pooled (id int PRIMARY KEY, name text, email text);
		INSERT INTO pooled SELECT i, 'User' || i FROM generate_series(1, $rows) i;
		SELECT ec_expand('pooled', 'pooled', '{"email": "lower(name)"}', '{"name": "email"}')});
	append_to_file("$script.old", q{
\set id random(1, 50)
BEGIN;
UPDATE pooled SET name = 'Old' || :client_id WHERE id = :id;
END;
});
	append_to_file("$script.new", q{
\set id random(1, 50)
UPDATE pooled SET email = 'new' || :client_id WHERE id = :id;
});
	my $load = IPC::Run::start(
		[ 'pgbench', '-n', '-c', 12, '-t', $transactions, '-f', "$script.old", '-f', "$script.new", '-d', $connection ],
		'>', '/dev/null', '2>', "$script.err");
	for (1 .. 3)
	{
		$node->safe_psql('postgres', q{SELECT ec_dual_write('pooled', false)}, connstr => $connection);
		$node->safe_psql('postgres', q{SELECT ec_dual_write('pooled', true)}, connstr => $connection);
	}
	ok($load->finish, 'pooled sessions write while dual writes go off and on') or diag(slurp_file("$script.err"));
	my $repair = $node->safe_psql('postgres', q{SELECT ec_backfill_change('pooled', 'repair', delay_ms => 0)},
		connstr => $connection);
	$node->safe_psql('postgres', "CALL ec_wait($repair)");
	is($node->safe_psql('postgres', q{SELECT ok FROM ec_verify_change('pooled')}, connstr => $connection),
		't', 'and a repair brings every row in step');
	is($node->safe_psql('postgres', q{SELECT gaps FROM ec_changes WHERE change = 'pooled'}), '0',
		'no gap is left');
	$bouncer->kill_kill;
}

# A subscriber that has been expanded, of a publisher that has not.
$node->safe_psql('postgres', "CREATE DATABASE $_") for ('publisher', 'subscriber');
$node->safe_psql('publisher', q{
	CREATE TABLE people (id int PRIMARY KEY, name text);
	CREATE PUBLICATION p FOR TABLE people});
$node->safe_psql('publisher', q{SELECT pg_create_logical_replication_slot('s', 'pgoutput')});
my $publisher = $node->connstr('publisher');
$node->safe_psql('subscriber', q{
	CREATE EXTENSION expand_contract;
	CREATE TABLE people (id int PRIMARY KEY, name text, email text);
	SELECT ec_expand('email', 'people', '{"email": "lower(name)"}', '{"name": "email"}')});
$node->safe_psql('subscriber',
	"CREATE SUBSCRIPTION s CONNECTION \$\$$publisher\$\$ PUBLICATION p WITH (create_slot = false, slot_name = 's')");
$node->wait_for_subscription_sync($node, 's', 'subscriber');
$node->safe_psql('publisher', q{
	INSERT INTO people VALUES (1, 'Ada'), (2, 'Bob');
	UPDATE people SET name = 'EVE' WHERE id = 2});
$node->poll_query_until('subscriber', q{SELECT count(*) = 1 FROM people WHERE name = 'EVE'})
  or BAIL_OUT('rows did not come');
is( $node->safe_psql('subscriber', 'SELECT * FROM people ORDER BY id'),
	"1|Ada|ada\n2|EVE|eve",
	'rows of a publisher are carried over, too');
$node->safe_psql('subscriber', 'ALTER SUBSCRIPTION s DISABLE; DROP SUBSCRIPTION s');

$node->stop;
done_testing();
