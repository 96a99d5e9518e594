# Each batch reads its own stretch of the table, by TID: whatever statistics,
# indexes and settings the planner is tempted with.
#
# auto_explain writes down every plan of the workers.  In each of them the
# target table, under its own name, must be read by a TID scan of some kind;
# what sub-selects read, the same table among it, is the planner's business.
# Where a case is marked so, it is shown beforehand that it tempts: the same
# UPDATE and range, left to the planner, goes by an index or reads all the table.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $rows = 30_000;

# Background workers honour no session_preload_libraries.
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'auto_explain, expand_contract'
auto_explain.log_format = json
auto_explain.log_nested_statements = on
auto_explain.log_min_duration = 0
log_line_prefix = '[%p] '
log_statement = none
autovacuum = off
max_prepared_transactions = 1
});
# one case leaves a transaction open, which is not to stop the job
$node->append_conf('postgresql.conf', 'expand_contract.max_growth = 1000');
$node->start;
$node->safe_psql(
	'postgres', qq{
	CREATE EXTENSION expand_contract;
	CREATE ROLE owner LOGIN;
	SELECT ec_grant('owner');
	GRANT CREATE ON SCHEMA public TO owner;
	SET SESSION AUTHORIZATION owner;
	CREATE TABLE target (id int PRIMARY KEY, kind int NOT NULL, src text NOT NULL, dst text, score int,
		filler text NOT NULL DEFAULT repeat('x', 400));
	CREATE TABLE points (target_id int, value int);
	INSERT INTO points SELECT i % $rows, i FROM generate_series(1, $rows) i;
	CREATE INDEX ON points (target_id);
	ANALYZE points;
});

sub sql
{
	my ($sql) = @_;

	return $node->safe_psql('postgres', $sql, extra_params => [ '-U', 'owner' ]);
}

# All rows anew, in order; nearly all are of kind 0.
sub refill
{
	my ($done) = @_;

	sql(qq{
		DROP INDEX IF EXISTS tempting, tempting_too;
		TRUNCATE target;
		INSERT INTO target SELECT i, CASE WHEN i % 500 = 0 THEN i % 7 + 1 ELSE 0 END, 'Source' || i,
			CASE WHEN $done THEN 'source' || i END FROM generate_series(1, $rows) i});
	$node->safe_psql('postgres', 'VACUUM ANALYZE target');
	return;
}

# ------------------------------------------------------------ reading plans

