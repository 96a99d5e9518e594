# A migration of eight statements that all run online, and the worker or the whole
# server is killed: between each step and its mark, in the middle of a build, in the
# middle of a fill, and at random times.  After the restart one ec_apply brings it
# to its end, and the catalogue is that of the statements as written.
#
# A trigger on the table of steps stops the worker right before it marks a step as
# done, one on the table stops the fill at its last row.  A step that is a transaction is not committed by then; one that is a
# top-level statement is complete, and nobody has noted it.
#
# EC_ONLINE_KILLS: how many rounds (default 5; 50 to be killed in each step, either
# way).
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $rounds = $ENV{EC_ONLINE_KILLS} || 5;

my $script = q{
	CREATE INDEX ON t (lower(name));
	ALTER TABLE t ADD CONSTRAINT t_checked CHECK (id > 0);
	ALTER TABLE t ALTER name SET NOT NULL;
	ALTER TABLE t ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid();
	ALTER TABLE t ADD CONSTRAINT t_unique UNIQUE (id, name);
	ALTER TABLE t ADD FOREIGN KEY (r) REFERENCES r;
	DROP INDEX t_old;
	CREATE INDEX p_name ON p (name);
};
# The lint has no say in phase contract.
my $arguments = "'001', \$script\$$script\$script\$, phase => 'contract'";
my $apply = "SELECT ec_apply($arguments)";

# Filled pages: all of this counts as large.
my $prepare = q{
	CREATE EXTENSION expand_contract;
	ALTER DATABASE %s SET expand_contract.backfill_delay = 0;
	CREATE TABLE r (id int PRIMARY KEY);
	INSERT INTO r VALUES (1);
	CREATE TABLE t (id int, name text, r int, filler char(5000)) WITH (autovacuum_enabled = off);
	ALTER TABLE t ALTER filler SET STORAGE PLAIN;
	INSERT INTO t SELECT i, 'User' || i, 1, '' FROM generate_series(1, 1100) i;
	CREATE INDEX t_old ON t (r);
	CREATE TABLE p (id int, name text, filler char(5000)) PARTITION BY RANGE (id);
	ALTER TABLE p ALTER filler SET STORAGE PLAIN;
	CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (600);
	CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (600) TO (1200);
	INSERT INTO p SELECT i, 'User' || i, '' FROM generate_series(1, 1100) i;
	ANALYZE;
};
my $shape = q{
	SELECT attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid)
	  FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
	 WHERE attrelid IN ('t'::regclass, 'p'::regclass, 'p1'::regclass, 'p2'::regclass) AND attnum > 0 AND NOT attisdropped
	 ORDER BY attrelid::regclass::text, attname;
	SELECT conrelid::regclass, conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint
	 WHERE conrelid IN ('t'::regclass, 'p'::regclass, 'p1'::regclass, 'p2'::regclass) ORDER BY 1, conname;
	SELECT indexrelid::regclass, pg_get_indexdef(indexrelid), indisvalid, indisready, inhparent::regclass
	  FROM pg_index LEFT JOIN pg_inherits ON inhrelid = indexrelid
	 WHERE indrelid IN ('t'::regclass, 'p'::regclass, 'p1'::regclass, 'p2'::regclass) ORDER BY indexrelid::regclass::text;
	SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S';
	SELECT count(*), count(DISTINCT token) FROM t;
};

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "max_worker_processes = 16\nrestart_after_crash = on");
$node->start;
$node->safe_psql('postgres', "CREATE DATABASE $_") for ('plain', 'prepared');
$node->safe_psql($_, sprintf($prepare, $_)) for ('plain', 'prepared');
is($node->safe_psql('plain', "SELECT ec_apply($arguments, online => false)"), 'applied', 'as written, it runs at once');
my $as_written = $node->safe_psql('plain', $shape);

$node->safe_psql(
	'prepared', q{
	CREATE TABLE stop_at (step int);
	CREATE FUNCTION stop_here() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_catalog, pg_temp AS $$
	BEGIN
		IF EXISTS (SELECT FROM stop_at WHERE step = TG_ARGV[0]::int OR step = (to_jsonb(NEW) ->> 'step')::int) THEN
			PERFORM pg_advisory_xact_lock(42);
		END IF;
		RETURN NEW;
	END $$;
	CREATE TRIGGER stop_here BEFORE UPDATE ON t FOR EACH ROW WHEN (NEW.id = 1100) EXECUTE FUNCTION stop_here('0');
	CREATE TRIGGER stop_here BEFORE UPDATE ON expand_contract.migration_steps FOR EACH ROW
		WHEN (OLD.done_at IS NULL AND NEW.done_at IS NOT NULL) EXECUTE FUNCTION stop_here('-1');
});
my ($code, $stdout, $stderr) = $node->psql('prepared', "SELECT ec_apply($arguments, dry_run => true)");
my ($steps) = $stderr =~ /step 1 of (\d+),/;
cmp_ok($steps, '>', 15, 'its plan has many steps');
my ($fill) = $stderr =~ /step (\d+) of \d+, by a job/;
ok(defined $fill, 'one of them is a job');

