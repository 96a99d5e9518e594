# What a migration waits for, and who waits for it: a concurrent build behind
# an old snapshot, its cancellation, and an ALTER TABLE that the application
# does not queue behind.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use List::Util qw(max);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf',
	"deadlock_timeout = 10ms\nlog_lock_waits = on\nmax_worker_processes = 16");
$node->start;
# a lock_timeout that whoever submits may have must not reach the build
$node->safe_psql('postgres', q{
	ALTER DATABASE postgres SET lock_timeout = '50ms';
	CREATE EXTENSION expand_contract;
	CREATE TABLE b (id int PRIMARY KEY, name text);
	INSERT INTO b SELECT i, 'User' || i FROM generate_series(1, 1000) i;
	CREATE TABLE other (id int);
});

sub session
{
	my ($name, $sql) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 1);

	$session->query_safe("SET application_name = '$name'; SET lock_timeout = 0; $sql");
	return $session;
}

sub wait_until
{
	my ($sql, $what) = @_;

	$node->poll_query_until('postgres', $sql) or BAIL_OUT("waited in vain: $what");
	return;
}

sub errors_of
{
	my ($sql) = @_;
	my ($code, $stdout, $stderr) =
	  $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");

	return $stderr;
}

my $apply = q{SELECT ec_apply('001', 'CREATE INDEX CONCURRENTLY b_name ON b (name)')};
my $invalid = 'SELECT count(*) FROM pg_index WHERE NOT indisvalid';
my $waits_for_snapshots =
  q{SELECT count(*) = 1 FROM pg_stat_progress_create_index WHERE phase = 'waiting for old snapshots'};

# ------------------------------------------------ an old snapshot elsewhere
my $reporting = session('reporting',
	'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM other');
my $pid = $reporting->query_safe('SELECT pg_backend_pid()');
is($node->safe_psql('postgres', $apply), 'queued', 'a build is queued');
wait_until($waits_for_snapshots, 'the build waits for the snapshot');
is($node->safe_psql('postgres', $apply), 'running', 'and runs');

my $errors = errors_of(q{CALL ec_wait_migration('001', '3s')});
like(
	$errors,
	qr/NOTICE: .*migration "001" is running, step 1 of 1, job 1: CREATE INDEX CONCURRENTLY, waiting for old snapshots, \d+ of \d+ waited for, waits for pid $pid \(reporting, idle in transaction, transaction age \d+ s\)/,
	'ec_wait_migration says whom it waits for');
like($errors, qr/ERROR:  XE013: gave up waiting for migration "001"/, 'and gives up in time');
is( $node->safe_psql('postgres',
		q{SELECT count(*) FROM pg_stat_activity WHERE backend_xmin IS NOT NULL AND query ~ 'ec_wait_migration' AND pid <> pg_backend_pid()}),
	'0',
	'without a snapshot of its own left');

# cancelled: nothing invalid stays
is($node->safe_psql('postgres', 'SELECT ec_cancel(1)'), 'cancelled', 'the build is cancelled');
$errors = errors_of(q{CALL ec_wait_migration('001', '5min')});
like($errors,
	qr/ERROR:  XE012: migration "001" was cancelled\nDETAIL:  0 of 1 steps are done.\nHINT:  Use ec_apply again to go on where it stopped./,
	'whoever waits is told');
is($node->safe_psql('postgres', $invalid), '0', 'nothing invalid is left');
is( $node->safe_psql('postgres', 'SELECT state, error FROM ec_migrations'),
	'failed|job 1 was cancelled',
	'the ledger says so');

# somebody who reads the table holds up the dropping as well
$reporting->query_safe('COMMIT; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM b');
is($node->safe_psql('postgres', $apply), 'queued', 'it is applied again');
wait_until($waits_for_snapshots, 'the build waits for the reader');
$node->safe_psql('postgres', q{SELECT ec_cancel(job) FROM ec_migrations});
wait_until("SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND locktype = 'virtualxid'",
	'the worker waits to drop the index');
