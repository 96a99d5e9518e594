# From the version before: a database has the SQL of 0.9 and the server the new
# library, as it is between "make install" and ALTER EXTENSION ... UPDATE; then
# it is updated, in the middle of changes and jobs.
#
# - Writers, workers and the launcher go on all the while.
# - What the update makes is what a fresh install makes: each difference is named
#	in the first test, and sql/updates/0.9--1.0.sql is where it is mended.
# - The other order, SQL that the library does not know, is refused.
use strict;
use warnings;

use Cwd qw(realpath);
use FindBin;
use lib $FindBin::RealBin;

use EcTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = realpath("$FindBin::RealBin/../..");
my ($old, $new) = ('0.9', '1.0');
my $self = $ENV{PGAPPNAME};
my $rows = 3000;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', qq{
	shared_preload_libraries = 'expand_contract'
	expand_contract.stabilization_period = 0
	expand_contract.ignore_usage_from = '$self'
	max_worker_processes = 16
});
$node->start;

# ---------------------------------------------------------------- the catalogue

my $catalogue = slurp_file("$root/test/catalogue.sql");

sub lines_of
{
	my ($database) = @_;

	return split /\n/, $node->safe_psql($database, $catalogue);
}

# Differences as a person reads them.
sub is_like_a_fresh_install
{
	my ($database, $when) = @_;
	my %fresh = map { $_ => 1 } lines_of('fresh');
	my %updated = map { $_ => 1 } lines_of($database);
	my @lacking = grep { !$updated{$_} } sort keys %fresh;
	my @surplus = grep { !$fresh{$_} } sort keys %updated;

	cmp_ok(scalar keys %fresh, '>', 1000, "$when: there is a catalogue to compare");
	ok(!@lacking && !@surplus, "$when: the same as a fresh install of $new")
	  or diag(
		"sql/updates/$old--$new.sql has to make the difference:\n",
		map({ "  a fresh install has, and the update has not made:  $_\n" } @lacking),
		map({ "  the update has left, and a fresh install has not:  $_\n" } @surplus));
	return;
}

$node->safe_psql('postgres', "CREATE DATABASE $_") for ('fresh', 'empty', 'elsewhere', 'dumped');
$node->safe_psql('fresh', 'CREATE EXTENSION expand_contract');
$node->safe_psql('empty', "CREATE EXTENSION expand_contract VERSION '$old'");
$node->safe_psql('empty', 'ALTER EXTENSION expand_contract UPDATE');
is_like_a_fresh_install('empty', 'updated, and nothing in it');

# What the administrator has granted and revoked is his, and a dump has it.
$node->safe_psql(
	'elsewhere', qq{
	CREATE ROLE deployer;
	CREATE ROLE viewer;
	CREATE SCHEMA "else where";
	CREATE EXTENSION expand_contract VERSION '$old' SCHEMA "else where";
	SET search_path = "else where";
	SELECT ec_grant('deployer');
	GRANT EXECUTE ON FUNCTION ec_pause(bigint) TO PUBLIC;
	REVOKE SELECT ON ec_progress FROM PUBLIC;
	GRANT SELECT ON ec_progress TO viewer;
});
my $rights = q{
	SELECT string_agg((SELECT bool_and(has_function_privilege('deployer', p.oid, 'EXECUTE')) FROM pg_proc p WHERE p.proname IN ('ec_backfill_change', 'ec_expand'))::text
		|| has_function_privilege('viewer', '"else where".ec_pause(bigint)', 'EXECUTE')
		|| has_function_privilege('viewer', '"else where".ec_cancel(bigint)', 'EXECUTE')
		|| has_table_privilege('viewer', '"else where".ec_progress', 'SELECT')
		|| has_table_privilege('deployer', '"else where".ec_progress', 'SELECT'), '')};
my $as_granted = 'truetruefalsetruefalse';
is($node->safe_psql('elsewhere', $rights), $as_granted, 'rights before the update');
$node->safe_psql('elsewhere', 'ALTER EXTENSION expand_contract UPDATE');
is($node->safe_psql('elsewhere', $rights), $as_granted, 'rights after the update');
my $dump = $node->basedir . '/dump.sql';
$node->command_ok([ 'pg_dump', '-d', $node->connstr('elsewhere'), '-f', $dump ], 'dump of what was updated');
$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('dumped'), '-f', $dump ], 'and its restore');
is($node->safe_psql('dumped', $rights), $as_granted, 'rights in the restored database');

# ---------------------------------------------------------------- a journey

sub sql { return $node->safe_psql('postgres', $_[0]); }

sub job_is_done
{
	my ($job, $name) = @_;

	$node->poll_query_until('postgres',
		"SELECT state IN ('done', 'failed', 'cancelled') FROM ec_progress WHERE job = $job");
	is(sql("SELECT state, last_error FROM ec_progress WHERE job = $job"), 'done|', $name);
	return;
}

