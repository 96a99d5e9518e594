# What a job waits for, each provoked for real: standbys that lag, stand still
# or are gone, somebody who waits for a lock on the table, a VACUUM of it, and an
# old snapshot that keeps dead rows from being pruned.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $rows = 20_000;
my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf',
	"autovacuum = off\nexpand_contract.max_replication_lag = 0\nmax_prepared_transactions = 1");
$primary->start;
$primary->safe_psql(
	'postgres', qq{
	CREATE EXTENSION expand_contract;
	CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, email text) WITH (autovacuum_enabled = off);
	INSERT INTO users SELECT i, 'User' || i FROM generate_series(1, $rows) i;
	VACUUM ANALYZE users;
});
$primary->backup('base');
$primary->safe_psql('postgres',
	"SELECT pg_create_physical_replication_slot('standby', true)");
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "primary_slot_name = 'standby'");
$standby->start;
$primary->wait_for_catchup($standby);

# A job that goes on for as long as we need it, a batch every 20 ms.
sub new_job
{
	my ($options) = @_;

	$primary->safe_psql('postgres', 'UPDATE users SET email = NULL; VACUUM users');
	$primary->wait_for_catchup($standby) if $standby->{_pid};
	return $primary->safe_psql('postgres',
		"SELECT ec_backfill('users', 'email = lower(name)', 'email IS NULL', batch_size => 10, delay_ms => 20"
		  . ($options ? ", $options" : '')
		  . ')');
}

sub wait_for_throttle
{
	my ($job, $pattern, $name) = @_;

	ok( $primary->poll_query_until('postgres',
			"SELECT throttled_by ~ '^$pattern\$' FROM ec_progress WHERE job = $job"),
		$name)
	  or BAIL_OUT("job $job is not throttled by $pattern");
	return;
}

# While it waits it holds nothing, keeps its slot, and writes nothing.
sub check_is_idle
{
	my ($job, $name) = @_;
	my $pid = worker_pid($primary, $job);

	ok( $primary->poll_query_until('postgres',
			"SELECT backend_xid IS NULL AND backend_xmin IS NULL AND xact_start IS NULL AND state = 'idle' FROM pg_stat_activity WHERE pid = $pid"),
		"$name: no transaction and no snapshot");
	ok( $primary->poll_query_until('postgres',
			"SELECT string_agg(DISTINCT locktype, ',') = 'advisory' FROM pg_locks WHERE pid = $pid"),
		"$name: no lock but those of its slot");
	is( $primary->safe_psql('postgres',
			"SELECT state, workers FROM ec_progress WHERE job = $job"),
		'running|1',
		"$name: it keeps its slot");
	return;
}

sub wait_for_progress
{
	my ($job, $name) = @_;
	my $done = $primary->safe_psql('postgres',
		"SELECT rows_done FROM ec_progress WHERE job = $job");

	ok( $primary->poll_query_until('postgres',
			"SELECT rows_done > $done FROM ec_progress WHERE job = $job"),
		$name)
	  or BAIL_OUT("job $job does not go on");
	return;
}

# max_replication_lag = 0 stops for any lag; a standby that keeps up has none.
my $log_offset = -s $primary->logfile;
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
my $job = new_job_without_catchup();

sub new_job_without_catchup
{
	$primary->safe_psql('postgres', 'UPDATE users SET email = NULL WHERE id = 1');
	return $primary->safe_psql('postgres',
		q{SELECT ec_backfill('users', 'email = lower(name)', 'email IS NULL', batch_size => 10, delay_ms => 20)});
}
wait_for_throttle($job, 'replica lag', 'a standby that replays nothing');
check_is_idle($job, 'replica lag');
$primary->wait_for_log(qr/LOG:  expand_contract job $job is throttled by replica lag/,
	$log_offset);
pass('the log says so');
is($primary->safe_psql('postgres', "SELECT ec_pause($job)"),
	'paused', 'a throttled job can be paused');
ok( $primary->poll_query_until('postgres',
		"SELECT workers = 0 FROM ec_progress WHERE job = $job"),
	'and its worker leaves');
$log_offset = -s $primary->logfile;
$primary->safe_psql('postgres', "SELECT ec_resume($job)");
wait_for_throttle($job, 'replica lag', 'resumed it waits again');
$primary->wait_for_log(qr/LOG:  expand_contract job $job is throttled by replica lag/,
	$log_offset);

# Another limit counts at once, for this job alone.
$primary->safe_psql('postgres', "SELECT ec_configure($job, max_lag => '1 day')");
wait_for_progress($job, 'max_lag by ec_configure lets it go on');
$primary->wait_for_log(qr/LOG:  expand_contract job $job goes on after .* no longer throttled by replica lag/,
	$log_offset);