like(errors_of($apply),
	qr/ERROR:  55006: migration "001" is being cancelled\nDETAIL:  The worker of job 2 is dropping the invalid index that it left.\nHINT:  Wait for it/,
	'meanwhile it cannot be applied');
like(errors_of(q{CALL ec_wait_migration('001', '2s')}),
	qr/cancelled: what is left invalid is dropped, job 2: CREATE INDEX CONCURRENTLY, waits for pid $pid/,
	'and ec_wait_migration says why');
$reporting->query_safe('COMMIT');
$errors = errors_of(q{CALL ec_wait_migration('001', '5min')});
like($errors, qr/XE012: migration "001" was cancelled/, 'then it is over');
is($node->safe_psql('postgres', $invalid), '0', 'and nothing invalid is left');

# pg_cancel_backend is a failure like others
$reporting->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM other');
$node->safe_psql('postgres', $apply);
wait_until($waits_for_snapshots, 'the build waits for the snapshot again');
$node->safe_psql('postgres', 'SELECT pg_cancel_backend(pid) FROM expand_contract.live_slots()');
like(errors_of(q{CALL ec_wait_migration('001', '5min')}),
	qr/ERROR:  57014: canceling statement due to user request/, 'a cancelled backend fails the migration');
is($node->safe_psql('postgres', $invalid), '0', 'and leaves nothing invalid');

# and in the end it is built
$node->safe_psql('postgres', $apply);
wait_until($waits_for_snapshots, 'the build waits once more');
$node->safe_psql('postgres', 'SELECT pg_terminate_backend(pid, 10000) FROM expand_contract.live_slots()');
like(errors_of(q{SELECT ec_rollback('001')}),
	qr/55000: migration "001" was stopped in the middle of its first statement\nDETAIL:  Its first statement left behind: public.b_name./,
	'a half that nobody cleaned up does not leave the ledger');
$node->safe_psql('postgres', $apply);
wait_until($waits_for_snapshots, 'the build waits for the last time');
$reporting->query_safe('COMMIT');
$node->safe_psql('postgres', q{CALL ec_wait_migration('001', '5min')});
is($node->safe_psql('postgres',
		q{SELECT state, indisvalid FROM ec_migrations, pg_index WHERE indexrelid = 'b_name'::regclass}),
	'applied|t', 'once the snapshot is gone, it is built');

# ------------------------------------------------ REINDEX CONCURRENTLY
# stopped before the exchange of the indexes: the copies are dropped
my $reindex = q{SELECT ec_apply('001r', 'REINDEX TABLE CONCURRENTLY b')};
my $names = q{SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relname ~ '^b_'};
$reporting->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM other');
$node->safe_psql('postgres', $reindex);
wait_until($waits_for_snapshots, 'the REINDEX waits for the snapshot');
is($node->safe_psql('postgres', $names), 'b_name b_name_ccnew b_pkey b_pkey_ccnew', 'a REINDEX makes copies');
$node->safe_psql('postgres', 'SELECT ec_cancel(job) FROM ec_migrations WHERE job IS NOT NULL');
like(errors_of(q{CALL ec_wait_migration('001r', '5min')}), qr/was cancelled/, 'it is cancelled before they are of use');
is($node->safe_psql('postgres', "$names; $invalid"), "b_name b_pkey\n0", 'then they are dropped');

# stopped after it: the old ones are, and that is the end
my $builds = $node->safe_psql('postgres', q{SELECT string_agg(oid::text, ' ') FROM pg_class WHERE relname IN ('b_name', 'b_pkey')});
$node->safe_psql('postgres', $reindex);
wait_until($waits_for_snapshots, 'the REINDEX waits for the snapshot again');
my $reader = session('reader', 'BEGIN; SELECT count(*) FROM b');
$reporting->query_safe('COMMIT');
wait_until(q{SELECT count(*) = 1 FROM pg_stat_progress_create_index WHERE phase = 'waiting for readers before marking dead'},
	'the REINDEX waits for the reader');