# How to be killed: held up by a session that does this, when this holds.
my $stopped = q{SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND objid = 42 AND NOT granted};
my @ways = (
	[ 'in the middle of the build', 'UPDATE t SET name = name WHERE id = 1',
		q{SELECT count(*) = 1 FROM pg_stat_progress_create_index WHERE phase ~ '^waiting for writers'} ],
	[ 'in the middle of the fill', 'SELECT pg_advisory_lock(42)', q{SELECT rows_done > 0 FROM ec_progress WHERE kind = 'backfill'}, 0 ],
	[ 'at a random time' ],
	(map { [ "before the mark of step $_", 'SELECT pg_advisory_lock(42)', $stopped, $_ ] } (1 .. $steps)));

# Few rounds are of different kinds, too.
sub way_of
{
	my ($round) = @_;

	return $ways[$round - 1] if $round <= 2;
	return $ways[ (5 * $round) % @ways ];
}

sub kill_some_worker
{
	my ($database) = @_;
	my $offset = -s $node->logfile;
	my ($pid) = split /\n/, $node->safe_psql($database,
		'SELECT pid FROM expand_contract.live_slots() ORDER BY job DESC');

	return if !defined $pid;
	kill 'KILL', $pid or die "could not kill $pid: $!";
	$node->wait_for_log(qr/database system is ready to accept connections/, $offset);
	$node->poll_query_until('postgres', 'SELECT true') or BAIL_OUT('the server did not come back');
	return;
}

for my $round (1 .. $rounds)
{
	my ($way, $hold, $when, $step) = @{ way_of($round) };
	my $database = "round_$round";
	my $whom = $round % 2 == 1 ? 'the server' : 'the worker';
	my $name = "round $round, $whom is killed $way";
	my $holder;

	$node->safe_psql('postgres',
		"CREATE DATABASE $database TEMPLATE prepared; ALTER DATABASE $database SET expand_contract.backfill_delay = 0");
	$node->safe_psql($database, "INSERT INTO stop_at VALUES ($step)") if defined $step;
	if (defined $hold)
	{
		$holder = $node->background_psql($database, on_error_stop => 1);
		$holder->query_safe("BEGIN; $hold");
	}
	is($node->safe_psql($database, $apply), 'queued', "$name: it is queued");
	if (defined $when)
	{
		$node->poll_query_until($database, $when) or BAIL_OUT("$name: it did not come to that");
	}
	else
	{
		usleep(rand(1_000_000));
	}
	if ($whom eq 'the server')
	{
		kill_server($node);
	}
	else
	{
		kill_some_worker($database);
	}
	$holder->{run}->kill_kill if defined $holder;

	$node->safe_psql($database, 'TRUNCATE stop_at');
	like($node->safe_psql($database, $apply), qr/^(queued|running|unchanged)$/, "$name: one ec_apply goes on");
	($code, $stdout, $stderr) = $node->psql($database, "CALL ec_wait_migration('001', '3 min')");
	is($code, 0, "$name: and it comes to its end") or diag($stderr);
	is($node->safe_psql($database, 'SELECT state, steps = steps_done, error FROM ec_migrations'), 'applied|t|', "$name: applied");
	is($node->safe_psql($database, $shape), $as_written, "$name: all is there, valid, and once");
	is( $node->safe_psql($database, q{SELECT count(*) FROM expand_contract.migration_events WHERE event = 'apply'}),
		1, "$name: it was applied once");
	is( $node->safe_psql($database, q{SELECT string_agg(state, ' ') FROM ec_progress WHERE kind = 'backfill'}),
		'done', "$name: it was filled by one job");
	is($node->safe_psql($database, $apply), 'unchanged', "$name: and that was it");
	$node->safe_psql('postgres', "DROP DATABASE $database (FORCE)");
}

# Preloaded, it goes on by itself: after the end of its job, too.
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'expand_contract'");
$node->restart;
$node->safe_psql('postgres', 'CREATE DATABASE preloaded TEMPLATE prepared');
my $holder = $node->background_psql('preloaded', on_error_stop => 1);
$holder->query_safe('SELECT pg_advisory_lock(42)');
$node->safe_psql('preloaded', 'INSERT INTO stop_at VALUES (0)');
$node->safe_psql('preloaded', $apply);
$node->poll_query_until('preloaded', $ways[1][2]) or BAIL_OUT('the fill did not come to its last row');
kill_server($node);
$holder->{run}->kill_kill;
$node->poll_query_until('preloaded', q{SELECT state = 'applied' FROM ec_migrations})
  or BAIL_OUT('the migration did not go on by itself');
is($node->safe_psql('preloaded', $shape), $as_written, 'preloaded: all is there, valid, and once');

$node->stop;
done_testing();
