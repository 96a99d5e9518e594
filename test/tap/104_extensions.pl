# Beside the extensions and tools that many servers have: a journey from ec_expand to
# the contraction, with each of them loaded, before ours and after ours.  What is
# not installed is skipped; scripts/check installs Debian's packages.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($bindir) = run_command([ 'pg_config', '--bindir' ]);
my ($libdir) = run_command([ 'pg_config', '--pkglibdir' ]);
my @wanted = qw(pg_stat_statements auto_explain pgaudit pg_cron);
my @there = grep { -e "$libdir/$_.so" } @wanted;
note 'not installed: ' . join(' ', grep { my $name = $_; !grep { $_ eq $name } @there } @wanted);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 'logical');

sub preload
{
	my $libraries = join ', ', @_;

	$node->append_conf('postgresql.conf', "shared_preload_libraries = '$libraries'");
	return;
}

$node->append_conf('postgresql.conf', q{
max_worker_processes = 24
expand_contract.stabilization_period = 0
});
preload(@there, 'expand_contract');
$node->append_conf('postgresql.conf', "auto_explain.log_min_duration = 0\nauto_explain.log_analyze = on\nauto_explain.log_nested_statements = on") if grep { $_ eq 'auto_explain' } @there;
$node->append_conf('postgresql.conf', "pgaudit.log = 'all'\npgaudit.log_relation = on") if grep { $_ eq 'pgaudit' } @there;
$node->append_conf('postgresql.conf', "cron.database_name = 'postgres'\ncron.use_background_workers = on") if grep { $_ eq 'pg_cron' } @there;
$node->start;
sub sql { return $node->safe_psql('postgres', $_[0]); }

sql('CREATE EXTENSION expand_contract');
for my $extension (grep { $_ ne 'auto_explain' } @there)
{
	sql("CREATE EXTENSION $extension");
}

sub journey
{
	my ($name, $version) = @_;

	sql(qq{
		CREATE TABLE $name (id int PRIMARY KEY, old text, new text);
		INSERT INTO $name SELECT i, 'Row ' || i FROM generate_series(1, 1000) i;
		SELECT ec_track('$name', '{old}');
		SELECT ec_expand('$name', '$name', '{"new": "lower(old)"}', '{"old": "new"}')});
	my $job = sql(qq{SELECT ec_backfill_change('$name', delay_ms => 0)});
	is($node->psql('postgres', "CALL ec_wait($job)"), 0, "$name: a backfill");
	sql(qq{SELECT ec_apply('$version', 'CREATE INDEX CONCURRENTLY ${name}_new ON $name (new)')});
	is($node->psql('postgres', qq{CALL ec_wait_migration('$version')}), 0, "$name: a migration");
	is(sql(qq{UPDATE $name SET old = 'Another' WHERE id = 1; SELECT new FROM $name WHERE id = 1}), 'another', "$name: a dual write");
	is(sql("SELECT ok FROM ec_verify_change('$name')"), 't', "$name: verified");
	is(sql("SELECT ec_cutover('$name')"), 'cut_over', "$name: cut over");
	return;
}

journey('loaded_last', '001');
preload('expand_contract', @there);
$node->restart;
journey('loaded_first', '002');

SKIP:
{
	skip 'pg_stat_statements is not installed', 1 if !grep { $_ eq 'pg_stat_statements' } @there;
	cmp_ok(sql(q{SELECT count(*) FROM pg_stat_statements WHERE query LIKE '%loaded_last%'}), '>', 0, 'pg_stat_statements has statements of the journey');
}

SKIP:
{
	skip 'pgaudit is not installed', 1 if !grep { $_ eq 'pgaudit' } @there;
	like(slurp_file($node->logfile), qr/AUDIT: SESSION.*WRITE,UPDATE,TABLE,public.loaded_first/, 'pgaudit logs what the workers write');
}

SKIP:
{
	skip 'pg_cron is not installed', 1 if !grep { $_ eq 'pg_cron' } @there;
	sql(q{CREATE TABLE by_cron (id int PRIMARY KEY, a int); INSERT INTO by_cron VALUES (1);
		SELECT cron.schedule('now', '* * * * *', $$SELECT ec_backfill('by_cron', 'a = id', 'a IS NULL')$$)});
	ok($node->poll_query_until('postgres', 'SELECT a = 1 FROM by_cron'), 'pg_cron submits a job');
	sql(q{SELECT cron.unschedule('now')});
}

