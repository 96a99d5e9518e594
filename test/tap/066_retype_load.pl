# Another type for a column that keeps its name, while applications write through
# every statement that they have, and while workers are killed.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcTest;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
	shared_preload_libraries = 'expand_contract'
	expand_contract.stabilization_period = 0
	max_worker_processes = 16
	restart_after_crash = on
});
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION expand_contract;
	CREATE TABLE orders (id serial PRIMARY KEY, n integer NOT NULL DEFAULT 0 CHECK (n >= 0), v text);
	CREATE INDEX orders_n ON orders (n);
	CREATE TABLE seen (id integer);   -- a trigger's
	CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
		'DECLARE it orders.id%TYPE; BEGIN it := NEW.id; INSERT INTO seen VALUES (it); RETURN NEW; END';
	CREATE TRIGGER note AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION note();
	INSERT INTO orders (n, v) SELECT i, 'v' || i FROM generate_series(1, 20000) i;
	CREATE FUNCTION in_step() RETURNS text LANGUAGE plpgsql AS $$
		DECLARE wrong bigint; BEGIN
			EXECUTE (SELECT format('SELECT count(*) FROM orders WHERE %I IS DISTINCT FROM id OR %I IS DISTINCT FROM n',
				max(attname) FILTER (WHERE attname ~ '^id__'), max(attname) FILTER (WHERE attname ~ '^n__'))
				FROM pg_attribute WHERE attrelid = 'orders'::regclass) INTO wrong;
			RETURN wrong || ' wrong, ' || (SELECT count(*) - count(DISTINCT id) FROM orders) || ' twice';
		END $$;
});

my $file = $node->basedir . '/writes.sql';
append_to_file($file, q{
\set id random(1, 20000)
\set n random(0, 1000)
INSERT INTO orders (n, v) VALUES (:n, 'new') RETURNING id;
UPDATE orders SET n = n + 1 WHERE id = :id;
UPDATE orders SET v = 'touched' WHERE id = :id;
INSERT INTO orders (id, n) VALUES (:id, :n) ON CONFLICT (id) DO UPDATE SET n = excluded.n;
DELETE FROM orders WHERE id = :id AND n % 7 = 0;
WITH moved AS (DELETE FROM orders WHERE id = :id RETURNING id, n) INSERT INTO orders (id, n, v) SELECT id, n, 'moved' FROM moved;
SELECT count(*) FROM orders WHERE n = :n;
});
$ENV{PGOPTIONS} = '-c lock_timeout=60s';

my ($log, $load);

sub start_load
{
	$log = '';
	$load = IPC::Run::start(
		[ 'pgbench', '-n', '-c', 3, '-T', 600, '-f', $file, $node->connstr('postgres') ],
		'>', \$log, '2>&1');
	# until all sessions have written
	$node->poll_query_until('postgres',
		q{SELECT count(*) >= 3 FROM pg_stat_activity WHERE application_name = 'pgbench' AND query ~ 'orders'})
	  or BAIL_OUT('the load did not start');
	return;
}

# What fails, ends its client.
sub is_unharmed
{
	my ($when) = @_;
	is( $node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgbench'}),
		3, "$when: all sessions go on") or diag($log);
	return;
}

sub job
{
	my ($call) = @_;
	return $node->safe_psql('postgres', "SELECT $call AS job \\gset\nCALL ec_wait(:job)");
}

start_load();
$node->safe_psql('postgres', q{SELECT ec_change_type('c', 'orders', '{"id": "bigint", "n": "bigint"}')});
is_unharmed('with a shadow');
job(q{ec_backfill_change('c', delay_ms => 0)});
job(q{ec_prepare('c')});
is_unharmed('prepared');
is($node->safe_psql('postgres', q{SELECT ok FROM ec_verify_change('c')}), 't', 'verified under load');
is($node->safe_psql('postgres', q{SELECT ec_cutover('c')}), 'cut_over', 'cut over under load');
$node->safe_psql('postgres', q{SELECT pg_stat_clear_snapshot()});
my $from = $node->safe_psql('postgres', q{SELECT max(id) FROM orders});
$node->poll_query_until('postgres', "SELECT max(id) > $from + 30 FROM orders") or BAIL_OUT('no writes after the cutover');
is_unharmed('cut over');
is($node->safe_psql('postgres', 'SELECT in_step()'), '0 wrong, 0 twice', 'after the cutover, rows agree');
job(q{ec_prepare('c')});
is($node->safe_psql('postgres', q{SELECT ec_revert('c')}), 'verified', 'reverted under load');
$from = $node->safe_psql('postgres', q{SELECT max(id) FROM orders});
$node->poll_query_until('postgres', "SELECT max(id) > $from + 30 FROM orders") or BAIL_OUT('no writes after the way back');
is_unharmed('taken back');
is($node->safe_psql('postgres', 'SELECT in_step()'), '0 wrong, 0 twice', 'after the way back, rows agree');
$load->signal('TERM');
$load->finish;
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_stat_database WHERE deadlocks > 0'), 0, 'no deadlock');

