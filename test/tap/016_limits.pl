# What one role may take of what all share: tracked columns, the looks of other
# sessions, versions of migrations.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nmax_worker_processes = 16\nshared_preload_libraries = 'expand_contract'");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION expand_contract;
	CREATE ROLE greedy LOGIN;
	CREATE ROLE modest LOGIN;
	SELECT ec_grant('greedy'), ec_grant('modest');
	GRANT CREATE ON SCHEMA public TO greedy, modest;});

sub as
{
	my ($role, $sql) = @_;
	my ($code, $stdout, $stderr) = $node->psql('postgres', $sql, extra_params => [ '-U', $role ]);

	return $code == 0 ? $stdout : $stderr;
}

# ------------------------------------------------------------ tracked columns

as('greedy', q{DO $$BEGIN EXECUTE (SELECT 'CREATE TABLE wide (' || string_agg('c' || i || ' int', ', ') || ')' FROM generate_series(1, 1020) i); END$$});
as('modest', 'CREATE TABLE narrow (a int, b int)');
my $refused = as('greedy', q{SELECT ec_track('wide')});
like($refused, qr/too many columns of tables of role "greedy" would be tracked/, 'a role cannot track a thousand columns');
like($refused, qr/DETAIL: .*1020 .*max_tracked_columns is 200/, 'it is told how many');
is($node->safe_psql('postgres', 'SELECT count(*) FROM expand_contract.usage'), '0', 'and none is tracked');
is(as('greedy', q{SELECT ec_track('wide', ARRAY(SELECT 'c' || i FROM generate_series(1, 200) i))}), '200', 'up to the limit it can');
like(as('greedy', q{SELECT ec_track('wide', '{c201}')}), qr/too many columns/, 'one by one neither');
is(as('modest', q{SELECT ec_track('narrow')}), '2', 'others have their own share');
like(as('greedy', q{SET expand_contract.max_tracked_columns = 2000}), qr/permission denied to set parameter/, 'the limit is not the role\'s');
is($node->safe_psql('postgres', q{SET expand_contract.max_tracked_columns = 300; SELECT ec_track('wide', '{c201}')}), '1', 'a superuser may go beyond');
as('greedy', q{SELECT ec_untrack('wide')});

# ------------------------------------------------------------ looks

# A session that is made to look without end puts looks off, counts what it
# knows, and says that it may have missed what has come since.
my $session = $node->background_psql('postgres');
$session->query_safe('SELECT a FROM narrow');
my $before = $node->safe_psql('postgres', q{SELECT reads FROM ec_column_usage WHERE relation = 'narrow'::regclass AND column_name = 'a'});
$node->safe_psql('postgres', 'CREATE TABLE toggled (a int, b int)');
$session->query_safe(q{DO $$BEGIN FOR i IN 1 .. 200 LOOP
	PERFORM ec_track('toggled'); PERFORM ec_untrack('toggled'); EXECUTE 'SELECT a FROM narrow'; END LOOP; END$$});
is($node->safe_psql('postgres', q{SELECT reads FROM ec_column_usage WHERE relation = 'narrow'::regclass AND column_name = 'a'}) - $before,
	200, 'a column that stays tracked is counted all the while');
$session->quit;

# ------------------------------------------------------------ versions

like(as('greedy', q{SELECT ec_baseline(repeat('9', 200))}), qr/too long a number/, 'a version has an end');
is(as('greedy', q{SELECT ec_baseline('99999')}), 'baselined', 'a baseline that is too high');
like(as('modest', q{SELECT ec_apply('001', 'CREATE TABLE one (id int)', 'DROP TABLE one')}), qr/99999/, 'is in the way');
is(as('modest', q{SELECT ec_rollback('99999', dry_run => true)}), 'planned', 'it can be taken back');
is(as('modest', q{SELECT ec_rollback('99999')}), 'rolled back', 'and is');
is(as('modest', q{SELECT ec_apply('001', 'CREATE TABLE one (id int)', 'DROP TABLE one')}), 'applied', 'then the way is free');
is(as('greedy', q{SELECT ec_baseline('002')}), 'baselined', 'a baseline');
is(as('modest', q{SELECT ec_apply('003', 'CREATE TABLE three (id int)', 'DROP TABLE three')}), 'applied', 'with one after it');
like(as('greedy', q{SELECT ec_rollback('002')}), qr/later migrations have been applied.*DETAIL:  After it: "003"/s, 'stays while that is there');
is(as('modest', q{SELECT ec_rollback('003')}), 'rolled back', 'which is taken back first');
is(as('modest', q{SELECT ec_rollback('002')}), 'rolled back', 'and the baseline then');

# ------------------------------------------------------------ another's down script

as('modest', q{CREATE TABLE dup (id int); INSERT INTO dup VALUES (1), (1)});
my $up = q{'CREATE INDEX CONCURRENTLY dup_i ON dup (id); CREATE UNIQUE INDEX CONCURRENTLY dup_u ON dup (id)'};
is(as('modest', "SELECT ec_apply('010', $up, 'DROP INDEX dup_i')"), 'queued', 'a migration is submitted');
as('modest', q{CALL ec_wait_migration('010')});
is($node->safe_psql('postgres', q{SELECT state FROM ec_migrations WHERE version = '010'}), 'failed', 'and fails half-way');
like(as('greedy', "SELECT ec_apply('010', $up, 'DROP TABLE narrow')"), qr/permission denied to replace the down script of migration "010".*DETAIL:  Role "modest"/s,
	'another role cannot give it another down script');
is($node->safe_psql('postgres', q{SELECT down FROM expand_contract.schema_migrations WHERE version = '010'}), 'DROP INDEX dup_i', 'it is as it was');
is(as('modest', "SELECT ec_apply('010', $up, 'DROP INDEX IF EXISTS dup_i')"), 'queued', 'who gave it can');

$node->stop;
done_testing();