# The nodes of a plan that read the target under its own name.
sub target_scans
{
	my ($plan) = @_;
	my @found;

	push @found, $plan->{'Node Type'}
	  if ($plan->{'Relation Name'} // '') eq 'target'
	  && $plan->{'Alias'} eq 'target'
	  && $plan->{'Node Type'} ne 'ModifyTable';
	push @found, map { target_scans($_) } @{ $plan->{Plans} // [] };
	return @found;
}

# What workers have run since then: [statement, its scans of the target].
sub worker_plans
{
	my ($offset) = @_;
	my $log = slurp_file($node->logfile, $offset);
	my %worker = map { $_ => 1 } $log =~ /^\[(\d+)\] LOG:  expand_contract job \d+ started/mg;
	my @plans;

	while ($log =~ /^\[(\d+)\] LOG:  duration: [\d.]+ ms  plan:\n((?:\t.*\n)+)/mg)
	{
		my ($pid, $text) = ($1, $2);

		next if !$worker{$pid};
		my $explained = decode_json($text =~ s/^\t//mgr);

		# the look for rows that are left, after a sweep, is no batch
		next if $explained->{'Query Text'} =~ /^SELECT true FROM .* LIMIT 1\z/s;
		my @scans = target_scans($explained->{Plan});
		push @plans, [ $explained->{'Query Text'}, @scans ] if @scans;
	}
	return @plans;
}

# ------------------------------------------------------------ cases

# Run a job, with something done in the middle of it, and look at its plans.
sub check_case
{
	my ($name, $assignments, $predicate, %case) = @_;
	my $offset = -s $node->logfile;
	my $quoted = defined $predicate ? "\$p\$$predicate\$p\$" : 'NULL';
	my $tempted = $predicate // $case{condition};

	my $plan = sql(qq{
		SET plan_cache_mode = force_generic_plan;
		PREPARE batch(tid, tid) AS UPDATE ONLY target SET $assignments
			WHERE ctid >= \$1 AND ctid < \$2 AND ($tempted);
		EXPLAIN (FORMAT json) EXECUTE batch('(0,1)', '(9,1)')});
	my ($chosen) = target_scans(decode_json($plan)->[0]{Plan});
	$case{tempts}
	  ? unlike($chosen, qr/^Tid/, "$name: left to itself, the planner takes: $chosen")
	  : note("$name: left to itself, the planner takes: $chosen");

	my $job = sql("SELECT ec_backfill('target', \$a\$$assignments\$a\$, $quoted, batch_size => 200,
		delay_ms => 10, workers => " . ($case{workers} // 1) . ')');
	if ($case{in_the_middle})
	{
		$node->poll_query_until('postgres', "SELECT rows_done > 0 AND rows_done < $rows / 2
			FROM ec_progress WHERE job = $job")
		  or BAIL_OUT("job $job does not come to work");
		sql($case{in_the_middle});
		is(sql("SELECT state FROM ec_progress WHERE job = $job"),
			'running', "$name: the job was running then");
	}
	if ($case{until_skipped})
	{
		$node->poll_query_until('postgres', "SELECT skipped_locked > 0 FROM ec_progress WHERE job = $job")
		  or BAIL_OUT("job $job does not meet the locked row");
		$node->safe_psql('postgres', $case{until_skipped});
	}
	sql("CALL ec_wait($job)");

	my @plans = worker_plans($offset);
	my @updates = grep { $_->[0] =~ /^UPDATE/ } @plans;
	my @wrong = grep { my (undef, @scans) = @$_; grep { !/^Tid (?:Range )?Scan$/ } @scans } @plans;
	cmp_ok(scalar @updates, '>=', $case{batches} // 10, "$name: " . @updates . ' updates have been seen');
	is(scalar @wrong, 0, "$name: all " . @plans . ' statements on the table went by TID')
	  or diag(join ', ', @{ $wrong[0] });
	return @plans;
}

# few rows are left, and an index has exactly these
refill('i > 3');
sql('CREATE INDEX tempting ON target (dst) WHERE dst IS NULL; ANALYZE target');
check_case('partial index', 'dst = lower(src)', 'dst IS NULL');

# the statistics say that nothing is to be done
refill('true');
sql('CREATE INDEX tempting ON target (dst); ANALYZE target; UPDATE target SET dst = NULL');
check_case('stale statistics', 'dst = lower(src)', 'dst IS NULL', tempts => 1, workers => 2);

# a rare kind, and an index on it
refill('false');
sql('CREATE INDEX tempting ON target (kind, dst); CREATE INDEX tempting_too ON target (kind) WHERE dst IS NULL; ANALYZE target');
check_case('selective predicate', 'dst = lower(src)', 'kind = 3 AND dst IS NULL', tempts => 1, batches => 1);

# in the middle an index comes in, the plan is made anew, and the statistics say
# as above that the index has nothing of what is looked for
refill('true');
sql('UPDATE target SET dst = NULL');
check_case('ANALYZE in the middle', 'dst = lower(src)', 'dst IS NULL',
	in_the_middle => 'CREATE INDEX tempting ON target (dst); ANALYZE target (kind)');

# the target itself and another table, in sub-selects that may join
refill('false');
sql('CREATE INDEX tempting ON target (score); CREATE INDEX tempting_too ON target (src); ANALYZE target');
check_case('sub-selects in the assignment', 'score = (SELECT coalesce(sum(value), 0) FROM points WHERE target_id = id)',
	undef, condition => 'score IS NULL');
check_case('sub-selects in the predicate', 'dst = lower(src)',
	'dst IS NULL AND EXISTS (SELECT FROM points WHERE target_id = id)
		AND NOT EXISTS (SELECT FROM target other WHERE other.src = target.dst AND other.id < target.id)', batches => 5);
check_case('IN the same table', 'score = -1',
	'score >= 0 AND id IN (SELECT other.id FROM target other WHERE other.kind = 3)', tempts => 1, batches => 1);

# settings that speak against it
refill('false');
sql('CREATE INDEX tempting ON target (id) WHERE dst IS NULL; ANALYZE target');
$node->safe_psql('postgres', q{
	ALTER ROLE owner SET enable_tidscan = off;
	ALTER ROLE owner SET random_page_cost = 0.01;
	ALTER ROLE owner SET cpu_index_tuple_cost = 0;
	ALTER ROLE owner SET parallel_setup_cost = 0;
	ALTER ROLE owner SET min_parallel_table_scan_size = 0});
check_case('settings', 'dst = lower(src)', 'dst IS NULL', tempts => 1);

# a locked row: its range is counted and locked first
refill('false');
sql('CREATE INDEX tempting ON target (id) WHERE dst IS NULL; ANALYZE target');
sql("BEGIN; SELECT FROM target WHERE id = $rows / 2 FOR UPDATE; PREPARE TRANSACTION 'locker'");
my @plans = check_case('locked row', 'dst = lower(src)', 'dst IS NULL',
	tempts => 1, until_skipped => "COMMIT PREPARED 'locker'");
for my $kind (qr/^SELECT true/, qr/^SELECT ctid .* FOR NO KEY UPDATE SKIP LOCKED/s)
{
	cmp_ok(scalar(grep { $_->[0] =~ $kind } @plans), '>', 0, "a statement like $kind was among them");
}
is( join(' ', sort keys %{ { map { $_->[1] => 1 } @plans } }),
	'Tid Range Scan Tid Scan',
	'both ways of reading by TID were in use');

$node->stop;
done_testing();