$primary->safe_psql('postgres', "SELECT ec_configure($job, max_lag => '300 ms')");
wait_for_throttle($job, 'replica lag', 'the lag of a standby that stands still grows');
$primary->safe_psql('postgres', "SELECT ec_configure($job, max_lag => '2 s')");
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
wait_for_progress($job, 'it goes on when the standby has caught up');
$primary->safe_psql('postgres', "SELECT ec_cancel($job)");

# The same by the argument; and a standby that is gone has left its slot.
$job = new_job(q{max_lag => '1 hour'});
wait_for_rows($primary, $job, 1);
$standby->stop;
wait_for_throttle($job, 'replica lag', 'an inactive slot is a lag that nobody knows');
is( $primary->safe_psql('postgres',
		"SELECT replication_lag IS NULL FROM ec_progress WHERE job = $job"),
	't',
	'and no lag is not what ec_progress says');

# Naming both makes it go on.
$primary->append_conf('postgresql.conf',
	"expand_contract.ignore_standbys = 'someone, standby'");
$primary->reload;
wait_for_progress($job, 'ignore_standbys lets it go on');
$primary->safe_psql('postgres', "SELECT ec_cancel($job)");
$primary->adjust_conf('postgresql.conf', 'expand_contract.ignore_standbys', "''");
$primary->reload;

# A standby without a slot that was there and is not any more.
$standby->adjust_conf('postgresql.conf', 'primary_slot_name', "''");
$primary->safe_psql('postgres', "SELECT pg_drop_replication_slot('standby')");
$standby->start;
$job = new_job(q{max_lag => '1 hour'});
wait_for_rows($primary, $job, 1);
$standby->stop;
wait_for_throttle($job, 'replica lag', 'so is a standby that has vanished');
my $worker = worker_pid($primary, $job);
$primary->safe_psql('postgres', "SELECT pg_terminate_backend($worker, 60000)");
$primary->safe_psql('postgres', "SELECT ec_resume($job)");
wait_for_throttle($job, 'replica lag', 'which the next worker has not forgotten');
isnt(worker_pid($primary, $job), $worker, 'and it is another one');
$standby->start;
wait_for_progress($job, 'it goes on when the standby is back');
$primary->safe_psql('postgres', "SELECT ec_cancel($job)");
$standby->stop;

# Somebody waits for a lock on the table, behind somebody else.
$job = new_job();
wait_for_rows($primary, $job, 1);
my $reader = $primary->background_psql('postgres');
$reader->query_safe('BEGIN; SELECT 1 FROM users LIMIT 1');
my $alter = $primary->background_psql('postgres');
$alter->query_until(qr/asked/, "\\echo asked\nALTER TABLE users ADD COLUMN seen boolean;\n");
wait_for_throttle($job, 'lock waiters', 'a waiting ALTER TABLE');
check_is_idle($job, 'lock waiters');
$reader->query_safe('COMMIT');
wait_for_progress($job, 'it goes on when the lock was granted');
$alter->quit;
is( $primary->safe_psql('postgres',
		q{SELECT count(*) FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'seen'}),
	'1',
	'the ALTER TABLE was done');

# Somebody holds one.
$reader->query_safe('BEGIN; LOCK TABLE users IN SHARE MODE');
wait_for_throttle($job, 'lock', 'a table that is locked');
$reader->query_safe('COMMIT');
wait_for_progress($job, 'it goes on when the lock is gone');

# A VACUUM of the table: with such pauses it takes for ever.
my $vacuum = $primary->background_psql('postgres');
$vacuum->query_until(qr/asked/,
	"\\echo asked\nSET vacuum_cost_delay = '100ms';\nSET vacuum_cost_limit = 1;\nVACUUM (DISABLE_PAGE_SKIPPING) users;\n");
wait_for_throttle($job, 'autovacuum', 'a VACUUM of the table');
check_is_idle($job, 'autovacuum');
$primary->safe_psql('postgres',
	q{SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_progress_vacuum});
wait_for_progress($job, 'it goes on when the VACUUM has ended');
$primary->safe_psql('postgres', "SELECT ec_cancel($job)");
eval { $vacuum->quit };

# An old snapshot keeps dead rows from being pruned, and the table grows.
sub growing_table
{
	$primary->safe_psql(
		'postgres', qq{
		DROP TABLE IF EXISTS grows;
		CREATE TABLE grows (id bigint PRIMARY KEY, name text NOT NULL, email text) WITH (autovacuum_enabled = off);
		INSERT INTO grows SELECT i, 'User' || i FROM generate_series(1, $rows) i;
		VACUUM ANALYZE grows;
	});
	$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class');
	return $primary->safe_psql('postgres',
		q{SELECT ec_backfill('grows', 'email = lower(name)', batch_size => 100, delay_ms => 0)});
}
my $reader_pid = $reader->query_safe('SELECT pg_backend_pid()');
$job = growing_table();
wait_for_throttle($job, "old snapshot of pid $reader_pid", 'an old snapshot');
check_is_idle($job, 'old snapshot');
cmp_ok(
	$primary->safe_psql('postgres',
		"SELECT table_growth FROM ec_progress WHERE job = $job"),
	'<', 1.5, 'the table has not grown up to max_growth');