is($node->safe_psql('postgres', $names), 'b_name b_name_ccold b_pkey b_pkey_ccold', 'it has exchanged the indexes');
$node->safe_psql('postgres', 'SELECT pg_terminate_backend(pid, 10000) FROM expand_contract.live_slots()');
is($node->safe_psql('postgres', q{SELECT state FROM ec_migrations WHERE version = '001r'}), 'interrupted', 'its worker is killed');
like(errors_of(q{SELECT ec_rollback('001r')}), qr/DETAIL:  Its first statement left behind: .*public.b_name, public.b_pkey/,
	'it cannot be taken back');
my $exchanged = $node->safe_psql('postgres', q{SELECT string_agg(oid::text, ' ') FROM pg_class WHERE relname IN ('b_name', 'b_pkey')});
$reader->quit;
is($node->safe_psql('postgres', $reindex), 'queued', 'it is applied again');
$node->safe_psql('postgres', q{CALL ec_wait_migration('001r', '5min')});
is($node->safe_psql('postgres', "$names; $invalid"), "b_name b_pkey\n0", 'the old indexes are dropped');
is($node->safe_psql('postgres', q{SELECT string_agg(oid::text, ' ') FROM pg_class WHERE relname IN ('b_name', 'b_pkey')}),
	$exchanged, 'the new ones are not built twice');
isnt($exchanged, $builds, 'and they are new ones');

# ------------------------------------------------ DETACH CONCURRENTLY
# it waits for whoever reads the partition, without anybody behind it for long
$node->safe_psql('postgres', q{
	CREATE TABLE p (id int) PARTITION BY RANGE (id);
	CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)});
$reader = session('reader', 'BEGIN; SELECT count(*) FROM p1');
my $detach_offset = -s $node->logfile;
$node->safe_psql('postgres', q{SELECT ec_apply('001s', 'ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY')});
$node->wait_for_log(qr/still waiting for AccessExclusiveLock on relation.*still waiting for AccessExclusiveLock on relation/s, $detach_offset);
pass('the detach has tried to get the partition more than once');
$node->safe_psql('postgres', 'SET lock_timeout = 0; SELECT count(*) FROM p1');
pass('others get at it in between');
is($node->safe_psql('postgres', q{SELECT state FROM ec_migrations WHERE version = '001s'}), 'running', 'while it goes on');
$reader->quit;
$node->safe_psql('postgres', q{CALL ec_wait_migration('001s', '5min')});
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_inherits WHERE inhparent = 'p'::regclass}), '0', 'in the end it is detached');

# ------------------------------------------------ who is in the way
$node->safe_psql('postgres', q{CREATE ROLE deployer LOGIN; SELECT ec_grant('deployer'); ALTER TABLE other OWNER TO deployer});
my $holder = session('holder', 'BEGIN; SELECT count(*) FROM other');
my $holder_pid = $holder->query_safe('SELECT pg_backend_pid()');
my $waiter = session('waiter', 'SELECT 1');
my $waiter_pid = $waiter->query_safe('SELECT pg_backend_pid()');
$waiter->query_until(qr/sent/, "\\echo sent\nBEGIN;\nLOCK TABLE other;\n");
wait_until("SELECT NOT granted FROM pg_locks WHERE pid = $waiter_pid AND locktype = 'relation'", 'a lock is waited for');
my $blockers = q{SELECT pid, application_name, usename = session_user, state, transaction_age > '0', lock_mode, blocks, btrim(query, E' \n;') FROM ec_blockers('other')};
is( $node->safe_psql('postgres', $blockers),
	"$holder_pid|holder|t|idle in transaction|t|AccessShareLock|{$waiter_pid}|SELECT pg_backend_pid()\n"
	  . "$waiter_pid|waiter|t|active|t|AccessExclusiveLock, waiting|{}|LOCK TABLE other",
	'ec_blockers says who holds and who queues');
