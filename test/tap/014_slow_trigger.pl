# The application always wins, however slow a user's trigger is: a single row
# whose trigger outlasts deadlock_timeout, and then waits for a row that a
# session holds which waits for ours.
#
# Ordered: the trigger looks at pg_locks, and goes for the other row just before
# the session's check for a deadlock is due.  Random: it sleeps up to one and a
# half times deadlock_timeout, while sessions lock the same rows the other way
# round.  No session may be a deadlock's victim, and the jobs get done.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $directory = PostgreSQL::Test::Utils::tempdir();
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nlog_statement = none");
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION expand_contract;
	CREATE TABLE a (id int PRIMARY KEY, v int, n int NOT NULL DEFAULT 0);
	CREATE TABLE b (id int PRIMARY KEY, n int NOT NULL DEFAULT 0);
	CREATE TABLE control (mode text);
	CREATE FUNCTION deadlock_time() RETURNS interval LANGUAGE sql AS
		$$SELECT setting::int * interval '1 ms' FROM pg_settings WHERE name = 'deadlock_timeout'$$;
	CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
	DECLARE
		-- a worker's own setting may differ
		timeout interval := (SELECT time FROM server_time);
		mode text;
	BEGIN
		SELECT c.mode INTO mode FROM control c;
		IF mode = 'random' THEN
			PERFORM pg_sleep(1.5 * random() * extract(epoch FROM timeout));
			UPDATE b SET n = n + 1 WHERE id = 1 + floor(random() * 3);
		ELSE
			-- a check comes within 5 % of the time from here
			LOOP
				EXIT WHEN (SELECT c.mode FROM control c) = 'done';
				EXIT WHEN EXISTS (SELECT FROM pg_locks
					WHERE NOT granted AND clock_timestamp() - waitstart > timeout * 0.95);
				PERFORM pg_sleep(0.001);
			END LOOP;
			UPDATE b SET n = n + 1 WHERE id = 1;
		END IF;
		RETURN new;
	END$$;
	CREATE TABLE server_time (time interval);
	-- a worker that has been at a batch for longer than any batch with a limit is
	CREATE PROCEDURE wait_for_slow_batch() LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 1 .. 100000 LOOP
			PERFORM pg_stat_clear_snapshot();
			EXIT WHEN EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'expand_contract worker'
				AND backend_xid IS NOT NULL AND clock_timestamp() - xact_start > deadlock_time() * 0.8);
			PERFORM pg_sleep(0.001);
		END LOOP;
	END$$;
});

sub set_timeout
{
	my ($timeout) = @_;

	$node->safe_psql('postgres', "ALTER SYSTEM SET deadlock_timeout = '$timeout'");
	$node->reload;
	$node->poll_query_until('postgres', "SELECT deadlock_time() = '$timeout'");
	$node->safe_psql('postgres', 'TRUNCATE server_time; INSERT INTO server_time VALUES (deadlock_time())');
	return;
}

sub new_rows
{
	my ($mode, $rows) = @_;

	$node->safe_psql('postgres', qq{
		DROP TRIGGER IF EXISTS slow ON a;
		TRUNCATE a, b, control;
		INSERT INTO a SELECT generate_series(1, $rows);
		INSERT INTO b SELECT generate_series(1, 3);
		INSERT INTO control VALUES ('$mode');
		CREATE TRIGGER slow BEFORE UPDATE OF v ON a FOR EACH ROW EXECUTE FUNCTION slow();});
	return;
}

sub new_job
{
	return $node->safe_psql('postgres',
		q{SELECT ec_backfill('a', 'v = 1', 'v IS NULL', batch_size => 1, delay_ms => 0)});
}

for my $timeout ('1s', '200ms')
{
	set_timeout($timeout);

	new_rows('ordered', 1);
	my $job = new_job();
	my ($code, undef, $stderr) = $node->psql('postgres', q{
		BEGIN;
		UPDATE b SET n = n + 1 WHERE id = 1;
		CALL wait_for_slow_batch();
		UPDATE a SET n = n + 1 WHERE id = 1;
		COMMIT;}, on_error_stop => 1);
	is($stderr, '', "$timeout, ordered: the session gets its rows");
	$node->safe_psql('postgres', q{UPDATE control SET mode = 'done'});
	$node->safe_psql('postgres', "CALL ec_wait($job)");
	is($node->safe_psql('postgres', 'SELECT v, n FROM a'), '1|1', "$timeout, ordered: both have written");

	new_rows('random', 8);
	my $offset = -s $node->logfile;
	$job = new_job();
	append_to_file("$directory/script",
		"\\set x random(1, 3)\n\\set y random(1, 8)\nBEGIN;\nUPDATE b SET n = n + 1 WHERE id = :x;\n"
		  . "UPDATE a SET n = n + 1 WHERE id = :y;\nCOMMIT;\n") if !-e "$directory/script";
	my $tries = 0;
	my $failures = 0;
	my $transactions = 0;
	while ($node->safe_psql('postgres', "SELECT state IN ('queued', 'running') FROM ec_progress WHERE job = $job") eq 't'
		&& $tries++ < 600)
	{
		my ($out) = run_command([ 'pgbench', '-n', '-c', 3, '-T', 1, '-R', 60, '-f', "$directory/script", $node->connstr('postgres') ]);

		$failures++ if $out !~ /number of failed transactions: 0 /;
		$transactions += $1 if $out =~ /actually processed: (\d+)/;
	}
	is($failures, 0, "$timeout, random: no session failed");
	unlike(slurp_file($node->logfile, $offset), qr/deadlock detected/, "$timeout, random: no session was in a deadlock");
	cmp_ok($transactions, '>', 0, "$timeout, random: sessions have worked");
	is($node->safe_psql('postgres', 'SELECT count(*), count(v) FROM a'), '8|8', "$timeout, random: every row is set");
}

$node->stop;
done_testing();