$reader->query_safe('COMMIT');
$primary->safe_psql('postgres', "CALL ec_wait($job)");
is( $primary->safe_psql('postgres',
		'SELECT count(*) FROM grows WHERE email = lower(name)'),
	$rows,
	'it goes on to the end when the snapshot is gone');

# Others go on writing, and take the table over the limit: the job fails, and can be resumed.
$job = growing_table();
wait_for_throttle($job, "old snapshot of pid $reader_pid", 'an old snapshot once more');
$primary->safe_psql('postgres', "UPDATE grows SET name = name WHERE id % 2 = 0");
ok( $primary->poll_query_until('postgres',
		"SELECT state = 'failed' FROM ec_progress WHERE job = $job"),
	'the job fails at max_growth');
like(
	$primary->safe_psql('postgres',
		"SELECT last_error FROM ec_progress WHERE job = $job"),
	qr/^53400: table public.grows has grown beyond expand_contract.max_growth.*pid $reader_pid.*ec_resume\($job\)/,
	'with its reason');
$reader->query_safe('COMMIT');
$primary->safe_psql('postgres', "SELECT ec_resume($job)");
$primary->safe_psql('postgres', "CALL ec_wait($job)");
pass('resumed without the snapshot, the job ends');

# The same of partitions: what others write into any of them counts.
$primary->safe_psql(
	'postgres', qq{
	CREATE TABLE parted (id bigint PRIMARY KEY, name text NOT NULL, email text) PARTITION BY RANGE (id);
	CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO ($rows / 2) WITH (autovacuum_enabled = off);
	CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM ($rows / 2) TO ($rows + 1) WITH (autovacuum_enabled = off);
	INSERT INTO parted SELECT i, 'User' || i FROM generate_series(1, $rows) i;
	VACUUM ANALYZE parted;
});
$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class');
$job = $primary->safe_psql('postgres',
	q{SELECT ec_backfill('parted', 'email = lower(name)', batch_size => 100, delay_ms => 0)});
wait_for_throttle($job, "old snapshot of pid $reader_pid", 'an old snapshot, and partitions');
$primary->safe_psql('postgres', "UPDATE parted_1 SET name = name; UPDATE parted_2 SET name = name");
ok( $primary->poll_query_until('postgres',
		"SELECT state = 'failed' FROM ec_progress WHERE job = $job"),
	'the job over partitions fails at max_growth');
like(
	$primary->safe_psql('postgres',
		"SELECT last_error FROM ec_progress WHERE job = $job"),
	qr/^53400: table public.parted has grown beyond expand_contract.max_growth/,
	'with its reason');
$reader->query_safe('COMMIT');
$primary->safe_psql('postgres', "SELECT ec_resume($job)");
$primary->safe_psql('postgres', "CALL ec_wait($job)");

# Whoever has prepared a transaction is no process.
$primary->safe_psql('postgres', q{BEGIN; CREATE TABLE other (); PREPARE TRANSACTION 'somebody''s'});
$job = growing_table();
$reader->query_safe('COMMIT');
wait_for_throttle($job, 'old snapshot of prepared transaction .somebody.*s.', 'a prepared transaction');
$primary->safe_psql('postgres', q{ROLLBACK PREPARED 'somebody''s'});
$primary->safe_psql('postgres', "CALL ec_wait($job)");

# Growth alone is none of this: an index on the column means that the table has to grow.
$primary->append_conf('postgresql.conf', 'expand_contract.max_growth = 1.01');
$primary->reload;
$primary->safe_psql('postgres', 'UPDATE grows SET email = NULL; VACUUM FULL grows; CREATE INDEX ON grows (email)');
my $size = q{SELECT pg_relation_size('grows')};
my $before = $primary->safe_psql('postgres', $size);
$job = $primary->safe_psql('postgres',
	q{SELECT ec_backfill('grows', 'email = lower(name)', batch_size => 100, delay_ms => 0)});
$primary->safe_psql('postgres', "CALL ec_wait($job)");
cmp_ok($primary->safe_psql('postgres', $size),
	'>', 1.1 * $before, 'a table may grow without an old snapshot');

$reader->quit;

