# Whatever is killed, and whenever: jobs finish by themselves, every row is
# right, and the workers have updated each row exactly once.
#
# In a round, four jobs run over two tables, one with an explicit and one with
# the automatic predicate on each, one worker here and two there; so workers of
# different jobs meet in the same rows.  One table is gone over by blocks, the
# other has partitions and is walked along its key.  Meanwhile an application inserts,
# updates, deletes, changes keys and locks rows, and something is killed again
# and again: a worker, the postmaster, the launcher, gently or not.
#
# The audit.  A row is in step with a job when the job's predicate does not
# hold for it.  A statement trigger writes down, for each committed update,
# who did it and whether the row was in step before and after.  Rows are known
# by a tag that nobody changes.  Then this must hold, for each job:
#
#	- a worker has updated no row that was in step, and has left none that
#	  is not; nor has it changed anything but what it was told to;
#	- the history of a row has no gap: each entry begins as the last ended;
#	- so each row was brought in step once, by a worker or the application,
#	  and once more each time the application has put it out of step;
#	- the job counts as many rows as the audit does: rows and position have
#	  committed together, or been lost together;
#	- no row is lost, and none has come from nowhere.
#
# An old release of the application puts rows out of step.  It holds the job's
# sweep while it does so, and only in the first one: so there is always a whole
# sweep to come that has to find these rows, and none may be left at the end.
#
# A kill counts that hits jobs at work, in a round in which the application has
# done each of its things.  Where the machine is so busy that we come too late,
# there are more rounds, with jobs that take longer.
#
#	EC_CHAOS_KILLS	how many things are killed (6)
#	EC_CHAOS_SEED	a run's seed, to have its choices again
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use List::Util qw(min shuffle);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $kills = $ENV{EC_CHAOS_KILLS} || 6;
my $seed = $ENV{EC_CHAOS_SEED} || int(rand(2**31));
my $rows = 16_000;
my $kills_in_round = 12;
my $delay = 5;    # between batches, in ms
my @tables = qw(one two);
my %partitioned = (one => '', two => 'PARTITION BY RANGE (tag)');

# What may be killed, and how often in that many.
my @deck = (
	('worker') x 4, ('postmaster') x 2, 'terminate', 'restart', 'immediate',
	'worker', 'terminate', 'launcher');

srand($seed);
note("EC_CHAOS_SEED=$seed");

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'expand_contract'
restart_after_crash = on
log_statement = none
expand_contract.max_workers = 8
max_worker_processes = 20
max_connections = 40
});
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION expand_contract;
	CREATE ROLE app LOGIN;
	SELECT ec_grant('app');
	GRANT CREATE ON SCHEMA public TO app;
});

sub as_app
{
	my ($sql) = @_;

	return $node->safe_psql('postgres', $sql, extra_params => [ '-U', 'app' ]);
}

# ------------------------------------------------------------ tables and jobs

