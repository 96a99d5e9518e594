# Another type for columns that keep their names, and the server is killed: at
# each kind of step of ec_prepare, in the middle of a build, in the middle of the
# swap and of the way back, when all names have changed and nothing is
# committed, and at random times.  What has happened then, has happened whole or
# not at all, and the next call goes on from there and leaves nothing behind.
#
#	EC_RETYPE_KILLS	how many kills of each kind at random times (1)
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcTest;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $kills = $ENV{EC_RETYPE_KILLS} || 1;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
	shared_preload_libraries = 'expand_contract'
	expand_contract.stabilization_period = 0
	max_worker_processes = 16
	restart_after_crash = off
	expand_contract.lock_timeout = '2s'
	log_statement = none
});
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION expand_contract;
	CREATE TABLE kinds (id integer PRIMARY KEY);
	CREATE TABLE orders (id serial PRIMARY KEY, n integer NOT NULL DEFAULT 0 CHECK (n >= 0), v text,
		kind integer REFERENCES kinds);
	CREATE INDEX orders_n ON orders (n);
	CREATE INDEX orders_v ON orders (v, id);
	CREATE TABLE items (order_id integer REFERENCES orders ON DELETE CASCADE);
	CREATE VIEW shown AS SELECT id, n FROM orders WHERE n > 3;
	COMMENT ON VIEW shown IS 'a view';
	GRANT SELECT ON shown TO PUBLIC;
	CREATE FUNCTION reads() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN max(id) FROM orders; END';
	CREATE TRIGGER of_n BEFORE UPDATE OF n ON orders FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
	INSERT INTO kinds VALUES (1);
	INSERT INTO orders (n, v, kind) SELECT i, 'v' || i, 1 FROM generate_series(1, 3000) i;
	INSERT INTO items SELECT i FROM generate_series(1, 1000) i;
	SELECT ec_set_flag('c', false);

	-- all that a swap changes; the names of what is built are not all the same
	CREATE FUNCTION state() RETURNS text LANGUAGE sql AS $$
		SELECT string_agg(line, E'\n' ORDER BY line COLLATE "C") FROM (
			SELECT 'phase ' || phase FROM ec_changes WHERE change = 'c'
			UNION ALL SELECT 'flag ' || ec_flag('c')
			UNION ALL SELECT format('known %s %s %s', attnum, present_name, key_position) FROM expand_contract.change_columns
			UNION ALL SELECT format('column %s %s %s %s %s', attnum, attname, atttypid::regtype, attnotnull, pg_get_expr(adbin, adrelid))
				FROM pg_attribute LEFT JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum)
				WHERE attrelid = 'orders'::regclass AND attnum > 0
			UNION ALL SELECT 'sequence ' || format_type(seqtypid, NULL) || ' ' || refobjsubid FROM pg_sequence JOIN pg_depend ON objid = seqrelid AND deptype = 'a'
				WHERE seqrelid = 'orders_id_seq'::regclass
			UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
				WHERE conrelid IN ('orders'::regclass, 'items'::regclass)
			UNION ALL SELECT 'index ' || pg_get_indexdef(indexrelid) || ' ' || indisvalid FROM pg_index WHERE indrelid = 'orders'::regclass
			UNION ALL SELECT 'view ' || pg_get_viewdef('shown') || concat(obj_description('shown'::regclass), relacl) FROM pg_class WHERE oid = 'shown'::regclass
			UNION ALL SELECT 'trigger ' || pg_get_triggerdef(oid) || ' ' || tgattr::text FROM pg_trigger WHERE tgrelid = 'orders'::regclass AND NOT tgisinternal
		) l (line) $$;
});

sub state { return $node->safe_psql('postgres', 'SELECT state()') }

sub job
{
	my ($call) = @_;
	return $node->safe_psql('postgres', "SELECT $call AS job \\gset\nCALL ec_wait(:job)");
}

