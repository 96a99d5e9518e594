# Whoever only looks at a change does not wait for its owner, and does not block
# him; and a role without any right on a table does not block its cutover.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nmax_worker_processes = 16");
$node->start;

sub as_role
{
	my ($role, $sql) = @_;

	return $node->safe_psql('postgres', $sql, extra_params => [ '-U', $role ]);
}

$node->safe_psql('postgres', q{
	CREATE EXTENSION expand_contract;
	CREATE ROLE owner LOGIN;
	CREATE ROLE watcher LOGIN IN ROLE pg_monitor;
	CREATE ROLE stranger LOGIN;
	CREATE ROLE deployer LOGIN IN ROLE owner;
	SELECT ec_grant('owner');
	CREATE SCHEMA app AUTHORIZATION owner;
	GRANT USAGE ON SCHEMA app TO PUBLIC;
	CREATE SCHEMA own AUTHORIZATION stranger;
	SET client_min_messages = error;
	SET ROLE owner;
	CREATE TABLE app.users (id int PRIMARY KEY, old text, new text);
	CREATE INDEX ON app.users (lower(old));
	CREATE TABLE app.source (id int PRIMARY KEY, v text);
	CREATE TABLE app.target (id int PRIMARY KEY, v text);
	CREATE TABLE app.numbers (id int PRIMARY KEY, n int DEFAULT 0 CHECK (n >= 0));
	INSERT INTO app.numbers SELECT g, g FROM generate_series(1, 10) g;
	CREATE FUNCTION app.total() RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RETURN (SELECT sum(n) FROM app.numbers); END$$;
	SELECT ec_expand('columns', 'app.users', '{"new": "lower(old)"}', '{"old": "new"}');
	SELECT ec_expand('tables', 'app.source', '{"id": "id", "v": "v"}', '{"id": "id", "v": "v"}', target => 'app.target');
	SELECT ec_change_type('types', 'app.numbers', '{"n": "bigint"}')});

my @tables = qw(app.users app.source app.target app.numbers);
my @calls = ('SELECT ec_flag(\'types\')');
for my $change (qw(columns tables types))
{
	push @calls, "SELECT count(*) FROM ec_gates('$change', 'cutover')",
	  "SELECT count(*) FROM ec_gates('$change', 'contract')", "SELECT length(ec_runbook('$change'))";
}
push @calls, split /\n/, $node->safe_psql('postgres', q{
	SELECT format('SELECT count(*) FROM %s t WHERE t IS NOT NULL', c.oid::regclass)
	  FROM pg_class c JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
	 WHERE c.relkind = 'v' AND c.relname LIKE 'ec\_%' AND has_table_privilege('watcher', c.oid, 'SELECT') ORDER BY 1});
push @calls, map { "SELECT count(*) FROM ec_blockers('$_')" } @tables;
my @advice = map { "SELECT count(*) FROM ec_advise('$_')" } @tables;

# ------------------------------------------------ the table is locked
my $holder = $node->background_psql('postgres');
$holder->query_safe('BEGIN; LOCK TABLE ' . join(', ', @tables) . ' IN ACCESS EXCLUSIVE MODE');
my @waited;
for my $call (@calls)
{
	my ($code) = $node->psql('postgres', "SET statement_timeout = '60s'; $call", extra_params => [ '-U', 'watcher' ]);

	push @waited, $call if $code;
}
is("@waited", '', 'who looks does not wait for a lock');
is(as_role('watcher', q{SELECT gate, passed, observed FROM ec_gates('columns', 'contract') WHERE gate = 'dependents'}),
	'dependents|f|nothing: a table is locked', 'a gate that looks at the table is closed, and says why');
like(as_role('watcher', q{SELECT hint FROM ec_gates('columns', 'contract') WHERE gate = 'dependents'}),
	qr/^SELECT \* FROM (public\.)?ec_blockers\('app\.users'\) shows who has locked it\.$/, 'with a hint');
for my $role (qw(watcher stranger))
{
	my (undef, undef, $stderr) =
	  $node->psql('postgres', "SET statement_timeout = '60s'; $advice[0]", extra_params => [ '-U', $role ]);
	like($stderr, qr/lock/, "advice for $role says that it is locked");
	unlike($stderr, qr/statement timeout/, 'soon');
}
# nor does the owner wait for longer than he has said
for my $call ("ec_cutover('columns')", "ec_contract('columns')", "ec_revert('columns')", "ec_cutover('tables')", "ec_revert('tables')",
	"ec_prepare('types')", "ec_forget('types')")
{
	my (undef, undef, $stderr) = $node->psql('postgres',
		"\\set VERBOSITY verbose\nSET expand_contract.lock_timeout = '200ms'; SET statement_timeout = '60s'; SELECT $call", extra_params => [ '-U', 'owner' ]);
	like($stderr, qr/ERROR: +55P03:.*pid \d+/s, "$call obeys expand_contract.lock_timeout, and names the holder");
}
$holder->quit;