sql("CREATE EXTENSION expand_contract VERSION '$old'");
sql(qq{
	CREATE TABLE users (id int PRIMARY KEY, legacy_email text NOT NULL, legacy_age text);
	INSERT INTO users SELECT i, 'User' || i, i::text FROM generate_series(1, $rows) i;
	CREATE TABLE orders (id int PRIMARY KEY, total int NOT NULL);
	INSERT INTO orders SELECT i, i FROM generate_series(1, $rows) i;
	CREATE TABLE orders_new (id int PRIMARY KEY, cents int);
});

# What the library of yesterday did with the old SQL, today's does with it if the
# tables have the columns that are new; they are there only meanwhile.
sub sql_of_yesterday
{
	my ($statements) = @_;
	my $columns = q{
		SELECT format('ALTER TABLE %s %%s COLUMN %I', c.oid::regclass, a.attname), format_type(a.atttypid, a.atttypmod)
		  FROM pg_extension e
		  JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.classid = 'pg_class'::regclass
		  JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'r'
		  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		 WHERE e.extname = 'expand_contract'};
	my %known = map { $_ => 1 } split /\n/, sql($columns);
	# a table that came later is needed by nobody yet
	my %tables = map { /^ALTER TABLE (\S+)/ ? ($1 => 1) : () } keys %known;
	my @lacking = map { [ split /\|/ ] } grep { !$known{$_} && /^ALTER TABLE (\S+)/ && $tables{$1} } split /\n/, $node->safe_psql('fresh', $columns);

	sql(join ';', map { sprintf($_->[0], 'ADD') . " $_->[1]" } @lacking);
	my $result = sql($statements);
	sql(join ';', map { sprintf($_->[0], 'DROP') } @lacking);
	return $result;
}

my $session;
sub in_session
{
	my ($sql, $name) = @_;

	$session->{stderr} = '';
	my $result = $session->query($sql);
	is($session->{stderr}, '', "$name: no error");
	return $result;
}

sub email { return sql("SELECT email FROM users WHERE id = $_[0]"); }
sub writers_go_on
{
	my ($when) = @_;

	for my $write (1, 2)
	{
		my $value = "$when $write";
		in_session("UPDATE users SET legacy_email = '$value' WHERE id = $write", "$when, old column");
		is(email($write), lc $value, "$when: carried to the new column");
		in_session("UPDATE users SET email = '$value' WHERE id = 10 + $write", "$when, new column");
		is(sql("SELECT legacy_email FROM users WHERE id = 10 + $write"), $value, "$when: and back");
		in_session("INSERT INTO orders VALUES (nextval('order_ids'), 7)", "$when, old table");
		is(sql("SELECT cents FROM orders_new ORDER BY id DESC LIMIT 1"), '700', "$when: carried to the other table");
		in_session("UPDATE orders_new SET cents = ${write}00 WHERE id = currval('order_ids')", "$when, new table");
		is(sql('SELECT total FROM orders ORDER BY id DESC LIMIT 1'), $write, "$when: and back");
		in_session("SELECT count(legacy_age) FROM users", "$when, a tracked column");
	}
	return;
}

sql(q{CREATE SEQUENCE order_ids START 100001});
is(sql_of_yesterday(q{SELECT ec_apply('001', 'ALTER TABLE users ADD COLUMN email text', 'ALTER TABLE users DROP COLUMN email')}),
	'applied', 'a migration, with the old SQL');
is(sql_of_yesterday(q{SELECT ec_expand('email', 'users', '{"email": "lower(legacy_email)"}', '{"legacy_email": "email"}')}),
	'expanded', 'a change of a column');
is(sql_of_yesterday(q{SELECT ec_expand('orders', 'orders', '{"id": "id", "cents": "total * 100"}', '{"id": "id", "total": "cents / 100"}', target => 'orders_new')}),
	'expanded', 'a change to another table');
is(sql_of_yesterday(q{SELECT ec_track('users', '{legacy_age}')}), '1', 'a column is tracked');

like(
	($node->psql('postgres', q{SELECT ec_backfill('users', 'legacy_age = NULL')}))[2],
	qr/HINT:  The library of expand_contract is of version $new, and its SQL in this database is older\. Use ALTER EXTENSION expand_contract UPDATE\./,
	'a new job waits for the update');
my ($backfill, $copy) = split /\n/, sql_of_yesterday(
	q{
	BEGIN;
	SELECT ec_backfill_change('email', batch_size => 100, delay_ms => 0) AS job \gset
	SELECT ec_pause(:job) AS was \gset
	\echo :job
	SELECT ec_backfill_change('orders', batch_size => 100, delay_ms => 0) AS job \gset
	SELECT ec_pause(:job) AS was \gset
	\echo :job
	COMMIT;
});
# one was at work as the server went down for the new library
sql("UPDATE expand_contract.jobs SET state = 'running', started_at = now() WHERE id = $backfill");