# A session that has done something in a transaction.
sub holder
{
	my ($sql) = @_;
	my ($in, $out) = ('', '');
	my $session = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') ], '<', \$in, '>', \$out, '2>&1');

	$in .= "BEGIN; $sql; SELECT 'holds';\n";
	$session->pump until $out =~ /holds|ERROR/;
	unlike($out, qr/ERROR/, "somebody does $sql");
	return $session;
}

sub finish
{
	my ($session) = @_;
	eval { $session->kill_kill };
	return;
}

# ------------------------------------------------------------------ ec_prepare
sub is_prepared
{
	my ($when) = @_;
	job(q{ec_prepare('c')});
	is( $node->safe_psql('postgres', q{SELECT passed, observed FROM ec_gates('c', 'cutover') WHERE gate = 'prepared'}),
		't|all is there', "$when: the next call has built the rest");
	is( $node->safe_psql('postgres', q{SELECT string_agg(indexrelid::regclass || ' ' || indisvalid, ', ' ORDER BY indexrelid::regclass::text COLLATE "C")
			FROM pg_index WHERE indrelid = 'orders'::regclass}),
		'orders_n true, orders_n__new true, orders_pkey true, orders_pkey__new true, orders_v true, orders_v__new true',
		"$when: every index is valid, and none is there twice");
	is( $node->safe_psql('postgres', q{SELECT count(*), count(*) FILTER (WHERE convalidated) FROM pg_constraint
			WHERE contype IN ('c', 'f') AND conrelid IN ('orders'::regclass, 'items'::regclass)}),
		'7|7', "$when: likewise the constraints");
	return;
}

# Back to where ec_prepare begins.
sub unprepare
{
	$node->safe_psql('postgres', q{
		SELECT ec_revert('c');
		SELECT ec_change_type('c', 'orders', '{"id": "bigint", "n": "bigint"}');
		SELECT ec_backfill_change('c', delay_ms => 0) AS job \gset
		CALL ec_wait(:job);});
	return;
}

$node->safe_psql('postgres', q{
	SELECT ec_change_type('c', 'orders', '{"id": "bigint", "n": "bigint"}');
	SELECT ec_backfill_change('c', delay_ms => 0) AS job \gset
	CALL ec_wait(:job);});

my $half_built = q{SELECT count(*) = 1 FROM pg_index WHERE indrelid = 'orders'::regclass AND NOT indisvalid};
my $lock_waits = q{SELECT count(*) > 0 FROM ec_progress WHERE kind = 'prepare' AND state = 'running' AND throttled_by = 'lock'};
my @ways = (
	[ 'in the middle of a build', 'UPDATE orders SET v = v WHERE id = 1', $half_built ],
	[ 'before the first constraint', 'LOCK TABLE orders IN ROW SHARE MODE', $lock_waits ],
	[ 'before a foreign key', 'LOCK TABLE items IN ROW EXCLUSIVE MODE', $lock_waits ],
	map { [ 'at a random time' ] } 1 .. $kills);
for my $way (@ways)
{
	my ($when, $held, $condition) = @$way;
	my $session = defined $held ? holder($held) : undef;
	my $job = $node->safe_psql('postgres', q{SELECT ec_prepare('c')});

	if (defined $condition)
	{
		$node->poll_query_until('postgres', $condition) or BAIL_OUT("ec_prepare was never $when");
		is($node->safe_psql('postgres', q{SELECT ec_prepare('c')}), $job, 'while a job is unfinished, another call returns it');
	}
	else
	{
		usleep(rand(1_500_000));
	}
	kill_server($node);
	finish($session) if defined $session;
	is_prepared($when);
	unprepare() unless $way == $ways[-1];
}

# ---------------------------------------------------------- the swaps of names
is($node->safe_psql('postgres', q{SELECT ok FROM ec_verify_change('c')}), 't', 'verified after all that');

# The two states, of which there is no third.
my %state = (cutover => state());
$node->safe_psql('postgres', q{SELECT ec_cutover('c')});
job(q{ec_prepare('c')});
$state{revert} = state();
isnt($state{cutover}, $state{revert}, 'the swap changes what is compared');

