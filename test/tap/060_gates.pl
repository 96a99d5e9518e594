# Each gate refuses alone, and says why; then it passes again, until all do.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $self = $ENV{PGAPPNAME};
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', qq{
	shared_preload_libraries = 'expand_contract'
	expand_contract.stabilization_period = 3s
	expand_contract.ignore_usage_from = '$self'
	expand_contract.backfill_delay = 1ms
	wal_level = replica
	max_replication_slots = 4
});
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION expand_contract;
	CREATE TABLE prices (id int PRIMARY KEY, price text, note text, cents int);
	INSERT INTO prices (id, price) SELECT i, i::text FROM generate_series(1, 100) i;
	SELECT ec_expand('prices', 'prices', '{"cents": "price::int * 100"}', '{"price": "(cents / (CASE cents WHEN 13 THEN 0 ELSE 100 END))::text"}');
});

sub sql { return $node->safe_psql('postgres', @_); }

sub closed
{
	my ($step) = @_;
	return sql("SELECT string_agg(gate, ' ') FROM ec_gates('prices', '$step') WHERE NOT passed");
}

# The gate, alone, refuses the step; its line says that.
sub only
{
	my ($step, $gate, $observed) = @_;
	my $call = $step eq 'cutover' ? q{ec_cutover('prices')} : q{ec_contract('prices')};
	my ($code, $out, $err) = $node->psql('postgres', "BEGIN; SELECT $call; ROLLBACK", extra_params => [ '-v', 'VERBOSITY=verbose' ]);

	like($err, qr/ERROR:  XE020: change "prices" does not pass the gates of $step: $gate$/m, "$step: only $gate refuses");
	like($err, qr/^DETAIL:  $gate: $observed; required: /m, "$gate says what it saw");
	like($err, qr/^HINT:  $gate: \w/m, "$gate says what to do");
	return;
}

sub poll_closed
{
	my ($step, $want) = @_;
	$node->poll_query_until('postgres',
		"SELECT coalesce(string_agg(gate, ' '), '') = '$want' FROM ec_gates('prices', '$step') WHERE NOT passed")
	  or BAIL_OUT("closed gates are not \"$want\" but " . closed($step));
	return;
}

sub backfill
{
	my ($mode) = @_;
	my $job = sql("SELECT ec_backfill_change('prices', '$mode')");
	sql("CALL ec_wait($job)");
	return;
}

sub verify { return sql(q{SELECT ok FROM ec_verify_change('prices')}); }

# What both steps want, each for itself; all is well before and after.
sub gates_of_the_data
{
	my ($step) = @_;

	sql(q{SELECT ec_pause(ec_backfill_change('prices'))});
	only($step, 'backfill_complete', qr/job \d+ is (?:paused|queued|running)/);
	sql(q{SELECT ec_cancel(max(job)) FROM ec_progress WHERE kind = 'backfill'});
	poll_closed($step, '');

	# who changes both sides knows what he does; a trigger's assignment is nobody's use of the column
	sql(q{
		CREATE FUNCTION plant() RETURNS trigger LANGUAGE plpgsql AS
			$$ BEGIN new.price := (old.price::int + 50)::text; RETURN new; END $$;
		CREATE TRIGGER plant BEFORE UPDATE ON prices FOR EACH ROW EXECUTE FUNCTION plant();
		UPDATE prices SET cents = 7 WHERE id = 7;
		DROP FUNCTION plant CASCADE});
	is(verify(), 'f', 'a row is not in step');
	# which before the cutover takes the phase back
	only($step, 'verified', qr/verification \d+ of \S+ \S+ found 1 of 100 rows that differ/);
	backfill('repair');
	only($step, 'verified', qr/verification .* rows that differ, and a job or a gap came after it/);
	is(verify(), 't', 'in step again');
	poll_closed($step, '');

	sql(q{UPDATE prices SET cents = 13 WHERE id = 8});
	only($step, 'discrepancies', '1 in the queue');
	sql(q{UPDATE prices SET cents = 800 WHERE id = 8});
	is(sql(q{SELECT ec_reconcile('prices')}), '0', 'the queue is empty');
	is(verify(), 't', 'in step again');
	poll_closed($step, '');

	sql(q{SELECT ec_dual_write('prices', false)});
	only($step, 'dual_write', 'off');
	sql(q{UPDATE prices SET cents = cents + 100 WHERE id = 9});
	sql(q{SELECT ec_dual_write('prices', true)});
	is(closed($step), 'verified dual_write', "$step: what was verified is not since a gap");
	like(sql("SELECT observed FROM ec_gates('prices', '$step') WHERE gate = 'dual_write'"),
		qr/^1 transactions wrote what was not carried over$/, 'dual_write counts them');
	backfill('repair');
	verify();
	sql(q{ALTER TABLE prices DISABLE TRIGGER "~ec_prices"});
	is(closed($step), 'verified dual_write', "$step: nor since a trigger was disabled");
	like(sql("SELECT observed FROM ec_gates('prices', '$step') WHERE gate = 'dual_write'"),
		qr/^a trigger of the change is missing or disabled$/, 'dual_write says so');
	sql(q{ALTER TABLE prices ENABLE ALWAYS TRIGGER "~ec_prices"});
	backfill('repair');
	verify();
	poll_closed($step, '');

	# a standby that is away; of its own reads we know
	sql(q{SELECT pg_create_physical_replication_slot('away', true)});
	sql(q{SELECT ec_import_usage('away', ec_export_usage() || '{"in_recovery": true}')});
	only($step, 'replication_lag', qr/the lag of a standby or its slot is unknown|\d+ ms/);
	sql(q{SELECT pg_drop_replication_slot('away')});
	poll_closed($step, '');
	return;
}