like($node->safe_psql('postgres', 'SELECT string_agg(application_name, $$,$$) FROM ec_blockers()'),
	qr/holder,waiter/, 'of any table too');
is( $node->safe_psql('postgres', $blockers, extra_params => [ '-U', 'deployer' ]),
	"$holder_pid|holder|f|||AccessShareLock|{$waiter_pid}|<insufficient privilege>\n"
	  . "$waiter_pid|waiter|f|||AccessExclusiveLock, waiting|{}|<insufficient privilege>",
	'and hides what pg_stat_activity hides');
my ($code, $stdout, $stderr) = $node->psql('postgres',
	q{SET expand_contract.lock_timeout = '20ms'; SELECT ec_apply('002', 'ALTER TABLE other ADD COLUMN x int')},
	extra_params => [ '-U', 'deployer' ]);
like($stderr, qr/Locks on "other" are held by pid $holder_pid \(holder\), query: <insufficient privilege>/,
	'so does the error');
$holder->query_safe('COMMIT');
$waiter->quit;

# ------------------------------------------------ nobody queues for long
$node->safe_psql('postgres', "ALTER DATABASE postgres RESET lock_timeout");
$holder->query_safe('BEGIN; SELECT count(*) FROM b LIMIT 1');
my $log_offset = -s $node->logfile;
my $reads = $node->basedir . '/reads.sql';
append_to_file($reads, "\\set id random(1, 1000)\nSELECT name FROM b WHERE id = :id;\n");
my $stream = IPC::Run::start(
	[ 'pgbench', '-n', '-c', 4, '-T', 300, '-f', $reads, $node->connstr('postgres') ],
	'>', \my $stream_out, '2>', \my $stream_err);
my $alter = $node->background_psql('postgres', on_error_stop => 1);
$alter->query_until(qr/sent/,
	"\\echo sent\nSELECT ec_apply('002', 'ALTER TABLE b ADD COLUMN email text');\n");

# until it has made tries of the full length, as the server's log tells
sub lock_waits
{
	my ($text) = @_;
	my $log = slurp_file($node->logfile, $log_offset);

	return $log =~ /$text/g;
}
my $patience = 10 * $PostgreSQL::Test::Utils::timeout_default;
my $acquired = qr/acquired AccessShareLock on relation \d+ of database \d+ after ([0-9.]+) ms/;
my $tries = 0;
my $begin = time;
# tries grow to their full length; a read that waits longer waits for several
while ($patience-- > 0)
{
	my @so_far = lock_waits($acquired);

	usleep(100_000);
	$tries = () = lock_waits(qr/still waiting for AccessExclusiveLock on relation/);
	last if $tries >= 40 && @so_far && 1000 * (time - $begin) > 10 * max(@so_far);
}
cmp_ok($tries, '>=', 40, 'the ALTER TABLE has tried again and again');
is($node->safe_psql('postgres', q{SELECT count(*) FROM ec_migrations WHERE version = '002'}),
	'0', 'while somebody holds the table');
my $held = 1000 * (time - $begin);
$holder->query_safe('COMMIT');
$node->poll_query_until('postgres', q{SELECT state = 'applied' FROM ec_migrations WHERE version = '002'})
  or BAIL_OUT('the ALTER TABLE did not get in');
pass('then it gets in, past the stream of reads');
$stream->kill_kill;
my @waited = lock_waits($acquired);
cmp_ok(scalar(@waited), '>', 0, scalar(@waited) . ' reads have waited in its queue');
cmp_ok(max(@waited), '<', $held / 3,
	"none of them as long as the $tries tries took together ($held ms): " . max(@waited));

$_->quit for $reporting, $holder, $alter;
$node->stop;
done_testing();