sub make_tables
{
	as_app(q{
		SET client_min_messages = warning;
		DROP TABLE IF EXISTS one, two, audit, born, died, chaos_jobs;
		DROP SEQUENCE IF EXISTS ids, tags_of_one, tags_of_two;
		CREATE SEQUENCE ids START 1000000;
		CREATE SEQUENCE tags_of_one;
		CREATE SEQUENCE tags_of_two;
		CREATE TABLE chaos_jobs (job bigint PRIMARY KEY, relation text, target text);
		CREATE TABLE audit (seq bigint GENERATED ALWAYS AS IDENTITY, relation text, tag bigint,
			job bigint, a_before bool, a_after bool, b_before bool, b_after bool, right_image bool);
		CREATE TABLE born (relation text, tag bigint, in_step bool);
		CREATE TABLE died (relation text, tag bigint);

		CREATE OR REPLACE FUNCTION audit_updates() RETURNS trigger LANGUAGE plpgsql AS $$
		DECLARE
			worker bigint := substring(current_setting('application_name')
				from '^expand_contract .* job (\d+)$');
			column_of_job text := (SELECT target FROM chaos_jobs WHERE job = worker);
		BEGIN
			INSERT INTO audit (relation, tag, job, a_before, a_after, b_before, b_after, right_image)
			SELECT split_part(TG_TABLE_NAME, '_', 1), tag, worker, o.a IS NOT NULL, n.a IS NOT NULL,
				o.b IS NOT DISTINCT FROM upper(o.src), n.b IS NOT DISTINCT FROM upper(n.src),
				CASE column_of_job
					WHEN 'a' THEN (n.id, n.src, n.a, n.b, n.seen, n.fills)
						IS NOT DISTINCT FROM (o.id, o.src, lower(o.src), o.b, o.seen, o.fills + 1)
					WHEN 'b' THEN (n.id, n.src, n.a, n.b, n.seen, n.fills)
						IS NOT DISTINCT FROM (o.id, o.src, o.a, upper(o.src), o.seen, o.fills)
				END
			FROM old_rows o JOIN new_rows n USING (tag)
			WHERE worker IS NOT NULL OR (o.a IS NULL) <> (n.a IS NULL)
				OR (o.b IS DISTINCT FROM upper(o.src)) <> (n.b IS DISTINCT FROM upper(n.src));
			RETURN NULL;
		END $$;
		CREATE OR REPLACE FUNCTION audit_inserts() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			INSERT INTO born SELECT split_part(TG_TABLE_NAME, '_', 1), tag, a = lower(src) AND b = upper(src) FROM new_rows;
			RETURN NULL;
		END $$;
		CREATE OR REPLACE FUNCTION audit_deletes() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			INSERT INTO died SELECT split_part(TG_TABLE_NAME, '_', 1), tag FROM old_rows;
			RETURN NULL;
		END $$;
	});
	# wide enough for several chunks, so that two workers have work
	as_app(qq{
		CREATE TABLE $_ (tag bigint NOT NULL DEFAULT nextval('tags_of_$_'), id bigint DEFAULT nextval('ids'),
			src text NOT NULL, a text, b text, seen int NOT NULL DEFAULT 0, fills int NOT NULL DEFAULT 0,
			filler text NOT NULL DEFAULT repeat('x', 500), PRIMARY KEY (id, tag)) $partitioned{$_};
	}) for @tables;
	my $half = $rows / 2;
	as_app(qq{
		CREATE TABLE two_1 PARTITION OF two FOR VALUES FROM (MINVALUE) TO ($half);
		CREATE TABLE two_2 PARTITION OF two FOR VALUES FROM ($half) TO (MAXVALUE);
	});
	as_app(qq{INSERT INTO $_ (id, src) SELECT i, 'User' || i FROM generate_series(1, $rows) i}) for @tables;
	# workers update partitions by their own names
	as_app(qq{
		CREATE TRIGGER audit_updates AFTER UPDATE ON $_ REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
			FOR EACH STATEMENT EXECUTE FUNCTION audit_updates();
		CREATE TRIGGER audit_inserts AFTER INSERT ON $_ REFERENCING NEW TABLE AS new_rows
			FOR EACH STATEMENT EXECUTE FUNCTION audit_inserts();
		CREATE TRIGGER audit_deletes AFTER DELETE ON $_ REFERENCING OLD TABLE AS old_rows
			FOR EACH STATEMENT EXECUTE FUNCTION audit_deletes();
		VACUUM ANALYZE $_;
	}) for @tables, 'two_1', 'two_2';
	return;
}

# The explicit one counts in the row itself as well: doing it twice shows.
sub submit_jobs
{
	my ($relation, $method, $workers_a, $workers_b) = @_;

	as_app(qq{
		INSERT INTO chaos_jobs SELECT ec_backfill('$relation', 'a = lower(src), fills = fills + 1', 'a IS NULL',
			batch_size => 50, delay_ms => $delay, method => '$method', workers => $workers_a), '$relation', 'a';
		INSERT INTO chaos_jobs SELECT ec_backfill('$relation', 'b = upper(src)',
			batch_size => 40, delay_ms => $delay, method => '$method', workers => $workers_b), '$relation', 'b';
	});
	return;
}

# ------------------------------------------------------------ the application

my $script_directory = PostgreSQL::Test::Utils::tempdir();
my @scripts;

sub add_script
{
	my ($name, $weight, $text) = @_;

	for my $relation (@tables)
	{
		my $path = "$script_directory/$name.$relation";

		append_to_file($path,
			"\\set id random(1, $rows)\n" . ($text =~ s/RELATION/$relation/gr));
		push @scripts, '-f', "$path\@$weight";
	}
	return;
}