# WAL: the server is set up for 16 MB an hour.  That of a job alone is no reason.
$primary->append_conf('postgresql.conf',
	"max_wal_size = '32MB'\nmin_wal_size = '32MB'\ncheckpoint_timeout = '1h'\nlog_checkpoints = on");
$primary->reload;
$log_offset = -s $primary->logfile;
$job = new_job();
$primary->safe_psql('postgres', "SELECT ec_configure($job, batch_size => 100, delay_ms => 10)");
$primary->safe_psql('postgres', "CALL ec_wait($job)");
unlike(slurp_file($primary->logfile, $log_offset),
	qr/job $job is throttled/, 'the WAL of the job itself is no reason to wait');

# Others write a megabyte a second.
sub start_writer
{
	my $session = $primary->background_psql('postgres');

	$session->query_until(qr/asked/, q{\echo asked
		DO $$ BEGIN
			LOOP
				PERFORM pg_logical_emit_message(false, 'test', repeat('x', 50000));
				PERFORM pg_sleep(0.05);
			END LOOP;
		END $$;
	});
	return $session;
}

sub stop_writer
{
	my ($session) = @_;

	$primary->safe_psql('postgres',
		q{SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE query ~ 'pg_logical_emit_message' AND pid <> pg_backend_pid()});
	eval { $session->quit };
	return;
}

$job = new_job();
my $writer = start_writer();
wait_for_rows($primary, $job, 500);
$log_offset = -s $primary->logfile;
$primary->safe_psql('postgres', "SELECT ec_configure($job, batch_size => 1000, delay_ms => 0)");
wait_for_throttle($job, 'WAL rate', 'others that write much WAL');
wait_for_progress($job, 'the job goes on, at their pace');
$primary->wait_for_log(qr/LOG:  expand_contract job $job is throttled by WAL rate/, $log_offset);
stop_writer($writer);
$primary->safe_psql('postgres', "CALL ec_wait($job)");
pass('and ends when they do not');

# A checkpoint that is late: it is stopped, and others go on writing.
$primary->append_conf('postgresql.conf', "max_wal_size = '1GB'\nbgwriter_lru_maxpages = 0\nexpand_contract.max_growth = 1000");
$primary->reload;
$primary->safe_psql('postgres', 'UPDATE users SET email = NULL; VACUUM users; CHECKPOINT; UPDATE users SET name = name');
$log_offset = -s $primary->logfile;
my $backup = $primary->background_psql('postgres');
$backup->query_until(qr/asked/, "\\echo asked\nSELECT pg_backup_start('test', false);\n");
$primary->wait_for_log(qr/checkpoint starting: force/, $log_offset);
my $checkpointer = $primary->safe_psql('postgres',
	q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'});
kill 'STOP', $checkpointer or die "could not stop the checkpointer: $!";
unlike(slurp_file($primary->logfile, $log_offset), qr/checkpoint complete/,
	'a checkpoint is under way');
$primary->append_conf('postgresql.conf', "max_wal_size = '32MB'");
$primary->reload;

# A job alone may take it that far.
$primary->safe_psql(
	'postgres', q{
	CREATE FUNCTION write_wal() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM pg_logical_emit_message(false, 'test', repeat('x', 300000));
		RETURN NULL;
	END $$;
	CREATE TRIGGER write_wal AFTER UPDATE ON users FOR EACH STATEMENT EXECUTE FUNCTION write_wal();
});
$job = $primary->safe_psql('postgres',
	q{SELECT ec_backfill('users', 'email = lower(name)', 'email IS NULL', batch_size => 200, delay_ms => 20)});
$primary->safe_psql('postgres', "CALL ec_wait($job, '120 s')");
cmp_ok($primary->safe_psql('postgres', "SELECT wal_bytes FROM ec_progress WHERE job = $job"),
	'>', 20_000_000, 'the WAL of a job alone makes a checkpoint late, and the job does not wait for it');

$primary->safe_psql('postgres', 'DROP TRIGGER write_wal ON users; UPDATE users SET email = NULL');
$job = $primary->safe_psql('postgres',
	q{SELECT ec_backfill('users', 'email = lower(name)', 'email IS NULL', batch_size => 10, delay_ms => 20)});
wait_for_rows($primary, $job, 1);
$writer = start_writer();
$primary->safe_psql('postgres',
	q{SELECT count(pg_logical_emit_message(false, 'test', repeat('x', 1000000))) FROM generate_series(1, 20)});
wait_for_throttle($job, 'checkpoint', 'a checkpoint that is late');
check_is_idle($job, 'checkpoint');
stop_writer($writer);
kill 'CONT', $checkpointer;
wait_for_progress($job, 'it goes on when the checkpoint has come to its end');
$primary->safe_psql('postgres', "SELECT ec_cancel($job)");
$backup->quit;

$primary->stop;
done_testing();
