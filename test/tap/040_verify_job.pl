# Verification of tables that are written to, and of ones whose worker is killed:
# a change between columns, and one to another table.
#
#	EC_VERIFY_ROUNDS	verifications in a row under load (20)
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $rounds = $ENV{EC_VERIFY_ROUNDS} || 20;
my $rows = 20_000;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "restart_after_crash = on\nmax_worker_processes = 16");
$node->start;
$node->safe_psql('postgres', qq{
	CREATE EXTENSION expand_contract;
	CREATE TABLE users (id bigint PRIMARY KEY, legacy_email text NOT NULL, email text, note int NOT NULL DEFAULT 0);
	INSERT INTO users SELECT i, 'User' || i || '\@Example.com' FROM generate_series(1, $rows) i;
	-- an index, so that updates move rows
	CREATE INDEX ON users (note);
	SELECT ec_expand('users_email', 'users', '{"email": "lower(legacy_email)"}', '{"legacy_email": "email"}');
	UPDATE users SET legacy_email = legacy_email || '.org';

	CREATE TABLE orders (id int, customer text NOT NULL, cents int NOT NULL, note int NOT NULL DEFAULT 0, PRIMARY KEY (id)) PARTITION BY RANGE (id);
	CREATE TABLE orders_low PARTITION OF orders FOR VALUES FROM (MINVALUE) TO ($rows / 2);
	CREATE TABLE orders_high PARTITION OF orders DEFAULT;
	CREATE INDEX ON orders (note);
	CREATE TABLE sales (total numeric, buyer text, sale_id bigint PRIMARY KEY);
	SELECT ec_expand('sales', 'orders', target => 'sales',
		forward => '{"sale_id": "id::bigint", "buyer": "lower(customer)", "total": "cents / 100.0"}',
		backward => '{"id": "sale_id", "customer": "buyer", "cents": "total * 100"}');
	INSERT INTO orders SELECT i, 'User' || i, i FROM generate_series(1, $rows) i;
});

# Submit, and return what the verification of the job says.
sub verify
{
	my (%option) = @_;
	my $job = $node->safe_psql('postgres', sprintf(
		q{SELECT ec_verify_job('%s', batch_size => %d, delay_ms => 0, workers => %d)},
		$option{change} || 'users_email', $option{chunk} || 500, $option{workers} || 2));

	$node->safe_psql('postgres', "CALL ec_wait($job)");
	return verdict($job);
}

sub verdict
{
	my ($job) = @_;

	return $node->safe_psql('postgres',
		"SELECT ok, missing, extra, different FROM ec_verifications WHERE job = $job");
}

sub start_application
{
	my ($statements) = @_;
	my $script = PostgreSQL::Test::Utils::tempdir() . '/application.sql';

	append_to_file($script, $statements);
	return IPC::Run::start(
		[ 'pgbench', '-n', '-c', 4, '-T', 3600, '-f', $script, $node->connstr('postgres') ],
		'>', \my $out, '2>', \my $err);
}

# Writes to either column, to both, to neither; new rows, and rows that go.
my $write_columns = qq{
		\\set id random(1, $rows)
		\\set new random($rows, 2 * $rows)
		UPDATE users SET legacy_email = 'Old' || :new || '\@Example.com' WHERE id = :id;
		UPDATE users SET email = 'New' || :new || '\@Example.com' WHERE id = :id + 1;
		UPDATE users SET legacy_email = 'Both' || :new, email = 'both' || :new WHERE id = :id + 2;
		UPDATE users SET note = note + 1 WHERE id BETWEEN :id + 3 AND :id + 8;
		INSERT INTO users (id, legacy_email) VALUES (:new, 'Young' || :new) ON CONFLICT (id) DO UPDATE SET email = 'Again' || :new;
		DELETE FROM users WHERE id = :new + 1;
};