# ------------------------------------------------------------------- kill -9
# An index build waits for a transaction; its worker is killed, and so is everyone.
$node->safe_psql('postgres', 'CREATE INDEX orders_v ON orders (v, id)');
my ($in, $out) = ('', '');
my $waits = IPC::Run::start([ 'psql', '-XAtq', $node->connstr('postgres') ], '<', \$in, '>', \$out, '2>&1');
$in .= "BEGIN; UPDATE orders SET v = v WHERE id = (SELECT min(id) FROM orders); SELECT 'begun';\n";
$waits->pump until $out =~ /begun/;
my $job = $node->safe_psql('postgres', q{SELECT ec_prepare('c')});
is($node->safe_psql('postgres', q{SELECT ec_prepare('c')}), $job, 'while a job is unfinished, another call returns it');
$node->poll_query_until('postgres',
	q{SELECT count(*) = 1 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relname = 'orders_v__new' AND NOT i.indisvalid})
  or BAIL_OUT('no index is half built');
kill_worker($node, $job);
$waits->finish;
$node->poll_query_until('postgres', "SELECT state = 'done' FROM ec_progress WHERE job = $job")
  or BAIL_OUT('the job did not go on');
is( $node->safe_psql('postgres', q{SELECT string_agg(c.relname || ' ' || i.indisvalid, ', ' ORDER BY 1) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = 'orders'::regclass}),
	'orders_n true, orders_n__new true, orders_pkey true, orders_pkey__new true, orders_v true, orders_v__new true',
	'after a crash all is there, and nothing else');
is($node->safe_psql('postgres', q{SELECT ok FROM ec_verify_change('c')}), 't', 'verified after the crash');

# A cutover is killed at each of many moments: it has happened, or it has not.
my %outcomes;
for my $delay (map { $_ * 4 } 0 .. 9)
{
	my ($stdout, $stderr) = ('', '');
	my $cutover = IPC::Run::start([ 'psql', '-XAtq', '-c', q{SET application_name = 'cutover'}, '-c', 'SELECT pg_backend_pid()',
			'-c', q{SELECT ec_cutover('c')}, $node->connstr('postgres') ], '>', \$stdout, '2>', \$stderr);
	$cutover->pump until $stdout =~ /^(\d+)\n/;
	my $pid = $1;
	select undef, undef, undef, $delay / 1000;
	kill 'KILL', $pid;
	eval { $cutover->finish };
	$node->poll_query_until('postgres', 'SELECT true') or BAIL_OUT('the server did not come back');
	my ($phase, $names) = split /\|/, $node->safe_psql('postgres', q{SELECT phase, (SELECT string_agg(attname, ',' ORDER BY attname)
		FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attnum > 0) FROM ec_changes WHERE change = 'c'});
	$outcomes{"$phase: $names"}++;
	last if $phase eq 'cut_over';
}
my @never = grep { $_ ne 'verified: id,id__new,n,n__new,v' && $_ ne 'cut_over: id,id__old,n,n__old,v' } keys %outcomes;
is_deeply(\@never, [], 'a killed cutover has happened or has not') or diag(explain(\%outcomes));
$node->safe_psql('postgres', q{SELECT ec_cutover('c')});
is($node->safe_psql('postgres', q{SELECT ec_contract('c')}), 'contracted', 'and the next one goes on from there');
is($node->safe_psql('postgres', q{SELECT string_agg(attname || ' ' || atttypid::regtype, ', ' ORDER BY attname)
	FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attnum > 0 AND NOT attisdropped}),
	'id bigint, n bigint, v text', 'to the end');
$node->stop;
done_testing();
