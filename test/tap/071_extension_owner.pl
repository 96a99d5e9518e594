# An extension whose owner is no superuser, or is one no more: he can write its
# tables, and comes to nobody's rights by it.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf',
	"shared_preload_libraries = 'expand_contract'\nmax_worker_processes = 16");
$node->start;

sub as_role
{
	my ($role, $sql) = @_;
	my ($result, $stdout, $stderr) = $node->psql('postgres', $sql, extra_params => [ '-U', $role ]);

	return $result == 0 ? $stdout : $stderr;
}

sub state_of
{
	my ($job) = @_;

	$node->poll_query_until('postgres',
		"SELECT state IN ('done', 'failed') FROM expand_contract.jobs WHERE id = $job")
	  or BAIL_OUT("job $job did not end");
	return $node->safe_psql('postgres',
		"SELECT concat_ws(' ', state, error_code, error_message) FROM expand_contract.jobs WHERE id = $job");
}

my $boss = $node->safe_psql('postgres', 'SELECT current_user');
$node->safe_psql('postgres', q{
	CREATE ROLE dba SUPERUSER LOGIN;
	CREATE ROLE app LOGIN;
	GRANT CREATE ON SCHEMA public TO app, dba;
});
as_role('dba', 'CREATE EXTENSION expand_contract');
as_role('dba', q{SELECT ec_grant('app')});
as_role('app', q{
	CREATE TABLE rows (id int PRIMARY KEY, a text);
	INSERT INTO rows SELECT i FROM generate_series(1, 1000) i;
	CREATE TABLE seen (as_role name, of_session name);
	GRANT INSERT ON seen TO PUBLIC;
	CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS
		'BEGIN INSERT INTO public.seen VALUES (current_user, session_user); RETURN NULL; END';
	CREATE TRIGGER look AFTER UPDATE ON rows FOR EACH STATEMENT EXECUTE FUNCTION look();
});
my $job = as_role('app', q{SELECT ec_backfill('rows', $$a = 'x'$$, delay_ms => 0)});
is(state_of($job), 'done', q{a superuser's extension runs anybody's job});

$node->safe_psql('postgres', 'ALTER ROLE dba NOSUPERUSER; TRUNCATE seen; UPDATE rows SET a = NULL; TRUNCATE seen');
like(as_role('app', q{SELECT ec_backfill('rows', $$a = 'x'$$, delay_ms => 0)}),
	qr/job \d+ cannot run as role "app".*Role "dba" owns the extension.*HINT:/s,
	'another runs jobs of those only whose rights he has');
$node->safe_psql('postgres', 'GRANT app TO dba');
$job = as_role('app', q{SELECT ec_backfill('rows', $$a = 'x'$$, delay_ms => 0)});
is(state_of($job), 'done', 'a member of the role has them');

# What the owner writes by hand.
$job = as_role('app', q{
	BEGIN;
	UPDATE rows SET a = NULL;
	SELECT ec_backfill('rows', $$a = 'y'$$, delay_ms => 0) AS job \gset
	SELECT ec_pause(:job) \gset
	COMMIT;
	SELECT :job});
is(as_role('dba', "UPDATE expand_contract.jobs SET owner = '$boss'::regrole, state = 'queued' WHERE id = $job"),
	'', 'he makes a job a superuser\'s');
$node->restart;
is(state_of($job), q{failed 42501 the extension's owner does not have the privileges of the job's owner},
	'which does not run');
like($node->psql('postgres', "SELECT ec_resume($job)", on_error_stop => 1), qr/^3$/, 'nor when a superuser resumes it');
is($node->safe_psql('postgres', q{SELECT count(*) FROM rows WHERE a = 'y'}), 0, 'nothing was written');
is($node->safe_psql('postgres', q{SELECT DISTINCT as_role FROM seen}), 'app', 'nothing ran as anybody else');

# A trigger that waits for the commit would run as whoever commits.
as_role('dba', q{
	CREATE FUNCTION wait_for_commit() RETURNS trigger LANGUAGE plpgsql AS
		'BEGIN INSERT INTO public.seen VALUES (current_user, session_user); RETURN NULL; END';
	CREATE CONSTRAINT TRIGGER late AFTER INSERT OR UPDATE ON expand_contract.jobs DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW EXECUTE FUNCTION wait_for_commit();
});
$node->safe_psql('postgres', 'GRANT ' . $node->safe_psql('postgres', q{SELECT quote_ident(current_user)}) . ' TO dba; TRUNCATE seen');
my ($result, $stdout, $stderr) = $node->psql('postgres', q{SELECT ec_backfill('rows', $$a = 'x'$$)});
like($stderr, qr/security-restricted operation/, 'a deferred trigger on a table of ours is refused');
is($node->safe_psql('postgres', q{SELECT count(*) FROM seen WHERE as_role <> 'dba'}), 0, 'and did not run');
as_role('dba', 'DROP TRIGGER late ON expand_contract.jobs');
$node->safe_psql('postgres', 'REVOKE ' . $node->safe_psql('postgres', q{SELECT quote_ident(current_user)}) . ' FROM dba');

# Rights that are taken away while a job runs.
$job = as_role('app', q{SELECT ec_backfill('rows', $$a = 'z'$$, $$a IS DISTINCT FROM 'z'$$, batch_size => 1, delay_ms => 100)});
$node->poll_query_until('postgres', "SELECT rows_done > 0 FROM ec_progress WHERE job = $job")
  or BAIL_OUT("job $job did not begin");
$node->safe_psql('postgres', 'REVOKE app FROM dba');
is(state_of($job), q{failed 42501 the extension's owner does not have the privileges of the job's owner},
	'a job ends when the owner has lost the rights');
$node->safe_psql('postgres', 'ALTER ROLE dba SUPERUSER');
is(as_role('app', "SELECT ec_configure($job, batch_size => 1000, delay_ms => 0); SELECT ec_resume($job)"),
	"failed\nqueued", 'and goes on when he has them again');
is(state_of($job), 'done', 'to its end');

# One row that makes no sense holds up no other job.
$job = as_role('app', q{SELECT ec_backfill('rows', $$a = 'w'$$, start_at => now() + interval '1 hour')});
$node->safe_psql('postgres', "UPDATE expand_contract.jobs SET run_window = 'nonsense', start_at = NULL WHERE id = $job");
my $other = as_role('app', q{SELECT ec_backfill('rows', $$a = 'v'$$, delay_ms => 0, start_at => now() + interval '1 second')});
is(state_of($other), 'done', 'a run window that is none keeps no other job waiting');
is($node->safe_psql('postgres', "SELECT state FROM ec_progress WHERE job = $job"), 'queued', 'and is shown');
is(as_role('app', "SELECT ec_cancel($job)"), 'cancelled', 'and cancelled');

$node->stop;
done_testing();