# A session that stays, as an application's do.
$session = $node->background_psql('postgres', on_error_stop => 0);
$session->query(q{SET application_name = 'shop'});
writers_go_on("with SQL $old");

$session->quit;
my $offset = -s $node->logfile;
$node->restart;
$session = $node->background_psql('postgres', on_error_stop => 0);
$session->query(q{SET application_name = 'shop'});
$node->wait_for_log(qr/jobs in database "postgres" wait for ALTER EXTENSION expand_contract UPDATE/, $offset);
pass('the launcher lets jobs wait');
is(sql("SELECT state FROM ec_progress WHERE job = $backfill"), 'interrupted', 'and they show it');
is(sql('SELECT count(*) FROM ec_changes'), '2', 'views are read with the old SQL');
writers_go_on("after a restart with SQL $old");

# ---------------------------------------------------------------- the update

my $versions = sql('SELECT version, state FROM ec_migrations');
sql('ALTER EXTENSION expand_contract UPDATE');
is_like_a_fresh_install('postgres', 'updated in the middle');
is(sql('SELECT version, state FROM ec_migrations'), $versions, 'the ledger is what it was');
writers_go_on("with SQL $new");
job_is_done($backfill, 'the launcher goes on with the backfill, to its end');
is(sql("SELECT ec_resume($copy) IS NOT NULL"), 't', 'the paused copy goes on');
job_is_done($copy, 'and comes to its end');

for my $change ('email', 'orders')
{
	is(sql("SELECT ok FROM ec_verify_change('$change')"), 't', "$change is verified");
	is(sql("SELECT ec_cutover('$change')"), 'cut_over', "$change is cut over");
	is(sql("SELECT ec_contract('$change', '{old_reads, old_writes, dependents}', quarantine => '0')"), 'quarantined', "$change is quarantined");
	is(sql("SELECT ec_contract('$change', '{old_reads, old_writes, dependents}')"), 'contracted', "$change is contracted");
}
is(sql(q{SELECT count(*) FROM users WHERE email IS NULL}), '0', 'every row has its new value');
is(sql(q{SELECT ec_apply('003', 'CREATE TABLE later (id int)')}), 'applied', 'and the next one applied');
$node->poll_query_until('postgres', q{SELECT reads >= 4 FROM ec_column_usage WHERE column_name = 'legacy_age'});
pass('what was counted before the update still counts');

# ---------------------------------------------------------------- the other order

my $refused = qr/ERROR:  the library of expand_contract does not run with the SQL of its version 9\.9\n.*DETAIL:  This session runs the library of version $new\.\n.*HINT:  Install the library of version 9\.9 if it is not\. Then connect again or, if shared_preload_libraries names it, restart the server\./s;
sql(q{CREATE TABLE legacy (id int PRIMARY KEY, a int, b int); SELECT ec_expand('legacy', 'legacy', '{"b": "a"}', '{"a": "b"}')});
my $log = -s $node->logfile;
sql(q{UPDATE pg_extension SET extversion = '9.9' WHERE extname = 'expand_contract'});
for my $statement (
	q{SELECT ec_apply('004', 'SELECT 1')}, q{SELECT ec_backfill('legacy', 'b = a')},
	q{SELECT ec_gates('legacy', 'cutover')}, q{INSERT INTO legacy VALUES (1, 2)},
	q{ALTER TABLE legacy ADD COLUMN c int})
{
	like(($node->psql('postgres', $statement))[2], $refused, "SQL of tomorrow: $statement");
}
$node->restart;
$node->wait_for_log(qr/the launcher of expand_contract does nothing in database "postgres"/, $log);
pass('the launcher says so, and goes on elsewhere');
sql(qq{UPDATE pg_extension SET extversion = '0.1' WHERE extname = 'expand_contract'});
like(
	($node->psql('postgres', q{INSERT INTO legacy VALUES (1, 2)}))[2],
	qr/does not run with the SQL of its version 0\.1.*HINT:  Use ALTER EXTENSION expand_contract UPDATE\./s,
	'SQL of the day before yesterday');
sql(qq{UPDATE pg_extension SET extversion = '$new' WHERE extname = 'expand_contract'});
sql('INSERT INTO legacy VALUES (1, 2)');
is(sql('SELECT b FROM legacy'), '2', 'and all is well where they go together');
like(
	($node->psql('postgres', q{SELECT expand_contract.require_library('9.9')}))[2],
	$refused, 'a script of tomorrow stops before it changes anything');

$session->quit;
$node->stop;
done_testing();