SKIP:
{
	skip 'pg_partman is not installed', 2 if !-e run_sharedir() . '/extension/pg_partman.control';
	sql(q{CREATE SCHEMA partman; CREATE EXTENSION pg_partman SCHEMA partman;
		CREATE TABLE events (id bigint NOT NULL, at timestamptz NOT NULL DEFAULT now(), a text, b text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
		CREATE TABLE events_new (id bigint NOT NULL, at timestamptz NOT NULL, a text, PRIMARY KEY (id, at));
	});
	my $version = sql(q{SELECT extversion FROM pg_extension WHERE extname = 'pg_partman'});
	sql(q{SELECT partman.create_parent('public.events', 'at', } . ($version =~ /^[1-4]\./ ? q{'native', 'daily'} : q{'1 day'}) . ')');
	sql(q{SELECT ec_expand('events', 'events', '{"b": "upper(a)"}');
		SELECT ec_expand('events_new', 'events', '{"id": "id", "at": "at", "a": "a"}', target => 'events_new');
		UPDATE partman.part_config SET premake = premake + 3;
		SELECT partman.run_maintenance('public.events')});
	sql(q{INSERT INTO events (id, at, a) SELECT i, now() + i * interval '1 day', 'x' FROM generate_series(0, 6) i});
	is(sql(q{SELECT count(*) FROM events WHERE b = 'X'}), '7', 'dual writes of columns in partitions that pg_partman makes');
	is(sql(q{SELECT count(*) FROM events_new}), '7', 'and of tables');
}

SKIP:
{
	skip 'pg_repack is not installed', 4 if !-x "$bindir/pg_repack";
	sql(q{CREATE EXTENSION pg_repack;
		CREATE TABLE repacked (id int PRIMARY KEY, a text, b text);
		INSERT INTO repacked SELECT i, i FROM generate_series(1, 1000) i;
		SELECT ec_expand('repacked', 'repacked', '{"b": "upper(a)"}')});
	my $job = sql(q{SELECT ec_backfill_change('repacked', batch_size => 100, delay_ms => 3600000)});
	$node->poll_query_until('postgres', "SELECT rows_done > 0 FROM ec_progress WHERE job = $job");
	$node->command_ok([ "$bindir/pg_repack", '-h', $node->host, '-p', $node->port, '-d', 'postgres', '-t', 'repacked', '--no-superuser-check' ], 'pg_repack of a table with a job in the middle');
	sql("SELECT ec_configure($job, delay_ms => 0)");
	is($node->psql('postgres', "CALL ec_wait($job)"), 0, 'the job goes on');
	is(sql('SELECT count(*) FROM repacked WHERE b = a'), '1000', 'and misses no row');
	is(sql(q{INSERT INTO repacked VALUES (0, 'x') RETURNING b}), 'X', 'dual writes go on');
}

SKIP:
{
	skip 'wal2json is not installed', 1 if !-e "$libdir/wal2json.so";
	if (sql(q{SELECT count(*) FROM pg_settings WHERE name = 'output_plugin_libraries'}) > 0)
	{
		sql(q{ALTER SYSTEM SET output_plugin_libraries = 'pgoutput', 'wal2json'});
		sql('SELECT pg_reload_conf()');
		$node->poll_query_until('postgres', q{SELECT current_setting('output_plugin_libraries') ~ 'wal2json'});
	}
	sql(q{SELECT pg_create_logical_replication_slot('json', 'wal2json');
		CREATE TABLE decoded (id int PRIMARY KEY, a text, b text);
		SELECT ec_expand('decoded', 'decoded', '{"b": "upper(a)"}');
		INSERT INTO decoded VALUES (1, 'x')});
	like(sql(q{SELECT string_agg(data, '') FROM pg_logical_slot_get_changes('json', NULL, NULL)}),
		qr/"table":"decoded".*?"columnvalues":\[1,"x","X"\]/, 'wal2json decodes both sides of a dual write');
	sql(q{SELECT pg_drop_replication_slot('json')});
}

my ($bouncer, $connection) = start_pgbouncer($node, 1);
SKIP:
{
	skip 'PgBouncer is not installed', 1 if !defined $bouncer;
	sql(q{CREATE TABLE pooled (id int PRIMARY KEY, a text, b text); SELECT ec_expand('pooled', 'pooled', '{"b": "upper(a)"}')});
	is($node->safe_psql('postgres', q{INSERT INTO pooled VALUES (1, 'x') RETURNING b}, connstr => $connection), 'X', 'dual writes through PgBouncer');
	$bouncer->signal('TERM');
	$bouncer->finish;
}

is(sql(q{SELECT count(*) FROM ec_progress WHERE state = 'failed'}), '0', 'no job has failed');
unlike(slurp_file($node->logfile), qr/PANIC|was terminated by signal/, 'and no process');

$node->stop;
done_testing();

sub run_sharedir
{
	my ($directory) = run_command([ 'pg_config', '--sharedir' ]);
	return $directory;
}