# ------------------------------------------------ nobody keeps a lock
my @kept;
for my $role (qw(watcher stranger))
{
	for my $call ($role eq 'watcher' ? (@calls, @advice) : @advice)
	{
		my $locks = as_role($role, qq{
			BEGIN;
			$call;
			SELECT 'locks ' || count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
			 WHERE l.pid = pg_backend_pid() AND c.relnamespace = 'app'::regnamespace});

		push @kept, "$role: $call" if $locks !~ /^locks 0$/m;
	}
}
is("@kept", '', 'who has looked keeps no lock on a table');

# ------------------------------------------------ a stranger's functions
# They name the table; one of them is about to be changed, and stays so.
as_role('stranger', q{
	CREATE FUNCTION own.invoker() RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RETURN (SELECT count(*) FROM app.numbers); END$$;
	CREATE FUNCTION own.definer() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN RETURN (SELECT count(*) FROM app.numbers); END$$});
my $changer = $node->background_psql('postgres', extra_params => [ '-U', 'stranger' ]);
$changer->query_safe('BEGIN; ALTER FUNCTION own.invoker() COST 7');
# a superuser's event trigger sees what DDL the cutover runs on functions
$node->safe_psql('postgres', q{
	CREATE TABLE ddl (tag text);
	GRANT INSERT ON ddl TO PUBLIC;
	CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO public.ddl VALUES (tg_tag); END$$;
	CREATE EVENT TRIGGER note ON ddl_command_start EXECUTE FUNCTION note()});
as_role('owner', qq{SELECT ec_backfill_change('types', delay_ms => 0)});
$node->poll_query_until('postgres', q{SELECT bool_and(state = 'done') FROM ec_progress WHERE kind = 'backfill'});
as_role('owner', qq{SELECT ec_prepare('types')});
$node->poll_query_until('postgres', q{SELECT bool_and(state = 'done') FROM ec_progress WHERE kind = 'prepare'});
as_role('owner', q{SELECT ok FROM ec_verify_change('types')});
my $row = q{SELECT ctid FROM pg_proc WHERE oid = '%s'::regprocedure};
my %before = map { $_ => $node->safe_psql('postgres', sprintf $row, $_) } ('app.total()', 'own.definer()', 'own.invoker()');
is(as_role('owner', q{SET expand_contract.lock_timeout = '60s'; SET statement_timeout = '90s'; SELECT ec_cutover('types')}),
	'cut_over', 'the cutover does not wait for a stranger who changes a function of his');
isnt($node->safe_psql('postgres', sprintf $row, 'app.total()'), $before{'app.total()'}, 'functions of the owner are compiled again');
is($node->safe_psql('postgres', sprintf $row, 'own.invoker()'), $before{'own.invoker()'}, 'the one that is being changed is left alone');
is($node->safe_psql('postgres', q{SELECT count(*) FROM ddl WHERE tag ~ 'FUNCTION|ROUTINE|PROCEDURE'}), '0',
	'and no function is altered by its name, which may be that of another one');
$changer->query_safe('COMMIT');
$changer->quit;
is($node->safe_psql('postgres', q{SELECT procost, prosecdef FROM pg_proc WHERE oid = 'own.invoker()'::regprocedure}), '7|f', 'its change is there');
is($node->safe_psql('postgres', q{SELECT prosecdef FROM pg_proc WHERE oid = 'own.definer()'::regprocedure}), 't', 'the others are as they were');
is(as_role('owner', 'SELECT app.total()'), '55', 'they work');
$node->safe_psql('postgres', 'DROP EVENT TRIGGER note');

# ------------------------------------------------ a stranger's texts
# Analysing this would take a column list of 1,600 columns, 100,000 times.
$node->safe_psql('postgres', q{SET ROLE stranger;
	DO $$ BEGIN
		EXECUTE 'CREATE TABLE own.wide (' || (SELECT string_agg('c' || g || ' int', ', ') FROM generate_series(1, 1600) g) || ')';
		SET check_function_bodies = off;
		EXECUTE format('CREATE FUNCTION own.wide() RETURNS bigint LANGUAGE sql AS %L',
			'SELECT old FROM app.users; ' || repeat('TABLE own.wide;', 55000));
		FOR i IN 1 .. 15 LOOP
			EXECUTE format('CREATE FUNCTION own.long_%s() RETURNS bigint LANGUAGE plpgsql AS %L', i,
				'BEGIN -- old' || repeat(' ', 800000) || ' END');
		END LOOP;
	END $$});
like(as_role('owner', q{SET statement_timeout = '120s';
	SELECT observed FROM ec_gates('columns', 'contract') WHERE gate = 'dependents'}),
	qr/own\.wide\(\).*; nobody can tell|look at .*function own\.wide\(\) \(its text names it/,
	'a text of a role without rights is not analysed, only read');
like(as_role('owner', q{SELECT observed FROM ec_gates('columns', 'contract') WHERE gate = 'dependents'}),
	qr/\d functions \(of roles that have no right on the table; their text is too long to be looked into\)/, 'as far as a limit for all of them');

$node->stop;
done_testing();
