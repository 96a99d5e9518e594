# pg_upgrade, from one major version to the next, with changes in every phase
# and jobs unfinished.  EC_OLD_SERVERS has the older installations, each with the
# extension, by the directory that has their bin, from the oldest on:
#
#	EC_OLD_SERVERS='/usr/lib/postgresql/15 /usr/lib/postgresql/17'
#
# - Changes go on: their dual writes, gates, cutover, revert and contraction.
# - So do jobs, from where they stopped, and ec_expand protects columns again.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my @servers = split ' ', $ENV{EC_OLD_SERVERS} // '';
plan skip_all => 'EC_OLD_SERVERS names no older server' if !@servers;
push @servers, undef;    # and the one that the tests are for

my $rows = 1000;
my @phases = qw(dual_write backfilled verified cut_over quarantined contracted reverted);

sub new_server
{
	my ($number) = @_;
	my $server = $servers[$number];
	my $node = PostgreSQL::Test::Cluster->new("server_$number", $server ? (install_path => $server) : ());

	# 18 has checksums of pages unless it is told not to
	$node->init(extra => [ '--data-checksums', '--locale=C', '--encoding=UTF8' ]);
	$node->append_conf(
		'postgresql.conf', q{
		shared_preload_libraries = 'expand_contract'
		expand_contract.stabilization_period = 0
		max_worker_processes = 16
	});
	return $node;
}

sub bindir
{
	my ($number) = @_;

	return "$servers[$number]/bin" if $servers[$number];
	my ($bindir) = run_command([ 'pg_config', '--bindir' ]);
	return $bindir;
}

my $node = new_server(0);
$node->start;
sub sql { return $node->safe_psql('postgres', $_[0]); }
sub error_of { return ($node->psql('postgres', $_[0]))[2]; }

# ---------------------------------------------------------------- before

sql('CREATE EXTENSION expand_contract');
is(sql(q{SELECT ec_apply('001', 'CREATE TABLE first (id int)', 'DROP TABLE first')}), 'applied', 'a migration');
for my $phase (@phases)
{
	sql(qq{
		CREATE TABLE t_$phase (id int PRIMARY KEY, old text, new text);
		INSERT INTO t_$phase SELECT i, 'Row ' || i FROM generate_series(1, $rows) i;
		SELECT ec_expand('c_$phase', 't_$phase', '{"new": "lower(old)"}', '{"old": "new"}')});
}
for my $phase (grep { $_ ne 'dual_write' && $_ ne 'reverted' } @phases)
{
	my $job = sql("SELECT ec_backfill_change('c_$phase', delay_ms => 0)");
	$node->psql('postgres', "CALL ec_wait($job)");
}
sql("SELECT ec_verify_change('c_$_')") for qw(verified cut_over quarantined contracted);
sql("SELECT ec_cutover('c_$_')") for qw(cut_over quarantined contracted);
sql("SELECT ec_contract('c_$_', '{dependents}', quarantine => '0')") for qw(quarantined contracted);
sql("SELECT ec_contract('c_contracted', '{dependents}')");
sql("SELECT ec_revert('c_reverted')");
my $phases_of = q{SELECT string_agg(phase, ' ' ORDER BY change COLLATE "C") FROM ec_changes};
my $expected = join ' ', sort @phases;
is(sql($phases_of), $expected, 'a change in every phase');

is(sql(q{SELECT ec_set_flag('a flag', true)}), 't', 'a flag');
my $queued = q{SELECT count(*), min(key::text) FROM ec_discrepancies};
sql(q{
	CREATE TABLE narrow (id int PRIMARY KEY, old text, new varchar(3));
	SELECT ec_expand('narrow', 'narrow', '{"new": "old"}');
	INSERT INTO narrow VALUES (1, 'too long')});
is(sql($queued), '1|{"id": 1}', 'a failed write in the queue');

# To another table, half of it copied; and a job that is in the middle.
sql(qq{
	CREATE TABLE orders (id int PRIMARY KEY, total int NOT NULL);
	INSERT INTO orders SELECT i, i FROM generate_series(1, $rows) i;
	CREATE TABLE "orders new" (id int PRIMARY KEY, cents int);
	SELECT ec_expand('orders', 'orders', '{"id": "id", "cents": "total * 100"}', '{"id": "id", "total": "cents / 100"}', target => '"orders new"')});
my $copy = sql(q{SELECT ec_backfill_change('orders', batch_size => 100, delay_ms => 3600000)});
$node->poll_query_until('postgres', "SELECT rows_done > 0 FROM ec_progress WHERE job = $copy");
my $paused = sql(q{SELECT ec_backfill('t_reverted', 'new = old', batch_size => 1, delay_ms => 3600000)});
sql("SELECT ec_pause($paused)");
is(sql(q{SELECT ec_track('t_dual_write', '{old}')}), '1', 'a column is tracked');
sql('SELECT count(old) FROM t_dual_write');
$node->poll_query_until('postgres', q{SELECT reads > 0 FROM ec_column_usage WHERE relation = 't_dual_write'::regclass AND column_name = 'old'});

