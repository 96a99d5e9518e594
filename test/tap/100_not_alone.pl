# Other software in the server.  A database that is locked, or that cannot be
# connected to, does not stop the launcher for the others.  Another library may
# register callbacks and set hooks while ours is at work.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# A library like others: it registers a callback of the process's end in the
# middle of a statement, and sets hooks when it is loaded.
my $library = build_library('neighbour', q{
#include "postgres.h"
#include "catalog/objectaccess.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "tcop/utility.h"

PG_MODULE_MAGIC;
void _PG_init(void);
PG_FUNCTION_INFO_V1(neighbour_utilities);
PG_FUNCTION_INFO_V1(neighbour_accesses);

static ExecutorStart_hook_type next_start = NULL;
static ProcessUtility_hook_type next_utility = NULL;
static object_access_hook_type next_access = NULL;
static int utilities = 0;
static int accesses = 0;

static void
at_exit(int code, Datum argument)
{
}

static void
start(QueryDesc *query, int flags)
{
	static bool is_registered = false;

	if (!is_registered && MyBackendType == B_BG_WORKER)
	{
		is_registered = true;
		before_shmem_exit(at_exit, (Datum) 0);
	}
	if (next_start)
		next_start(query, flags);
	else
		standard_ExecutorStart(query, flags);
}

static void
utility(PlannedStmt *statement, const char *query, bool read_only,
		ProcessUtilityContext context, ParamListInfo params,
		QueryEnvironment *environment, DestReceiver *destination,
		QueryCompletion *completion)
{
	utilities++;
	if (next_utility)
		next_utility(statement, query, read_only, context, params, environment,
					 destination, completion);
	else
		standard_ProcessUtility(statement, query, read_only, context, params,
								environment, destination, completion);
}

static void
note_access(ObjectAccessType access, Oid class_id, Oid object, int sub_id, void *arg)
{
	accesses++;
	if (next_access)
		next_access(access, class_id, object, sub_id, arg);
}

Datum
neighbour_utilities(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(utilities);
}

Datum
neighbour_accesses(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(accesses);
}

void
_PG_init(void)
{
	next_start = ExecutorStart_hook;
	ExecutorStart_hook = start;
	next_utility = ProcessUtility_hook;
	ProcessUtility_hook = utility;
	next_access = object_access_hook;
	object_access_hook = note_access;
}
});
plan skip_all => 'the server headers or a compiler are not installed'
  unless defined $library;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', qq{
shared_preload_libraries = 'expand_contract, $library'
max_worker_processes = 16
expand_contract.max_workers = 4
});
$node->start;

sub sql
{
	my ($database, $query) = @_;

	return $node->safe_psql($database, $query);
}

# A job that the launcher has to start.
sub scheduled_job
{
	my ($database) = @_;

	return sql($database, q{UPDATE t SET b = NULL;
		SELECT ec_backfill('t', 'b = a', 'b IS NULL', start_at => clock_timestamp() + interval '1 s')});
}

sub wait_for_job
{
	my ($database, $job, $name) = @_;

	ok($node->poll_query_until($database,
			"SELECT state = 'done' FROM ec_progress WHERE job = $job"), $name);
	return;
}

my @locked = map { "locked$_" } 1 .. 4;
my @databases = (@locked, 'free');
foreach my $database (@databases)
{
	sql('postgres', "CREATE DATABASE $database");
	sql($database, q{CREATE EXTENSION expand_contract;
		CREATE TABLE t (a int, b int); INSERT INTO t SELECT generate_series(1, 100)});
}

# A callback that was registered after ours, in every worker.
my $job = scheduled_job('free');
wait_for_job('free', $job, 'a job is started beside a library with callbacks of its own');
my $log = -s $node->logfile;
$job = scheduled_job('free');
wait_for_job('free', $job, 'and another one');
my $words = slurp_file($node->logfile, $log);
unlike($words, qr/not the latest entry/, 'nobody removes the callback of another');

# Several locked databases, with jobs that wait for a worker.
sql('postgres', 'ALTER SYSTEM SET expand_contract.max_workers = 0');
sql('postgres', 'SELECT pg_reload_conf()');
$node->poll_query_until('postgres', q{SELECT current_setting('expand_contract.max_workers') = '0'});
my %jobs = map { $_ => sql($_, q{SELECT ec_backfill('t', 'b = a', 'b IS NULL')}) } @locked;
$log = -s $node->logfile;
my $locker = $node->background_psql('postgres');
$locker->query_safe('BEGIN');
foreach my $database (@locked)
{
	# Waits for a database worker that is there at the moment.
	$locker->query_safe("ALTER DATABASE $database RENAME TO ${database}_new");
}
sql('postgres', 'ALTER SYSTEM RESET expand_contract.max_workers');
sql('postgres', 'SELECT pg_reload_conf()');
$node->wait_for_log(qr/could not look for jobs in the database with OID/, $log);
pass('the log tells that a database could not be visited');
$job = scheduled_job('free');
wait_for_job('free', $job, 'locked databases do not stop the launcher for another one');
$job = scheduled_job('free');
wait_for_job('free', $job, 'for good');
$locker->query_safe('ROLLBACK');
$locker->quit;
wait_for_job($_, $jobs{$_}, "its job is started when $_ is free again") foreach @locked;

# A database that is gone, or takes no connections, is not tried for ever.
scheduled_job('locked1');
scheduled_job('locked2');
$log = -s $node->logfile;
sql('postgres', 'DROP DATABASE locked1');
sql('postgres', 'ALTER DATABASE locked2 ALLOW_CONNECTIONS false');
$job = scheduled_job('free');
wait_for_job('free', $job, 'a job of another database is started');
# One may have been on its way.
my $tries = () = slurp_file($node->logfile, $log) =~ /FATAL:.*locked|FATAL:.*database .* does not exist/g;
cmp_ok($tries, '<=', 2, 'no worker is sent again to a database that takes no connections');

# A script that loads a library with hooks leaves those in place.
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'expand_contract'");
$node->restart;
is( sql('free', qq{
	SELECT ec_apply('001', up => \$\$LOAD '$library'; CREATE TABLE loaded (i int); DROP TABLE loaded;\$\$, allow => '{drops_its_own}');
	CREATE FUNCTION utilities() RETURNS int AS '$library', 'neighbour_utilities' LANGUAGE C;
	CREATE FUNCTION accesses() RETURNS int AS '$library', 'neighbour_accesses' LANGUAGE C;
	CREATE TABLE before AS SELECT utilities(), accesses();
	CREATE TABLE counted (i int);
	SELECT utilities() > before.utilities, accesses() > before.accesses FROM before}),
	"applied\nt|t", 'hooks that were set during a script stay');

$node->stop;
done_testing();