sub write_scripts
{
	add_script('insert', 10, q{
INSERT INTO RELATION (src, a, b) SELECT 'New' || :id, 'new' || :id, 'NEW' || :id FROM generate_series(1, 3);
});
	add_script('update', 20, q{
UPDATE RELATION SET src = 'App' || :id, a = 'app' || :id, b = 'APP' || :id WHERE id BETWEEN :id AND :id + 2;
});
	add_script('elsewhere', 20, q{
UPDATE RELATION SET seen = seen + 1 WHERE id = :id;
});
	add_script('delete', 5, q{
DELETE FROM RELATION WHERE id = :id;
});
	add_script('key', 5, q{
UPDATE RELATION SET id = nextval('ids') WHERE id = :id;
});
	add_script('lock', 5, q{
BEGIN;
SELECT FROM RELATION WHERE id BETWEEN :id AND :id + 5 ORDER BY id FOR UPDATE;
\sleep 30 ms
COMMIT;
});
	add_script('share', 5, q{
BEGIN;
SELECT FROM RELATION WHERE id BETWEEN :id AND :id + 5 ORDER BY id FOR SHARE;
\sleep 10 ms
COMMIT;
});
	add_script('rollback', 5, q{
BEGIN;
UPDATE RELATION SET src = 'Lost', a = 'lost', b = NULL WHERE id BETWEEN :id AND :id + 2;
\sleep 5 ms
ROLLBACK;
});
	add_script('old_release', 10, q{
BEGIN;
SELECT count(*) AS first_sweeps FROM (SELECT FROM expand_contract.job_sweeps JOIN chaos_jobs USING (job)
	WHERE relation = 'RELATION' AND sweep = 1 FOR SHARE OF job_sweeps) s \gset
\if :first_sweeps = 2
UPDATE RELATION SET src = 'Old' || :id, a = NULL WHERE id BETWEEN :id AND :id + 1;
\endif
COMMIT;
});
	return;
}

my $application;

sub start_application
{
	my $log = "$script_directory/pgbench.log";

	$application = IPC::Run::start(
		[ 'pgbench', '-n', '-c', 5, '-R', 600, '-T', 3600, @scripts, $node->connstr('postgres') . ' application_name=application' ],
		'<', \undef, '>', $log, '2>', $log);
	return;
}

# It may have ended already, by what we have killed.
sub stop_application
{
	$application->signal('KILL') if $application->pumpable;
	eval { $application->finish };
	return;
}

# ------------------------------------------------------------ killing

my $jobs_at_work = q{SELECT count(*) FROM ec_progress JOIN chaos_jobs USING (job) WHERE state NOT IN ('done', 'failed')};

sub wait_until
{
	my ($condition, $sql) = @_;

	$node->poll_query_until('postgres', $sql)
	  or BAIL_OUT("seed $seed: waited in vain until $condition: "
		  . $node->safe_psql('postgres',
			'SELECT job, state, rows_done, workers, throttled_by, last_error FROM ec_progress ORDER BY job'));
	return;
}

# None if there is no more work.
sub random_worker
{
	wait_until('there is a worker, or no more work',
		"SELECT count(*) > 0 FROM expand_contract.live_slots() UNION SELECT ($jobs_at_work) = 0 ORDER BY 1 DESC LIMIT 1");
	return $node->safe_psql('postgres',
		q{SELECT pid FROM expand_contract.live_slots() ORDER BY random() LIMIT 1});
}

# A child of the postmaster that dies takes all others with it.
sub crash
{
	my ($pid) = @_;
	my $log_offset = -s $node->logfile;

	return if !$pid || !kill('KILL', $pid);
	$node->wait_for_log(qr/database system is ready to accept connections/, $log_offset);
	return;
}

# As long as one of its children lives, another server does not start.
sub kill_postmaster
{
	my $pid = $node->safe_psql('postgres', q{SELECT pg_read_file('postmaster.pid', 0, 10)});
	my $tries = 10 * $PostgreSQL::Test::Utils::timeout_default;

	$pid =~ s/\s.*//s;
	$node->kill9;
	stop_application();
	# whoever is its parent has to take notice as well
	usleep(100_000) while kill(0, $pid) && $tries-- > 0;
	while (!$node->start(fail_ok => 1))
	{
		BAIL_OUT('the server does not start: a process of the old one is left') if --$tries <= 0;
		usleep(100_000);
	}
	return;
}