# Writes to either table, each transaction to one of them; new rows, rows that
# go, rows that get another key.
my $write_tables = qq{
		\\set id random(1, $rows)
		\\set new random($rows, 2 * $rows)
		UPDATE orders SET customer = 'Old' || :new, cents = :new WHERE id = :id;
		UPDATE sales SET buyer = 'New' || :new WHERE sale_id = :id + 1;
		UPDATE orders SET note = note + 1 WHERE id BETWEEN :id + 3 AND :id + 8;
		INSERT INTO orders (id, customer, cents) VALUES (:new, 'Young' || :new, 5) ON CONFLICT (id) DO UPDATE SET cents = 6;
		DELETE FROM orders WHERE id = :new + 1;
		UPDATE orders SET id = -id WHERE id = :new + 2 AND NOT EXISTS (SELECT FROM orders WHERE id = -(:new + 2));
		DELETE FROM sales WHERE sale_id = :new + 3;
};

is(verify(), 't|0|0|0', 'all is well at rest');

my $application = start_application($write_columns);
$node->poll_query_until('postgres', 'SELECT count(*) > 100 FROM users WHERE note > 0')
  or BAIL_OUT('the application does not write');
my $clean = grep { verify() eq 't|0|0|0' } 1 .. $rounds;
is($clean, $rounds, "clean $rounds times in a row while the table is written to");
my $now = grep {
	$node->safe_psql('postgres', q{SELECT ok FROM ec_verify_change('users_email')}) eq 't'
} 1 .. 5;
is($now, 5, 'and so is a verification under one snapshot');

$node->safe_psql('postgres', q{
	INSERT INTO users (id, legacy_email) VALUES (-1, 'Flipping'), (-2, 'Damaged');
	-- dual writes take it that who writes both columns knows what he does
	CREATE PROCEDURE damage(damaged bigint, value text) LANGUAGE sql AS
		$$UPDATE users SET legacy_email = legacy_email || '?', email = value WHERE id = damaged$$;
	CREATE PROCEDURE mend(damaged bigint) LANGUAGE sql AS
		$$UPDATE users SET legacy_email = 'Mended' || clock_timestamp() WHERE id = damaged$$;
});

# a real difference, planted meanwhile, is found each time
$node->safe_psql('postgres', q{CALL damage(-2, 'planted')});
is(verify(), 'f|0|0|1', 'a difference that is planted meanwhile is found');
is( $node->safe_psql('postgres', q{
		SELECT key, column_name, source_value, target_value FROM ec_mismatches
		 WHERE verification = (SELECT max(verification) FROM ec_verifications)}),
	'{"id": -2}|email|damaged?|planted',
	'and named');

# One that is gone by the second look does not count.  The look may be quicker
# than we are, so there are tries for as long as a condition may take.
$node->safe_psql('postgres', q{
	CALL mend(-2);
	CREATE PROCEDURE mend_when_seen(looking bigint) LANGUAGE plpgsql AS $$
	BEGIN
		WHILE NOT EXISTS (SELECT FROM expand_contract.job_slots
						   WHERE job = looking AND throttled_by = 'rows that differ')
			AND EXISTS (SELECT FROM expand_contract.jobs WHERE id = looking AND state NOT IN ('done', 'failed')) LOOP
			PERFORM pg_sleep(0.001);
		END LOOP;
		CALL mend(-1);
	END $$;
});
my ($job, $patience) = (undef, time + $PostgreSQL::Test::Utils::timeout_default);
do
{
	$job = $node->safe_psql('postgres', q{
		CALL damage(-1, 'for a moment');
		SELECT ec_verify_job('users_email', batch_size => 500, delay_ms => 0)});
	$node->safe_psql('postgres', "CALL mend_when_seen($job)");
	$node->safe_psql('postgres', "CALL ec_wait($job)");
} while (verdict($job) ne 't|0|0|0' && time < $patience);
is(verdict($job), 't|0|0|0', 'what is right at the second look does not count');
$application->kill_kill;

