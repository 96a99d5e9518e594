# pg_upgrade: unfinished jobs go on, and ec_expand protects the columns of a change
# again.  Both clusters are of this version here: only what the database has noted
# of its system catalogs says otherwise (080_pg_upgrade.pl has older servers).
# Nothing of that happens in other copies: a cluster with another system
# identifier but the same catalogs, as pg_createsubscriber makes it, and a dump.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $rows = 1000;

sub new_node
{
	my ($name) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
	$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'expand_contract'
max_worker_processes = 16
});
	return $node;
}

my ($bindir, undef) = run_command([ 'pg_config', '--bindir' ]);
my $old = new_node('old');
my $new = new_node('new');
$old->start;
$old->safe_psql('postgres', qq{
	CREATE EXTENSION expand_contract;
	CREATE TABLE t (id int PRIMARY KEY, a text, b text);
	INSERT INTO t SELECT i, i FROM generate_series(1, $rows) i;
	CREATE TABLE source (id int PRIMARY KEY, a text);
	INSERT INTO source SELECT i, i FROM generate_series(1, $rows) i;
	CREATE TABLE target (id int PRIMARY KEY, a text);
	SELECT ec_expand('columns', 't', '{"b": "a"}', '{"a": "b"}');
	SELECT ec_expand('tables', 'source', '{"id": "id", "a": "a"}', target => 'target');
});
my $job = $old->safe_psql('postgres', q{SELECT ec_backfill_change('columns', batch_size => 100, delay_ms => 3600000)});
my $paused = $old->safe_psql('postgres', q{SELECT ec_backfill_change('tables', batch_size => 100, delay_ms => 3600000)});
$old->safe_psql('postgres', "SELECT ec_pause($paused)");
$old->poll_query_until('postgres', "SELECT rows_done > 0 FROM ec_progress WHERE job = $job");
is($old->safe_psql('postgres', 'SELECT count(*) FROM expand_contract.origin'), '1', 'the cluster is noted');
my $dump = $old->basedir . '/dump.sql';
$old->command_ok([ 'pg_dump', '-f', $dump, $old->connstr('postgres') ], 'a dump');
$old->safe_psql('postgres', 'UPDATE expand_contract.origin SET catalog_version = catalog_version - 1');
$old->stop;

my $directory = $new->basedir . '/pg_upgrade';
mkdir $directory;
chdir $directory or die "chdir: $!";
command_ok(
	[ "$bindir/pg_upgrade", '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir,
		'-b', $bindir, '-B', $bindir, '-s', $new->host, '-p', $old->port, '-P', $new->port ],
	'pg_upgrade');
$new->start;
sub sql { return $new->safe_psql('postgres', $_[0]); }
sub error_of { return ($new->psql('postgres', $_[0]))[2]; }

$new->poll_query_until('postgres', "SELECT state = 'running' AND workers > 0 FROM ec_progress WHERE job = $job")
  or BAIL_OUT('the job does not go on');
pass('the launcher goes on with the job');
sql("SELECT ec_configure($job, delay_ms => 0)");
is($new->psql('postgres', "CALL ec_wait($job)"), 0, 'to its end');
is(sql('SELECT count(*) FILTER (WHERE b = a) FROM t'), $rows, 'every row is written');
like(sql("SELECT ec_resume($paused)"), qr/^(queued|running)$/, 'a paused job can be resumed');
sql("SELECT ec_configure($paused, delay_ms => 0)");
is($new->psql('postgres', "CALL ec_wait($paused)"), 0, 'to its end, too');
is(sql('SELECT count(*) FROM target'), $rows, 'every row is copied');

# What the triggers depend on is gone.
for my $change (qw(columns tables))
{
	is(sql("SELECT passed, observed FROM ec_gates('$change', 'cutover') WHERE gate = 'dual_write'"),
		't|on, but its columns could be dropped', "$change: the gate says so");
}
my %expand = (
	columns => q{SELECT ec_expand('columns', 't', '{"b": "a"}', '{"a": "b"}')},
	tables => q{SELECT ec_expand('tables', 'source', '{"id": "id", "a": "a"}', target => 'target')});
for my $change (qw(columns tables))
{
	is(sql($expand{$change}), 'expanded', "$change: ec_expand sets it up again");
	is(sql($expand{$change}), 'unchanged', 'once');
	is(sql("SELECT observed FROM ec_gates('$change', 'cutover') WHERE gate = 'dual_write'"), 'on', 'the gate is as before');
}
like(error_of('ALTER TABLE t DROP COLUMN b'), qr/other objects depend on it/, 'a mapped column is protected');
like(error_of('ALTER TABLE target DROP COLUMN a'), qr/other objects depend on it/, 'in the other table, too');
is(sql(q{SELECT count(*) FROM expand_contract.gaps}), '0', 'no write was missed');

# Another identifier with the same catalogs: the original may live.
$job = sql(q{SELECT ec_backfill('t', 'b = a', 'true', batch_size => 1, delay_ms => 3600000)});
$new->poll_query_until('postgres', "SELECT rows_done > 0 FROM ec_progress WHERE job = $job");
$paused = sql(q{SELECT ec_backfill('target', 'a = a || id', 'a !~ ''x''', delay_ms => 3600000)});
sql("SELECT ec_pause($paused)");
sql('UPDATE expand_contract.jobs SET system_identifier = system_identifier - 1; UPDATE expand_contract.origin SET system_identifier = system_identifier - 1');
$new->restart;
like(error_of("SELECT ec_resume($paused)"), qr/cannot resume/, 'a copy does not go on with the jobs of the original');
is(sql("SELECT state, workers FROM ec_progress WHERE job = $job"), 'interrupted|0', 'and starts none');

# A dump.
sql('CREATE DATABASE copy');
$new->command_ok([ 'psql', '-Xqo', '/dev/null', '-v', 'ON_ERROR_STOP=1', '-d', $new->connstr('copy'), '-f', $dump ], 'the dump is restored');
is($new->safe_psql('copy', 'SELECT count(*) FROM ec_progress'), '0', 'without jobs');

$new->stop;
done_testing();
