# Copies under fire: while an application writes the source, whose trigger
# writes the target as well, workers and the postmaster are killed.  At the end
# the target holds what the mapping makes of the source: no row is missing, none
# has come back from the dead, none is of yesterday.  And the job has written
# exactly the rows that it has counted.
#
#	EC_CHAOS_KILLS	how many things are killed in each of the two copies (3)
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcTest;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $kills = $ENV{EC_CHAOS_KILLS} || 3;
my $rows = 12_000;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'expand_contract'
restart_after_crash = on
expand_contract.max_workers = 4
});
$node->start;

# Dual write as a table target has it: a statement at a time, a changed key is
# a delete and an insert.  What the workers write is counted by a trigger.
$node->safe_psql(
	'postgres', qq{
	CREATE EXTENSION expand_contract;
	CREATE SEQUENCE ids START 100000;
	CREATE TABLE legacy (id int PRIMARY KEY, name text, filler text DEFAULT repeat('x', 300));
	CREATE TABLE modern (id bigint PRIMARY KEY, email text);
	CREATE TABLE written (job text, what text);
	INSERT INTO legacy SELECT i, 'User' || i FROM generate_series(1, $rows) i;
	CREATE FUNCTION write_modern() RETURNS trigger LANGUAGE plpgsql AS \$\$
	BEGIN
		IF TG_OP <> 'INSERT' THEN
			DELETE FROM modern WHERE id IN (SELECT id FROM old_rows);
		END IF;
		IF TG_OP <> 'DELETE' THEN
			INSERT INTO modern SELECT id, lower(name) FROM new_rows
				ON CONFLICT (id) DO UPDATE SET email = excluded.email;
		END IF;
		RETURN NULL;
	END \$\$;
	CREATE TRIGGER i AFTER INSERT ON legacy REFERENCING NEW TABLE AS new_rows
		FOR EACH STATEMENT EXECUTE FUNCTION write_modern();
	CREATE TRIGGER u AFTER UPDATE ON legacy REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
		FOR EACH STATEMENT EXECUTE FUNCTION write_modern();
	CREATE TRIGGER d AFTER DELETE ON legacy REFERENCING OLD TABLE AS old_rows
		FOR EACH STATEMENT EXECUTE FUNCTION write_modern();
	CREATE FUNCTION count_written() RETURNS trigger LANGUAGE plpgsql AS \$\$
	BEGIN
		IF current_setting('application_name') LIKE 'expand_contract copy job %' THEN
			INSERT INTO written VALUES (substring(current_setting('application_name') from '\\d+\$'), TG_OP);
		END IF;
		RETURN NULL;
	END \$\$;
	CREATE TRIGGER count_written AFTER INSERT OR UPDATE OR DELETE ON modern FOR EACH ROW EXECUTE FUNCTION count_written();
	VACUUM ANALYZE;
});

my $directory = PostgreSQL::Test::Utils::tempdir();
my %scripts = (
	insert => q{INSERT INTO legacy (id, name) SELECT nextval('ids'), 'New' FROM generate_series(1, 3);},
	update => q{UPDATE legacy SET name = 'Changed' || :id WHERE id BETWEEN :id AND :id + 2;},
	delete => q{DELETE FROM legacy WHERE id = :id;},
	key => q{UPDATE legacy SET id = nextval('ids') WHERE id = :id;},
	again => q{INSERT INTO legacy (id, name) VALUES (:id, 'Again') ON CONFLICT (id) DO NOTHING;},
	slow => qq{BEGIN;\nDELETE FROM legacy WHERE id = :id;\n\\sleep 20 ms\nCOMMIT;},
	lost => qq{BEGIN;\nUPDATE legacy SET id = -id, name = 'Lost' WHERE id = :id;\n\\sleep 20 ms\nROLLBACK;});
append_to_file("$directory/$_", "\\set id random(1, $rows)\n$scripts{$_}\n") for keys %scripts;

my $application;