my %ways = (
	worker => sub { crash(random_worker()) },
	launcher => sub {
		crash($node->safe_psql('postgres',
			q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'expand_contract launcher'}));
	},
	terminate => sub {
		my $pid = random_worker();
		$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)") if $pid;
	},
	postmaster => \&kill_postmaster,
	restart => sub { $node->restart },
	immediate => sub { $node->stop('immediate'); $node->start },
);

# Kill things, evenly over what is to be done; how many were there to be hit.
sub wreak_havoc
{
	my (@hand) = @_;
	my $hits = 0;

	for my $i (1 .. @hand)
	{
		my $way = $hand[ $i - 1 ];
		my $share = int(2 * @tables * $rows * ($i - rand(0.8)) / (@hand + 1));

		wait_until("$share rows are done and each worker has come to work",
			"SELECT sum(rows_done) >= $share AND bool_and(starts = 0 OR jobs.state = 'done')
				OR bool_and(jobs.state = 'done')
			FROM expand_contract.jobs JOIN chaos_jobs ON job = jobs.id
			JOIN (SELECT job, sum(rows_done) AS rows_done FROM expand_contract.job_slots GROUP BY job) s USING (job)");
		usleep(rand(50_000));
		my $left = $node->safe_psql('postgres', $jobs_at_work);
		note("$way, at $share rows, $left jobs at work");
		$hits++ if $left > 0;
		$ways{$way}->();
		stop_application();
		start_application();
	}
	return $hits;
}

# ------------------------------------------------------------ judging

sub is_zero
{
	my ($name, $sql) = @_;

	is($node->safe_psql('postgres', $sql), '0', $name);
	return;
}

sub check_job
{
	my ($name, $job, $relation, $target) = @_;
	my $is_right = $target eq 'a' ? 'a IS NOT DISTINCT FROM lower(src)' : 'b IS NOT DISTINCT FROM upper(src)';
	my $done = $node->safe_psql('postgres', "SELECT rows_done FROM ec_progress WHERE job = $job");

	is_zero("$name: every row is right", "SELECT count(*) FROM $relation WHERE NOT ($is_right)");
	is_zero("$name: no worker updated a row that was done",
		"SELECT count(*) FROM audit WHERE job = $job AND ${target}_before");
	is_zero("$name: and each did what it was told, nothing else",
		"SELECT count(*) FROM audit WHERE job = $job AND right_image IS NOT TRUE");
	is( $node->safe_psql('postgres', "SELECT count(*) FROM audit WHERE job = $job"),
		$done,
		"$name: the job has counted what was committed, $done rows");
	is_zero("$name: the history of each row is complete", qq{
		SELECT count(*) FROM (SELECT ${target}_before AS before, lag(${target}_after, 1, tag > $rows)
			OVER (PARTITION BY tag ORDER BY seq) AS expected FROM audit WHERE relation = '$relation') a
		WHERE before <> expected});
	is_zero("$name: each row was brought in step once, and once more after each break", qq{
		SELECT count(*) FROM $relation LEFT JOIN (
			SELECT tag, count(*) FILTER (WHERE ${target}_after AND NOT ${target}_before) AS filled,
				count(*) FILTER (WHERE ${target}_before AND NOT ${target}_after) AS broken
			FROM audit WHERE relation = '$relation' GROUP BY tag) a USING (tag)
		WHERE coalesce(filled, 0) <> coalesce(broken, 0) + (tag <= $rows)::int});
	is_zero("$name: of rows left to the workers, each was updated by them exactly once", qq{
		SELECT count(*) FROM $relation LEFT JOIN (
			SELECT tag, count(*) FILTER (WHERE job = $job) AS by_workers,
				count(*) FILTER (WHERE job IS NULL AND ${target}_before <> ${target}_after) AS by_others
			FROM audit WHERE relation = '$relation' GROUP BY tag) a USING (tag)
		WHERE tag <= $rows AND coalesce(by_others, 0) = 0 AND coalesce(by_workers, 0) <> 1});
	is_zero("$name: the count in the row says the same", qq{
		SELECT count(*) FROM $relation LEFT JOIN (SELECT tag, count(*) AS fills FROM audit WHERE job = $job
			GROUP BY tag) a USING (tag) WHERE $relation.fills <> coalesce(a.fills, 0)})
	  if $target eq 'a';
	cmp_ok($done, '>', 0, "$name: rows were its own");
	return;
}

sub check_table
{
	my ($name, $relation) = @_;

	is_zero("$name: no row is lost, none came from nowhere", qq{
		SELECT count(*) FROM $relation FULL JOIN (
			(SELECT generate_series(1, $rows)::bigint AS tag UNION ALL SELECT tag FROM born WHERE relation = '$relation')
			EXCEPT ALL SELECT tag FROM died WHERE relation = '$relation') s USING (tag)
		WHERE s.tag IS NULL OR $relation.tag IS NULL});
	is($node->safe_psql('postgres', "SELECT coalesce(bool_and(in_step), true) FROM born WHERE relation = '$relation'"),
		't', "$name: what was inserted was in step");
	return;
}

# Whether the application inserted, deleted, changed keys, updated, filled and
# broke rows.
sub application_did_all
{
	my ($relation) = @_;

	return $node->safe_psql('postgres', qq{
		SELECT (SELECT count(*) > 0 FROM born WHERE relation = '$relation'),
			(SELECT count(*) > 0 FROM died WHERE relation = '$relation'),
			(SELECT count(*) > 0 FROM $relation WHERE id > $rows AND tag <= $rows),
			(SELECT count(*) > 0 FROM $relation WHERE seen > 0),
			count(*) FILTER (WHERE a_after AND NOT a_before) > 0,
			count(*) FILTER (WHERE a_before AND NOT a_after) > 0,
			count(*) FILTER (WHERE b_before AND NOT b_after) > 0
		FROM audit WHERE relation = '$relation' AND job IS NULL}) eq 't|t|t|t|t|t|t';
}

sub run_round
{
	my ($round, @hand) = @_;
	my $hits;

	make_tables();
	start_application();
	submit_jobs('one', 'blocks', 1, 2);
	submit_jobs('two', 'key', 2, 1);
	$hits = wreak_havoc(@hand);
	wait_until('all jobs are over', "SELECT ($jobs_at_work) = 0");
	stop_application();
	wait_until('the application has left',
		q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'application'});

	note("round $round: $hits of " . @hand . ' hit jobs that were at work');
	is( $node->safe_psql('postgres',
			q{SELECT string_agg(state, ' ') FROM ec_progress JOIN chaos_jobs USING (job)}),
		'done done done done',
		"round $round: all jobs are done, by themselves");
	check_table("round $round, table $_", $_) for @tables;
	check_job("round $round, $_->[1].$_->[2]", @$_)
	  for map { [ split /\|/ ] } split /\n/,
	  $node->safe_psql('postgres', 'SELECT job, relation, target FROM chaos_jobs ORDER BY job');
	return (grep { !application_did_all($_) } @tables) ? 0 : $hits;
}