# killed and resumed: the same verdict, nothing counted twice
$node->safe_psql('postgres', qq{
	UPDATE users SET legacy_email = legacy_email || '?', email = 'wrong' WHERE id IN (SELECT id FROM users WHERE id > 0 ORDER BY id LIMIT 10 OFFSET 100);
	UPDATE users SET legacy_email = legacy_email || '?', email = 'wrong' WHERE id IN (SELECT id FROM users WHERE id > 0 ORDER BY id DESC LIMIT 10);
});
my $expected = verify();
is($expected, 'f|0|0|20', 'what is wrong at rest');
my $count = $node->safe_psql('postgres', 'SELECT count(*) FROM users');
for my $workers (1, 2)
{
	$job = $node->safe_psql('postgres',
		"SELECT ec_verify_job('users_email', batch_size => 50, delay_ms => 10, workers => $workers)");
	wait_for_rows($node, $job, $rows / 4);
	kill_worker($node, $job) if $workers == 1;
	stop_at_once($node) if $workers == 2;
	is( $node->safe_psql('postgres', "SELECT state FROM ec_progress WHERE job = $job"),
		'interrupted', 'the job is interrupted');
	$node->safe_psql('postgres', "SELECT ec_configure($job, delay_ms => 0)");
	$node->safe_psql('postgres', "SELECT ec_resume($job)");
	$node->safe_psql('postgres', "CALL ec_wait($job)");
	is(verdict($job), $expected, "$workers workers, stopped and resumed: the same verdict");
	is( $node->safe_psql('postgres',
			"SELECT rows_source, count(*) FROM ec_verifications v JOIN ec_mismatches m USING (verification) WHERE job = $job GROUP BY 1"),
		"$count|20",
		'each row counted once, each mismatch recorded once');
}

# the same for a change to another table
is(verify(change => 'sales'), 't|0|0|0', 'two tables: all is well at rest');
$application = start_application($write_tables);
$node->poll_query_until('postgres', 'SELECT count(*) > 100 FROM orders WHERE note > 0')
  or BAIL_OUT('the application does not write');
$clean = grep { verify(change => 'sales') eq 't|0|0|0' } 1 .. $rounds;
is($clean, $rounds, "two tables: clean $rounds times in a row while they are written to");
is( $node->safe_psql('postgres', q{SELECT ok FROM ec_verify_change('sales')}),
	't', 'and so is a verification under one snapshot');
ok($application->pumpable, 'the application goes on writing');
$node->safe_psql('postgres', q{
	SET expand_contract.enable_modern_write = off;
	INSERT INTO orders (id, customer, cents) VALUES (-100001, 'Missing', 1);
	INSERT INTO sales VALUES (1, 'extra', -100002), (1, 'planted', -100003);
	INSERT INTO orders (id, customer, cents) VALUES (-100003, 'Different', 100)});
is(verify(change => 'sales'), 'f|1|1|1', 'differences that are planted meanwhile are found');
is( $node->safe_psql('postgres', q{
		SELECT key, difference, column_name FROM ec_mismatches
		 WHERE verification = (SELECT max(verification) FROM ec_verifications) ORDER BY key}),
	'{"sale_id": -100003}|different|buyer
{"sale_id": -100002}|extra|
{"sale_id": -100001}|missing|',
	'and named');
$application->kill_kill;

$expected = verify(change => 'sales');
is($expected, 'f|1|1|1', 'two tables: what is wrong at rest');
$count = $node->safe_psql('postgres',
	'SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM sales)');
for my $workers (1, 2)
{
	$job = $node->safe_psql('postgres',
		"SELECT ec_verify_job('sales', batch_size => 50, delay_ms => 10, workers => $workers)");
	wait_for_rows($node, $job, $rows / 4);
	kill_worker($node, $job) if $workers == 1;
	stop_at_once($node) if $workers == 2;
	$node->safe_psql('postgres', "SELECT ec_configure($job, delay_ms => 0)");
	$node->safe_psql('postgres', "SELECT ec_resume($job)");
	$node->safe_psql('postgres', "CALL ec_wait($job)");
	is(verdict($job), $expected, "two tables, $workers workers, stopped and resumed: the same verdict");
	is( $node->safe_psql('postgres',
			"SELECT rows_source, rows_target, count(*) FROM ec_verifications v JOIN ec_mismatches m USING (verification) WHERE job = $job GROUP BY 1, 2"),
		"$count|3",
		'each row of either table counted once, each mismatch recorded once');
}

done_testing();
