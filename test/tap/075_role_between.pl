# Between two statements of ours: a worker is killed while it works as another
# role; a role is renamed or dropped, and its name is another's, between the
# submission and the work.  Nothing runs with other rights than before.
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
$node->append_conf('postgresql.conf',
	"shared_preload_libraries = 'expand_contract'\nautovacuum = off\nmax_worker_processes = 16\nrestart_after_crash = on");
$node->start;

sub as_role
{
	my ($role, $sql) = @_;

	return $node->safe_psql('postgres', $sql, extra_params => [ '-U', $role ]);
}

sub set_workers
{
	my ($workers) = @_;

	$node->append_conf('postgresql.conf', "expand_contract.max_workers = $workers");
	$node->reload;
	$node->poll_query_until('postgres', "SELECT current_setting('expand_contract.max_workers') = '$workers'");
	return;
}

$node->safe_psql('postgres', q{
	CREATE EXTENSION expand_contract;
	CREATE ROLE owner LOGIN;
	CREATE ROLE member LOGIN IN ROLE owner;
	SELECT ec_grant('owner'), ec_grant('member');
	CREATE SCHEMA app AUTHORIZATION owner;
	GRANT USAGE ON SCHEMA app TO PUBLIC;
	SET ROLE owner;
	CREATE TABLE app.seen (who text PRIMARY KEY);
	GRANT ALL ON app.seen TO PUBLIC;
	CREATE FUNCTION app.look() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO app.seen VALUES (current_user) ON CONFLICT DO NOTHING;
		RETURN new;
	END$$;
	CREATE TABLE app.users (id int PRIMARY KEY, filler text);
	INSERT INTO app.users SELECT g, 'x' FROM generate_series(1, 10) g;
	CREATE TRIGGER look BEFORE UPDATE ON app.users FOR EACH ROW EXECUTE FUNCTION app.look()});

# ------------------------------------------------ kill -9 between two roles
for my $role ('member', 'postgres')
{
	$node->safe_psql('postgres', qq{
		SET ROLE owner;
		CREATE TABLE app.of_$role (id int PRIMARY KEY, old text, new text, filler text);
		INSERT INTO app.of_$role SELECT g, 'x' || g, NULL, repeat('x', 200) FROM generate_series(1, 10000) g;
		CREATE TRIGGER look BEFORE UPDATE ON app.of_$role FOR EACH ROW EXECUTE FUNCTION app.look();
		SET client_min_messages = error;
		SELECT ec_expand('of_$role', 'app.of_$role', '{"new": "upper(old)"}', '{"old": "new"}')});
	my $job = as_role($role, qq{SELECT ec_backfill_change('of_$role', batch_size => 50, delay_ms => 30)});

	for my $percent (10, 30)
	{
		wait_for_rows($node, $job, 100 * $percent);
		kill_worker($node, $job);
	}
	$node->poll_query_until('postgres', "SELECT state = 'done' FROM ec_progress WHERE job = $job");
	is($node->safe_psql('postgres', 'SELECT string_agg(who, \',\') FROM app.seen'), 'owner',
		"the job of $role works as the owner of the table, after each crash too");
	is($node->safe_psql('postgres', "SELECT owner FROM ec_progress WHERE job = $job"), $role, 'and is his');
	is($node->safe_psql('postgres', "SELECT count(*) FROM app.of_$role WHERE new IS NULL"), '0', 'it is complete');
	$node->safe_psql('postgres', 'DELETE FROM app.seen');
}

# ------------------------------------------------ a name that is another's
set_workers(0);
$node->safe_psql('postgres', q{
	CREATE ROLE leaver LOGIN;
	CREATE ROLE mover LOGIN;
	SELECT ec_grant('leaver'), ec_grant('mover');
	GRANT SELECT, UPDATE ON app.users TO leaver, mover;
	GRANT CREATE ON SCHEMA public TO mover, owner;
	CREATE TABLE public.by_mover (id int, n int);
	ALTER TABLE public.by_mover OWNER TO mover});
