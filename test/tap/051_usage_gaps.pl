# Column usage: exact under load, kept over restarts, and never a false silence.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $sessions = 64;
my $times = $ENV{EC_TEST_USES} || 20;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', qq{
shared_preload_libraries = 'expand_contract'
max_connections = 100
max_worker_processes = 16
expand_contract.max_tracked_columns = 2000
restart_after_crash = on
});
$node->start;
$node->safe_psql('postgres', qq{
	CREATE EXTENSION expand_contract;
	CREATE TABLE users (id bigint PRIMARY KEY, old text, new text);
	INSERT INTO users SELECT i, 'User' || i FROM generate_series(0, $sessions) i;
	CREATE TABLE log (client int, before timestamptz, after timestamptz);
	SELECT ec_track('users', '{old}');
});

# One line of what is known now.
sub known
{
	my ($what, $server) = @_;

	return ($server || $node)->safe_psql('postgres',
		"SELECT $what FROM ec_column_usage WHERE column_name = 'old'");
}

sub wait_for_flush
{
	my ($since) = @_;

	# what is tracked has changed: the flush comes at once
	$node->safe_psql('postgres', q{SELECT ec_track('users', '{id}'), pg_sleep(0.01);
		SELECT ec_untrack('users', '{id}')});
	$node->poll_query_until('postgres',
		"SELECT flushed_at > '$since' FROM expand_contract.usage_flush")
	  or BAIL_OUT('column usage is not flushed');
	return;
}

sub now { return $node->safe_psql('postgres', 'SELECT clock_timestamp()'); }

# 64 sessions at once: no count is lost, and the last users are the last.
my $script = $node->basedir . '/use.sql';
PostgreSQL::Test::Utils::append_to_file($script, q{
SET application_name = 'app:client_id';
SELECT clock_timestamp() AS before \gset
SELECT old FROM users WHERE id = :client_id;
UPDATE users SET old = 'x' WHERE id = :client_id;
INSERT INTO log VALUES (:client_id, ':before', clock_timestamp());
});
$node->command_ok(
	[ 'pgbench', '-n', '-c', $sessions, '-j', 2, '-t', $times, '-f', $script, $node->connstr('postgres') ],
	"$sessions sessions");
is(known('reads, writes'), join('|', ($sessions * $times) x 2), 'every use is counted once');
is( $node->safe_psql('postgres', q{
		WITH seen AS (
			SELECT substr(r ->> 'application', 4)::int AS client, (r ->> 'at')::timestamptz AS at
			FROM ec_column_usage, jsonb_array_elements(readers) r WHERE column_name = 'old'
		), last AS (SELECT client, max(before) AS before, max(after) AS after FROM log GROUP BY client)
		SELECT count(*) FILTER (WHERE at BETWEEN before AND after),
			count(*) FILTER (WHERE at IS NULL AND before > (SELECT min(at) FROM seen)),
			(SELECT max(at) FROM seen) = (SELECT last_read FROM ec_column_usage WHERE column_name = 'old')
		FROM last LEFT JOIN seen USING (client)}),
	'8|0|t', 'the recent readers are those that read last, each with its last time');

# A clean restart forgets nothing, not even what was not flushed.
my $before = known('*');
$node->restart;
is(known('*'), $before, 'a restart forgets nothing');
like($before, qr/^users\|old\|\d+/, 'which is something');

# A crash in the middle loses what came after the last flush, and says so.
sub crash_under_load
{
	my ($crash) = @_;
	my ($out, $in, $errors) = ('', '', '');

	wait_for_flush(now());
	my $start = now();
	my $load = IPC::Run::start(
		[ 'pgbench', '-n', '-c', 16, '-j', 2, '-T', 600, '-f', $script, $node->connstr('postgres') ],
		\$in, \$out, \$errors);
	$node->poll_query_until('postgres', "SELECT count(*) > 200 FROM log WHERE before > '$start'");
	my $at = now();
	$crash->();
	$load->finish;
	$node->poll_query_until('postgres', 'SELECT true') or BAIL_OUT('the server did not come back');
	# at once, before any worker of ours may have been here
	is(known("unknown_since < '$at', unknown_since > timestamptz '$at' - interval '1 minute', unknown_until > '$at', unknown_until < clock_timestamp()"),
		't|t|t|t', 'after the crash the time from the last flush on is unknown, less than a minute before it');
	return;
}
crash_under_load(sub { $node->stop('immediate'); $node->start; });
my $reads = known('reads');
cmp_ok($reads, '>=', $sessions * $times, 'what was flushed is there');
$node->safe_psql('postgres', 'SELECT old FROM users');
is(known('reads'), $reads + 1, 'and counting goes on');

crash_under_load(sub {
	my $offset = -s $node->logfile;
	kill 'KILL', $node->safe_psql('postgres',
		q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() LIMIT 1});
	$node->wait_for_log(qr/database system is ready to accept connections/, $offset);
});

# The unknown time is written down.
my $unknown = known('unknown_since, unknown_until');
$node->restart;
is(known('unknown_since, unknown_until'), $unknown, 'the unknown time survives a restart');
wait_for_flush(now());
$node->stop('immediate');
$node->start;
isnt(known('unknown_until'), (split /\|/, $unknown)[1], 'another crash, another unknown time');