write_scripts();
my $left = $kills;
for my $round (1 .. 10 + $kills)
{
	my $now = min($left, $kills_in_round);

	# a short run has some of each as well
	my @first = $now < @deck ? ('worker', 'worker', 'postmaster', 'terminate', 'restart', 'immediate') : ();
	my $hits = run_round($round, shuffle((@first, shuffle(@deck))[ 0 .. $now - 1 ]));
	$left -= $hits;
	last if $left <= 0;
	$delay *= 2 if $hits < $now / 2;
}
cmp_ok($left, '<=', 0, "$kills kills have hit jobs at work, beside a busy application");

# A worker that never pauses must notice as well that it is an orphan: it would
# keep the next server from starting until its job is done.
as_app(q{
	CREATE TABLE long (id int PRIMARY KEY, done boolean);
	INSERT INTO long SELECT generate_series(1, 300000);
});
my $job = as_app(q{SELECT ec_backfill('long', 'done = true', 'done IS NULL', batch_size => 10, delay_ms => 0)});
wait_until('the job is at work', "SELECT rows_done > 0 FROM ec_progress WHERE job = $job");
start_application();
kill_postmaster();
cmp_ok($node->safe_psql('postgres', "SELECT rows_done FROM ec_progress WHERE job = $job"),
	'<', 150_000, 'the worker of a job without pauses ends with its postmaster');
$node->safe_psql('postgres', "SELECT ec_cancel($job)");

$node->stop;
done_testing();