my $leavers = as_role('leaver', q{SELECT ec_backfill('app.users', 'filler = current_user', 'filler <> current_user')});
my $movers = as_role('mover', q{SELECT ec_backfill('app.users', 'filler = ''moved''', 'filler = ''left''')});
as_role('mover', q{SELECT ec_apply('1', 'CREATE INDEX CONCURRENTLY ON by_mover (n); INSERT INTO by_mover SELECT 1, 1; ALTER TABLE by_mover ADD COLUMN who text DEFAULT current_user')});
$node->safe_psql('postgres', q{
	DROP OWNED BY leaver;
	DROP ROLE leaver;
	CREATE ROLE leaver LOGIN SUPERUSER;
	ALTER ROLE mover RENAME TO moved;
	CREATE ROLE mover LOGIN SUPERUSER;
	UPDATE app.users SET filler = 'left' WHERE id <= 10;
	DELETE FROM app.seen});
set_workers(2);
$node->poll_query_until('postgres', "SELECT state = 'failed' FROM ec_progress WHERE job = $leavers");
is($node->safe_psql('postgres', q{SELECT count(*) FROM app.users WHERE filler = 'leaver'}), '0',
	'the job of a role that is gone does nothing for another one of that name');
$node->poll_query_until('postgres', "SELECT state IN ('done', 'failed') FROM ec_progress WHERE job = $movers");
is($node->safe_psql('postgres', q{SELECT string_agg(who, ',') FROM app.seen}), 'moved', 'that of a renamed role is the same role\'s');
is($node->safe_psql('postgres', "SELECT owner, state FROM ec_progress WHERE job = $movers"), 'moved|done', 'under its new name');
(undef, undef, my $stderr) = $node->psql('postgres', q{CALL ec_wait_migration('1')});
unlike($stderr, qr{ERROR}, "so is a migration of a renamed role");
is($node->safe_psql('postgres', q{SELECT DISTINCT who FROM by_mover}), 'moved', 'and its statements run as the role');

# ------------------------------------------------ SET ROLE, SET SESSION AUTHORIZATION
# Whose name is said last is whose work it is, and nothing leads back.
$node->safe_psql('postgres', q{
	CREATE TABLE public.big (id int PRIMARY KEY, n int, filler char(5000));
	ALTER TABLE public.big ALTER filler SET STORAGE PLAIN, OWNER TO owner;
	INSERT INTO public.big SELECT g, g, '' FROM generate_series(1, 1100) g;
	CREATE TRIGGER look BEFORE UPDATE ON public.big FOR EACH ROW EXECUTE FUNCTION app.look();
	DELETE FROM app.seen});
my $version = 10;
for my $say ('SET ROLE owner', 'SET SESSION AUTHORIZATION owner', 'SET SESSION AUTHORIZATION member; SET ROLE owner')
{
	$version++;
	(my $code, undef, $stderr) = $node->psql('postgres', qq{$say; SET expand_contract.backfill_delay = 0;
		SELECT ec_apply('$version', 'ALTER TABLE big ADD COLUMN c$version uuid DEFAULT gen_random_uuid(); CREATE INDEX ON big (c$version)')});
	if ($code)
	{
		like($stderr, qr/must be|cannot own a job|permission denied/, "$say: refused");
		next;
	}
	(undef, undef, $stderr) = $node->psql('postgres', "CALL ec_wait_migration('$version')");
	unlike($stderr, qr{ERROR}, "$say: a migration in steps is applied");
	is($node->safe_psql('postgres', q{SELECT string_agg(who, ',') FROM app.seen}), 'owner', 'as that role');
	is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT owner::text, ',') FROM ec_progress WHERE migration = '} . $version . q{'}), 'owner', 'whose jobs they are');
	$node->safe_psql('postgres', 'DELETE FROM app.seen');
}

$node->stop;
done_testing();