# A start without the library: reads go unseen, and are not taken for silence.
my $last = now();
$node->restart;
$node->stop;
ok(-s $node->data_dir . '/pg_stat/expand_contract_usage.stat', 'the counters are kept in a file');
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', q{''});
$node->start;
$reads = known('reads');
is(known('unknown_since IS NOT NULL, unknown_until'), 't|', 'without the library the unknown time lasts');
$node->safe_psql('postgres', 'SELECT old FROM users');
is(known('reads'), $reads, 'and nothing is counted');
my ($result, $stdout, $stderr) = $node->psql('postgres', q{SELECT ec_track('users')},
	extra_params => [ '-v', 'VERBOSITY=verbose' ]);
like($stderr, qr/55000: .*column usage cannot be tracked.*HINT:  Add expand_contract to shared_preload_libraries/s,
	'ec_track says what is missing');
my $unseen = now();
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', q{'expand_contract'});
$node->restart;
is(known("unknown_since < '$unseen', unknown_until > '$unseen'"), 't|t',
	'the file of before that start is not believed');
ok(!-e $node->data_dir . '/pg_stat/expand_contract_usage.stat', 'and is gone');

# Places of a dropped database are free for others.
$node->safe_psql('postgres', 'CREATE DATABASE spare');
$node->safe_psql('spare', q{CREATE EXTENSION expand_contract;
	SELECT format('CREATE TABLE wide (%s)', string_agg('c' || i || ' int', ', ')) FROM generate_series(1, 1000) i \gexec
	SELECT ec_track('wide'); SELECT c1 FROM wide});
$node->safe_psql('postgres', 'DROP DATABASE spare');
wait_for_flush(now());
is( $node->safe_psql('postgres', q{
		SELECT format('CREATE TABLE wide (%s)', string_agg('c' || i || ' int', ', ')) FROM generate_series(1, 1000) i \gexec
		SELECT ec_track('wide')}),
	1000, 'as many columns again after DROP DATABASE');
$node->safe_psql('postgres', 'DROP TABLE wide');

# A standby counts for itself.
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
my $session = $standby->background_psql('postgres');
$session->query_safe('SELECT old FROM users LIMIT 1');
is(known('reads', $standby), 1, 'the standby has counted');
$reads = known('reads');
$standby->safe_psql('postgres', 'SELECT old FROM users', connstr => $standby->connstr('postgres') . ' application_name=report');
is(known('reads, last_reader', $standby), '2|report (postgres)', 'what is read on the standby');
is(known('reads'), $reads, 'the primary does not see it');
is(known("tracked_since > '$unseen'", $standby), 't', 'the standby says since when it counts');
$node->safe_psql('postgres', q{SELECT ec_track('users', '{new}')});
$node->wait_for_catchup($standby);
$session->query_safe('SELECT new FROM users LIMIT 1');
is( $standby->safe_psql('postgres', q{SELECT reads FROM ec_column_usage WHERE column_name = 'new'}),
	1, 'a session that was there hears what is tracked now');
$session->quit;
$before = known('reads, last_reader, tracked_since', $standby);
$standby->restart;
is(known('reads, last_reader, tracked_since', $standby), $before, 'a restart of the standby forgets nothing');

# What the standby has counted can be brought to the primary.
my $export = $standby->safe_psql('postgres', 'SELECT ec_export_usage()');
is($node->safe_psql('postgres', "SELECT ec_import_usage('standby', \$\$$export\$\$)"), 2, 'two columns are imported');
is($node->safe_psql('postgres', "SELECT ec_import_usage('standby', \$\$$export\$\$)"), 2, 'and once more');
is( $node->safe_psql('postgres', q{SELECT standby, relation, reads, last_reader, counting_since < taken_at
		FROM ec_standby_usage WHERE column_name = 'old'}),
	'standby|users|2|report (postgres)|t', 'with readers and times');
for my $case (
	[ $node->safe_psql('postgres', 'SELECT ec_export_usage()'), 'It was not taken on a standby.' ],
	[ $export =~ s/"system_identifier": "/$&1/r, 'The system identifier differs.' ],
	[ $export =~ s/"database": "/$&x/r, 'The database differs.' ],
	[ $export =~ s/"columns"/"rows"/r, 'It has no list of columns.' ],
	[ '[]', 'The system identifier differs.' ])
{
	($result, $stdout, $stderr) = $node->psql('postgres', "SELECT ec_import_usage('standby', \$\$$case->[0]\$\$)",
		extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	like($stderr, qr/22023: .*DETAIL:  $case->[1]/s, "refused: $case->[1]");
}

# A promotion: what the primary had not flushed is unknown.
wait_for_flush(now());
$node->wait_for_catchup($standby);
my $flushed = known('reads');
my $on_standby = known('reads', $standby);
$last = now();
$node->safe_psql('postgres', 'SELECT old FROM users');
$node->stop('immediate');
$standby->promote;
is(known("reads, unknown_since < '$last', unknown_until > '$last'", $standby),
	$flushed + $on_standby . '|t|t', 'both counts, and the time of the promotion is unknown');
$unknown = known('unknown_until', $standby);
$standby->safe_psql('postgres', 'SELECT old FROM users');
$standby->restart;
is(known('reads, unknown_until', $standby), $flushed + $on_standby + 1 . "|$unknown", 'the new primary goes on');
$standby->stop;
done_testing();