sub ready_for
{
	my ($step) = @_;
	my $phase = $node->safe_psql('postgres', q{SELECT phase FROM ec_changes WHERE change = 'c'});

	$node->safe_psql('postgres', q{SELECT ec_revert('c')}) if $step eq 'cutover' && $phase eq 'cut_over';
	$node->safe_psql('postgres', q{SELECT ec_cutover('c')}) if $step eq 'revert' && $phase ne 'cut_over';
	job(q{ec_prepare('c')});
	$node->safe_psql('postgres', q{SELECT ec_verify_change('c')}) if $step eq 'cutover';
	return;
}

# What the swap does last is held up; it is killed right after its end; or at a
# random time.
my @held = (
	[ 'with all names changed', q{SELECT ec_set_flag('c', NOT ec_flag('c'))} ],
	[ 'after its end' ],
	map { [ 'at a random time' ] } 1 .. $kills);
my %outcomes;
my $took; # seconds of a swap
for my $step (qw(cutover revert))
{
	for my $way (@held)
	{
		my ($when, $held) = @$way;

		ready_for($step);
		my $before = state();
		my $session = defined $held ? holder($held) : undef;
		my ($in, $out) = ('', '');
		my $swap = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', 'SELECT pg_backend_pid()',
				'-c', "SELECT ec_$step('c')" ], '<', \$in, '>', \$out, '2>&1');
		$swap->pump until $out =~ /^(\d+)\n/;
		my $pid = $1;

		if (defined $held)
		{
			$node->poll_query_until('postgres', qq{SELECT count(*) > 0 FROM pg_locks w JOIN pg_locks h USING (pid)
				WHERE pid = $pid AND NOT w.granted AND w.locktype IN ('transactionid', 'tuple')
				  AND h.granted AND h.mode = 'AccessExclusiveLock' AND h.relation = (SELECT oid FROM pg_class WHERE relname = 'orders')})
			  or BAIL_OUT("$step was never $when");
		}
		elsif ($when eq 'after its end')
		{
			my $from = time;
			$swap->finish;
			$took = time - $from;
		}
		else
		{
			usleep(rand($took * 1_200_000));
		}
		kill_server($node);
		eval { $swap->finish } if $when ne 'after its end';
		finish($session) if defined $session;
		my $after = state();
		my $has_happened = $after ne $before;

		$outcomes{$step . ($has_happened ? ' done' : ' not done')}++;
		ok(!$has_happened, "$step killed $when: nothing of it has happened") if defined $held;
		ok($has_happened, "$step killed $when: it lasts") if $when eq 'after its end';
		is($node->safe_psql('postgres', q{SELECT phase FROM ec_changes WHERE change = 'c'}), $step eq 'cutover' ? 'cut_over' : 'verified',
			"$step killed $when: it has happened, all of it") if $has_happened;
		job(q{ec_prepare('c')});
		is(state(), $has_happened ? $state{$step eq 'cutover' ? 'revert' : 'cutover'} : $before,
			"$step killed $when: one of two states");
		is($node->safe_psql('postgres', q{SELECT ok FROM ec_verify_change('c')}), 't', "$step killed $when: the rows are in step");
	}
}
note(explain(\%outcomes));
ready_for('cutover');
$node->safe_psql('postgres', q{SELECT ec_cutover('c')});
is($node->safe_psql('postgres', q{SELECT ec_contract('c')}), 'contracted', 'and the next one goes on from there');
is($node->safe_psql('postgres', q{SELECT string_agg(attname || ' ' || atttypid::regtype, ', ' ORDER BY attname)
	FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attnum > 0 AND NOT attisdropped}),
	'id bigint, kind integer, n bigint, v text', 'to the end');
is($node->safe_psql('postgres', q{SELECT string_agg(indexrelid::regclass::text, ', ' ORDER BY indexrelid::regclass::text COLLATE "C") FROM pg_index WHERE indrelid = 'orders'::regclass}),
	'orders_n, orders_pkey, orders_v', 'and leaves nothing behind');
$node->stop;
done_testing();
