# A row whose trigger never ends holds a worker for expand_contract.max_batch_time
# at most while a job of another owner waits, and ec_pause and ec_cancel end it at
# once.  The only worker there is belongs to mallory, who catches cancels, too.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Waits until mallory's worker is in a batch that no deadline has ended.
my $in_endless_row = q{
	SELECT count(*) > 0 FROM pg_stat_activity a
	WHERE a.backend_type = 'expand_contract worker' AND a.usename = 'mallory'
	  AND a.xact_start < clock_timestamp() - interval '1200 ms'};

for my $preloaded (1, 0)
{
	my $how = $preloaded ? 'preloaded' : 'not preloaded';
	my $node = PostgreSQL::Test::Cluster->new($preloaded ? 'with' : 'without');

	$node->init;
	$node->append_conf('postgresql.conf',
		($preloaded ? "shared_preload_libraries = 'expand_contract'\n" : '') . q{
		expand_contract.max_workers = 1
		expand_contract.max_batch_time = '1s'
		autovacuum = off
	});
	$node->start;
	$node->safe_psql(
		'postgres', q{
		CREATE EXTENSION expand_contract;
		CREATE ROLE mallory LOGIN;
		CREATE ROLE bob LOGIN;
		SELECT ec_grant('mallory'), ec_grant('bob');
		CREATE TABLE catches (yes boolean);
		INSERT INTO catches VALUES (false);
		GRANT SELECT ON catches TO mallory;
		CREATE FUNCTION never_ends() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			LOOP
				BEGIN
					PERFORM pg_sleep(3600);
				EXCEPTION WHEN query_canceled THEN
					-- a deadline is obeyed, so that the row is alone in its batch soon
					IF NOT (SELECT yes FROM public.catches) OR clock_timestamp() < now() + interval '1200 ms' THEN
						RAISE;
					END IF;
				END;
			END LOOP;
		END$$;
		CREATE TABLE of_mallory (id int PRIMARY KEY, v int);
		CREATE TRIGGER never_ends BEFORE UPDATE ON of_mallory FOR EACH ROW EXECUTE FUNCTION never_ends();
		INSERT INTO of_mallory VALUES (1);
		ALTER TABLE of_mallory OWNER TO mallory;
		CREATE TABLE of_bob (id int PRIMARY KEY, v int);
		INSERT INTO of_bob SELECT generate_series(1, 10);
		ALTER TABLE of_bob OWNER TO bob;
	});

	my $submit = sub {
		my ($role) = @_;
		return $node->safe_psql('postgres',
			"SET SESSION AUTHORIZATION $role; SELECT ec_backfill('of_$role', 'v = coalesce(v, 0) + 1', 'v IS NULL', delay_ms => 0)");
	};
	my $state = sub { $node->safe_psql('postgres', "SELECT state FROM ec_progress WHERE job = $_[0]") };

	for my $catches ('false', 'true')
	{
		$node->safe_psql('postgres', "UPDATE catches SET yes = $catches; UPDATE of_bob SET v = NULL");
		my $endless = $submit->('mallory');
		$node->poll_query_until('postgres', $in_endless_row) or die 'no endless row';

		my $waits = $submit->('bob');
		my ($status, $out, $err) =
			$node->psql('postgres', "CALL ec_wait($waits, timeout => '150 seconds')");
		is($status, 0, "$how, cancels caught: $catches: the other owner's job is done") or diag $err;
		is($node->safe_psql('postgres', 'SELECT count(*) FROM of_bob WHERE v = 1'),
			10, "$how, cancels caught: $catches: with its rows");

		# what it was rolled back from goes on, and is stopped for good
		$node->safe_psql('postgres', "UPDATE catches SET yes = false");
		$node->safe_psql('postgres', "SELECT ec_resume($endless)")
		  unless $preloaded;
		$node->poll_query_until('postgres', $in_endless_row) or die 'no endless row';
		$node->safe_psql('postgres',
			$catches eq 'true' ? "SELECT ec_cancel($endless)" : "SELECT ec_pause($endless)");
		ok($node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM expand_contract.live_slots()'),
			"$how: a pause or cancel ends a batch that does not end");
		is($state->($endless), $catches eq 'true' ? 'cancelled' : 'paused', "$how: its state stays");
		$node->safe_psql('postgres', "SELECT ec_cancel($endless)");
		is($node->safe_psql('postgres', 'SELECT count(*) FROM of_mallory WHERE v IS NOT NULL'),
			0, "$how: nothing of it was written");
	}
	$node->stop('immediate');
}
done_testing();