sub start_application
{
	my $log = "$directory/pgbench.log";

	$application = IPC::Run::start(
		[ 'pgbench', '-n', '-c', 4, '-R', 400, '-T', 3600,
			(map { ('-f', "$directory/$_") } sort keys %scripts), $node->connstr('postgres') ],
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

sub kill_something
{
	my ($job, $turn) = @_;

	if ($turn % 3 == 2)
	{
		$node->stop('immediate');
		$node->start;
	}
	else
	{
		my $log_offset = -s $node->logfile;
		my $pid = $node->safe_psql('postgres',
			"SELECT pid FROM expand_contract.live_slots() WHERE job = $job ORDER BY random() LIMIT 1");

		return if !$pid || !kill('KILL', $pid);
		$node->wait_for_log(qr/database system is ready to accept connections/, $log_offset);
	}
	return;
}

sub copy_under_fire
{
	my ($mode, $method, $workers) = @_;
	my $name = "$mode by $method";
	my $job = $node->safe_psql('postgres', qq{
		SELECT ec_copy('legacy', 'modern', '{"id": "id", "email": "lower(name)"}', mode => '$mode',
			method => '$method', batch_size => 50, delay_ms => 60, workers => $workers)});
	my $hits = 0;

	start_application();
	for my $turn (0 .. $kills - 1)
	{
		my $share = int($rows * 0.8 * ($turn + 1) / ($kills + 1));

		$node->poll_query_until('postgres',
			"SELECT state = 'done' OR rows_done >= $share AND workers > 0 FROM ec_progress WHERE job = $job")
		  or BAIL_OUT("$name did not come to $share rows");
		$hits++ if $node->safe_psql('postgres', "SELECT state FROM ec_progress WHERE job = $job") ne 'done';
		kill_something($job, $turn);
		stop_application();
		start_application();
	}
	# slow for as long as something was to be killed
	$node->psql('postgres', "SELECT ec_configure($job, delay_ms => 0)");
	$node->poll_query_until('postgres', "SELECT state IN ('done', 'failed') FROM ec_progress WHERE job = $job")
	  or BAIL_OUT("$name did not end");
	stop_application();
	# what it had begun is over
	$node->poll_query_until('postgres',
		"SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'pgbench'");

	is($node->safe_psql('postgres', "SELECT state, last_error FROM ec_progress WHERE job = $job"),
		'done|', "$name: the job has ended by itself");
	cmp_ok($hits, '>', 0, "$name: it was at work when something was killed, $hits times");
	is($node->safe_psql('postgres',
			q{SELECT count(*) FROM legacy FULL JOIN modern USING (id) WHERE email IS DISTINCT FROM lower(name)}),
		'0', "$name: the target is what the mapping makes of the source");
	is($node->safe_psql('postgres', "SELECT count(*) FROM written WHERE job = '$job'"),
		$node->safe_psql('postgres', "SELECT rows_done FROM ec_progress WHERE job = $job"),
		"$name: the job has counted what was committed");
	return $job;
}

my $job = copy_under_fire('fill', 'blocks', 2);
is($node->safe_psql('postgres', "SELECT count(*) FROM written WHERE job = '$job' AND what <> 'INSERT'"),
	'0', 'a fill does nothing but insert');

# a target out of step in every way, for as many rows
$node->safe_psql(
	'postgres', qq{
	DELETE FROM modern WHERE id % 3 = 0;
	UPDATE modern SET email = 'wrong' WHERE id % 3 = 1;
	INSERT INTO modern SELECT -i, 'extra' FROM generate_series(1, $rows) i;
});
copy_under_fire('repair', 'blocks', 2);
$node->safe_psql(
	'postgres', qq{
	UPDATE modern SET email = 'wrong' WHERE id % 2 = 1;
	INSERT INTO modern SELECT -i, 'extra' FROM generate_series(1, $rows) i;
});
copy_under_fire('repair', 'key', 2);

# From another database, as a foreign table: a range of keys at a time.
$node->safe_psql('postgres', 'CREATE DATABASE elsewhere');
$node->safe_psql(
	'elsewhere', qq{
	CREATE TABLE legacy (region text COLLATE "C", id int, at timestamptz, PRIMARY KEY (id, region));
	INSERT INTO legacy SELECT chr(97 + i % 3), i / 3, '2026-01-01'::timestamptz + i * interval '1.000001 s'
		FROM generate_series(1, 3000) i});
my ($host, $port) = ($node->host, $node->port);
$node->safe_psql(
	'postgres', qq{
	CREATE EXTENSION postgres_fdw;
	CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname 'elsewhere');
	CREATE USER MAPPING FOR CURRENT_USER SERVER elsewhere;
	CREATE FOREIGN TABLE far (region text COLLATE "C", id int, at timestamptz) SERVER elsewhere OPTIONS (table_name 'legacy');
	CREATE TABLE near (id bigint, region text COLLATE "C", at timestamptz, PRIMARY KEY (id, region));
	INSERT INTO near VALUES (7, 'a', NULL), (-1, 'z', NULL);
	CREATE TRIGGER count_written AFTER INSERT OR UPDATE OR DELETE ON near FOR EACH ROW EXECUTE FUNCTION count_written();
});
my $far = $node->safe_psql('postgres',
	q{SELECT ec_copy('far', 'near', '{"id": "id", "region": "region", "at": "at"}', mode => 'repair', batch_size => 100, delay_ms => 20)});
wait_for_rows($node, $far, 1000);
kill_worker($node, $far);
$node->poll_query_until('postgres', "SELECT state IN ('done', 'failed') FROM ec_progress WHERE job = $far")
  or BAIL_OUT('the copy of a foreign table did not end');
is($node->safe_psql('postgres', "SELECT state, rows_done, last_error FROM ec_progress WHERE job = $far"),
	'done|3001|', 'a foreign table: the job has ended by itself');
is($node->safe_psql('postgres', "SELECT count(*) FROM written WHERE job = '$far'"),
	'3001', 'a foreign table: no row was written twice');
is($node->safe_psql('postgres', q{SELECT count(*), count(*) FILTER (WHERE near.at = far.at) FROM far FULL JOIN near USING (id, region)}),
	'3000|3000', 'a foreign table: the target is what the mapping makes of the source');

is($node->safe_psql('postgres', q{SELECT count(DISTINCT what) FROM written WHERE what IN ('INSERT', 'UPDATE', 'DELETE')}),
	'3', 'rows were inserted, updated and deleted');

done_testing();