is(closed('cutover'), 'backfill_complete verified', 'at first');
backfill('fill');
is(verify(), 't', 'verified');
gates_of_the_data('cutover');
sql(q{UPDATE expand_contract.changes SET backward = NULL});
is(closed('cutover'), 'reversible', 'cutover: only reversible refuses');
sql(q{UPDATE expand_contract.changes SET backward = '{"price": "cents"}'}); # any: what runs is stored elsewhere

# The manifest is watched from now on, and so are the columns.  Two instances
# of a version are seen as one.
my @shops = map {
	local $ENV{PGAPPNAME} = 'shop/2.5';
	my $session = $node->background_psql('postgres');
	$session->query_safe('SELECT 1');
	$session;
} 1 .. 2;
sql(q{SELECT ec_require_version('prices', 'shop', '2.0')});
is(sql(q{SELECT ec_cutover('prices')}), 'cut_over', 'all gates of the cutover pass');
like(closed('contract'), qr/^old_reads old_writes app_versions stabilization$/, 'contraction has to wait');
poll_closed('contract', '');
$_->quit for @shops;
gates_of_the_data('contract');

my $shop = $node->connstr('postgres') . ' application_name=shop/2.1';
$node->psql('postgres', 'SELECT price FROM prices', connstr => $shop);
only('contract', 'old_reads', qr{column price was last read \S+ ago by shop/2\.1 \(\w+\)});
poll_closed('contract', '');
$node->psql('postgres', q{UPDATE prices SET price = '9' WHERE id = 9}, connstr => $shop);
only('contract', 'old_writes', qr{column price was last written \S+ ago by shop/2\.1 \(\w+\)});
poll_closed('contract', '');

sql(q{SELECT pg_create_physical_replication_slot('away', true)});
sql(q{DELETE FROM expand_contract.standby_usage});
sql(q{ALTER SYSTEM SET expand_contract.ignore_standbys = 'away'});
$node->reload;
only('contract', 'standby_reads', 'standby away: its counters were never imported');
sql(q{SELECT pg_drop_replication_slot('away')});
poll_closed('contract', '');

my $old = do { local $ENV{PGAPPNAME} = 'shop/1.9'; $node->background_psql('postgres') };
$old->query_safe('SELECT 1');
only('contract', 'app_versions', qr{shop/1\.9 was seen \S+ ago, required is 2\.0});
$old->quit;
poll_closed('contract', '');

sql(q{CREATE VIEW labels AS SELECT id, price FROM prices});
only('contract', 'dependents', qr/view public\.labels \(depends on column price\)/);
sql(q{DROP VIEW labels});
poll_closed('contract', '');

# A way back starts the period anew, while the columns stay quiet: what both
# calls look at themselves is no use, whoever calls them.
my @dba = (connstr => $node->connstr('postgres') . ' application_name=dba');
is(sql(q{SELECT ec_contract('prices')}, @dba), 'quarantined', 'all gates of the contraction pass');
is(sql(q{SELECT ec_revert('prices')}, @dba), 'cut_over', 'back again');
only('contract', 'stabilization', qr/\S+ since then/);
poll_closed('contract', '');

$node->stop;
done_testing();