# ---------------------------------------------------------------- each upgrade

sub upgrade
{
	my ($number) = @_;
	my $new = new_server($number);
	my $directory = $new->basedir . '/pg_upgrade';

	$node->stop;
	mkdir $directory;
	chdir $directory or die "chdir: $!";
	$new->command_ok(
		[
			bindir($number) . '/pg_upgrade', '--no-sync',
			'-d', $node->data_dir, '-D', $new->data_dir,
			'-b', bindir($number - 1), '-B', bindir($number),
			'-s', $new->host, '-p', $node->port, '-P', $new->port ],
		'pg_upgrade to ' . $new->pg_version);
	$node = $new;
	$node->start;
	return;
}

sub dual_writes_go_on
{
	my ($when) = @_;

	for my $phase (qw(dual_write backfilled verified cut_over))
	{
		sql("UPDATE t_$phase SET old = '$when' WHERE id = 1; UPDATE t_$phase SET new = '$when' WHERE id = 2");
		is(sql("SELECT new FROM t_$phase WHERE id = 1"), lc $when, "$when, $phase: to the new column");
		is(sql("SELECT old FROM t_$phase WHERE id = 2"), $when, "$when, $phase: and back");
	}
	sql(q{INSERT INTO orders SELECT max(id) + 1, 7 FROM orders});
	is(sql('SELECT cents FROM "orders new" ORDER BY id DESC LIMIT 1'), '700', "$when: to the other table");
	return;
}

for my $number (1 .. $#servers)
{
	upgrade($number);
	my $when = 'On ' . $node->pg_version->major;

	is(sql($phases_of), "$expected dual_write dual_write", "$when: every change is in its phase") if $number == 1;
	dual_writes_go_on($when);
	is(sql(q{SELECT ec_flag('a flag')}), 't', "$when: the flag");
	is(sql($queued), '1|{"id": 1}', "$when: the queue");
	is(sql(q{SELECT ec_apply('001', 'CREATE TABLE first (id int)', 'DROP TABLE first')}), 'unchanged', "$when: the ledger knows what is applied");
	cmp_ok(sql(q{SELECT reads FROM ec_column_usage WHERE relation = 't_dual_write'::regclass AND column_name = 'old'}), '>', 0, "$when: uses of columns are known still");

	is(sql("SELECT system_identifier = (SELECT system_identifier FROM pg_control_system()) FROM expand_contract.jobs WHERE id = $paused"), 't', "$when: jobs are of this cluster")
	  if $node->poll_query_until('postgres', "SELECT workers > 0 FROM ec_progress WHERE job = $copy");
	is(sql("SELECT state FROM ec_progress WHERE job = $copy"), 'running', "$when: the job goes on");
	is(sql(q{SELECT passed, observed FROM ec_gates('orders', 'cutover') WHERE gate = 'dual_write'}), 't|on, but its columns could be dropped', "$when: what could be dropped is told");
	is(sql(q{SELECT ec_expand('orders', 'orders', '{"id": "id", "cents": "total * 100"}', '{"id": "id", "total": "cents / 100"}', target => '"orders new"')}), 'expanded', "$when: ec_expand protects it");
	like(error_of('ALTER TABLE "orders new" DROP COLUMN cents'), qr/other objects depend on it/, "$when: so that it cannot be");
}

# ---------------------------------------------------------------- and after

sql("SELECT ec_configure($copy, delay_ms => 0), ec_cancel($paused)");
is($node->psql('postgres', "CALL ec_wait($copy)"), 0, 'the copy comes to its end');
for my $change ('orders', map { "c_$_" } qw(dual_write backfilled))
{
	my $job = sql("SELECT ec_backfill_change('$change', delay_ms => 0)");
	is($node->psql('postgres', "CALL ec_wait($job)"), 0, "$change is filled");
	is(sql("SELECT ok FROM ec_verify_change('$change')"), 't', "$change is verified");
}
is(sql("SELECT ok FROM ec_verify_change('c_verified')"), 't', 'c_verified is still in step');
is(sql("SELECT ec_cutover('c_verified')"), 'cut_over', 'verified, then cut over');
is(sql(q{SELECT ec_contract('c_cut_over', '{dependents, old_reads, old_writes}', quarantine => '0')}), 'quarantined', 'cut over, then quarantined');
is(sql(q{SELECT ec_contract('c_cut_over', '{dependents, old_reads, old_writes}')}), 'contracted', 'and contracted');
is(sql(q{SELECT ec_revert('c_quarantined')}), 'cut_over', 'quarantined, then taken back');

$node->stop;
done_testing();
