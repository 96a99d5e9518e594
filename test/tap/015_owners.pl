# Jobs of owners without LOGIN, submitted by a member; and settings of roles,
# which change nothing in what a job does.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nmax_worker_processes = 16");
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION expand_contract;
	CREATE ROLE app_owner NOLOGIN;
	CREATE ROLE deploy LOGIN IN ROLE app_owner;
	CREATE ROLE stranger LOGIN;
	SELECT ec_grant('app_owner'), ec_grant('deploy');
	CREATE SCHEMA app AUTHORIZATION app_owner;
	CREATE SCHEMA trap AUTHORIZATION app_owner;
	SET ROLE app_owner;
	CREATE TABLE app.users (id int PRIMARY KEY, v int, who text, as_who text, path text, day text);
	INSERT INTO app.users SELECT generate_series(1, 10);
	CREATE TABLE app.seen (current name, session name, role text, again text);
	CREATE FUNCTION app.look() RETURNS trigger LANGUAGE plpgsql AS $$
	DECLARE
		again text := 'none';
	BEGIN
		new.as_who := current_user;
		new.path := current_setting('search_path');
		new.day := '2026-01-31'::date::text;
		-- the rights of whoever has submitted the job are not the owner's to take
		IF session_user <> current_user THEN
			BEGIN
				PERFORM set_config('role', 'none', true);
				again := current_user;
			EXCEPTION WHEN OTHERS THEN
				again := sqlstate;
			END;
		END IF;
		INSERT INTO app.seen VALUES (current_user, session_user, current_setting('role'), again);
		RETURN new;
	END$$;
	CREATE TRIGGER look BEFORE UPDATE ON app.users FOR EACH ROW EXECUTE FUNCTION app.look();
	CREATE FUNCTION trap.lower(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT 'trapped'$$;
});

sub deploy
{
	my ($sql) = @_;

	# The settings of the role are for the worker.  This session would not get as far
	# as to set its own.
	local $ENV{PGOPTIONS} = '-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0';
	return $node->safe_psql('postgres', $sql, extra_params => [ '-U', 'deploy' ]);
}

sub done
{
	my ($job, $name) = @_;
	my $state;

	$node->poll_query_until('postgres', "SELECT state IN ('done', 'failed') FROM ec_progress WHERE job = $job");
	is($node->safe_psql('postgres', "SELECT state, last_error FROM ec_progress WHERE job = $job"), 'done|', $name);
	return;
}

my $login = $node->safe_psql('postgres', q{SELECT current_setting('server_version_num')::int < 170000}) eq 't' ? 'deploy' : 'app_owner';

# The usual set-up.
my $job = deploy(q{SET ROLE app_owner; SELECT ec_backfill('app.users', 'v = 1', 'v IS NULL')});
done($job, 'a job of an owner without LOGIN is done');
is($node->safe_psql('postgres', "SELECT owner FROM ec_progress WHERE job = $job"), 'app_owner', 'and is its owner\'s');
is($node->safe_psql('postgres', q{SELECT DISTINCT as_who FROM app.users}), 'app_owner', 'it runs as the owner');
is($node->safe_psql('postgres', q{SELECT DISTINCT session, again FROM app.seen}),
	$login eq 'deploy' ? 'deploy|42501' : 'app_owner|none',
	'the owner\'s code cannot take the rights of whoever submitted it');

# So are its migrations: a statement that no transaction can hold.
is(deploy(q{SET ROLE app_owner; SELECT ec_apply('001', 'CREATE INDEX CONCURRENTLY users_v ON app.users (v)', 'DROP INDEX CONCURRENTLY app.users_v')}),
	'queued', 'a mixed migration of that owner is submitted');
my (undef, undef, $stderr) = $node->psql('postgres', q{CALL ec_wait_migration('001')});
unlike($stderr, qr/ERROR/, 'and is applied');
is($node->safe_psql('postgres', q{SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'users_v'}), 'app_owner', 'as the owner');

# Role settings, of the one and the other.
for my $role (qw(deploy app_owner))
{
	$node->safe_psql('postgres', qq{
		ALTER ROLE $role SET role = 'stranger';
		ALTER ROLE $role SET search_path = trap, pg_catalog;
		ALTER ROLE $role SET statement_timeout = '1ms';
		ALTER ROLE $role SET default_transaction_read_only = on;
		ALTER ROLE $role SET default_transaction_isolation = 'serializable';
		ALTER ROLE $role SET default_transaction_deferrable = on;
		ALTER ROLE $role SET lock_timeout = 1;
		ALTER ROLE $role SET idle_in_transaction_session_timeout = 1;
		ALTER ROLE $role SET session_replication_role = 'replica';
		ALTER ROLE $role SET transform_null_equals = on;
		ALTER ROLE $role SET DateStyle = 'German';
		ALTER ROLE $role SET row_security = off;
		ALTER ROLE $role SET default_tablespace = 'none_such';});
}
$node->safe_psql('postgres', q{GRANT stranger TO deploy});
# what the session itself says is what counts
$job = deploy(q{SET role = 'app_owner'; SET statement_timeout = 0; SET default_transaction_read_only = off;
	SET default_transaction_isolation = 'read committed'; SET search_path = app, pg_catalog, public; SET DateStyle = 'ISO';
	SET default_tablespace = ''; SET idle_in_transaction_session_timeout = 0; SET transform_null_equals = off;
	SELECT ec_backfill('users', 'v = 2, who = lower(''ABC'')', 'v = 1')});
done($job, 'a job is done whatever its role has as settings');
is($node->safe_psql('postgres', q{SELECT DISTINCT v, who, as_who, path, day FROM app.users}),
	'2|abc|app_owner|app, pg_catalog, public|2026-01-31', 'and does what it did in the session that submitted it');
$node->safe_psql('postgres', "ALTER ROLE $_ RESET ALL") for qw(deploy app_owner);

SKIP:
{
	skip 'workers connect as the owner', 4 if $login ne 'deploy';

	# A superuser's rights are not given up to be taken back, and strangers are no members.
	(undef, undef, $stderr) = $node->psql('postgres', q{SET ROLE app_owner; SELECT ec_backfill('app.users', 'v = 3', 'v = 2')});
	like($stderr, qr/cannot own a job because it cannot log in.*is a superuser/s, 'not through a superuser');

	# Who was a member is none any more.
	$node->append_conf('postgresql.conf', 'expand_contract.max_workers = 0');
	$node->reload;
	$node->poll_query_until('postgres', q{SELECT current_setting('expand_contract.max_workers') = '0'});
	$job = deploy(q{SET ROLE app_owner; SELECT ec_backfill('app.users', 'v = 3', 'v = 2')});
	$node->safe_psql('postgres', q{
		REVOKE app_owner FROM deploy;
		CREATE ROLE other LOGIN IN ROLE app_owner;
		SELECT ec_grant('other');});
	$node->append_conf('postgresql.conf', 'expand_contract.max_workers = 2');
	$node->reload;
	$node->poll_query_until('postgres', q{SELECT current_setting('expand_contract.max_workers') = '2'});
	(undef, undef, $stderr) = $node->psql('postgres', "CALL ec_wait($job)");
	like($stderr, qr/cannot log in any more, or become its owner/, 'a job whose submitter is no member any more fails');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM app.users WHERE v = 3'), '0', 'and has done nothing');
	$node->safe_psql('postgres', "SET ROLE app_owner; SELECT ec_resume($job)", extra_params => [ '-U', 'other' ]);
	done($job, 'another member can resume it');
}

$node->stop;
done_testing();
