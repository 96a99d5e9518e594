/*
 * toplevel_step.c
 *		Runs a top-level statement as a step, so that it can be repeated after
 *		any interruption.
 *
 * Such a statement commits several times while it runs, so a crash, a cancel
 * or an error leaves it half done.  The catalog shows what is half done, but
 * not who did it: another session may have created an index with the same
 * name.  So the creation of an index is recorded, by its OID, in the
 * transaction that creates it (with an object access hook).  What is to be
 * dropped or detached is looked up and recorded before the first attempt.
 *
 *		CREATE INDEX CONCURRENTLY	an invalid index of ours is dropped and built
 *									again; a valid one means that it is done
 *		DROP INDEX CONCURRENTLY		it is done if the index does not exist
 *		REINDEX CONCURRENTLY		invalid copies of ours, and the originals that
 *									they replaced, are dropped; then repeated
 *		DETACH CONCURRENTLY			a pending detach is finalized
 *		VACUUM, CLUSTER, REINDEX	repeated
 *
 * Locks.  Statements about indexes take SHARE UPDATE EXCLUSIVE, which blocks
 * neither reads nor writes, and then wait for transactions, which may take
 * hours.  They get no lock_timeout, because it would only leave them half
 * done.  A detach waits for transactions, too, but then for ACCESS EXCLUSIVE
 * on the partition.  It waits for a short time, and repeats this, holding
 * nothing in between, as often as necessary.  The others may need ACCESS
 * EXCLUSIVE from the start; they use short tries as well, but only for a
 * limited time.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "core/wait_event.h"
#include "core/catalog.h"
#include "core/guc.h"
#include "core/json.h"
#include "core/lock_retry.h"
#include "core/query.h"
#include "expand_contract.h"
#include "migrate/created_indexes.h"
#include "migrate/toplevel_step.h"
#include "core/toplevel.h"
#include "core/transaction.h"

/* The tries of statements that need a strong lock. */
#define LOCK_WAIT_MS 1000
#define REST_MS      1000

typedef enum Locking
{
	WAIT_FOR_LOCKS,  /* without a limit */
	TRY_FOR_A_WHILE, /* short tries, until expand_contract.lock_timeout is
					  * over */
	TRY_WITHOUT_END  /* short tries, without a limit */
} Locking;

typedef struct TopLevelRun
{
	EcScriptStep *step;
	const EcStatement *statement;
	const EcStatement *written; /* of the script */
	const char *what;

	/* results of prepare() */
	const char *sql; /* the statement to run; NULL: nothing is left to do */
	Locking locking;
} TopLevelRun;

/* Sets lock_timeout.  0 means no limit, and the usual deadlock_timeout. */
static void
set_lock_timeout(int ms)
{
	char value[16];

	snprintf(value, sizeof(value), "%d", ms);
	SetConfigOption("lock_timeout", value, PGC_USERSET, PGC_S_SESSION);
	snprintf(value, sizeof(value), "%d", EC_TRY_DEADLOCK_MS);
	SetConfigOption("deadlock_timeout",
					ms > 0 ? value : GetConfigOptionResetString("deadlock_timeout"),
					PGC_SUSET, PGC_S_SESSION);
}

/*
 * ------------------------------------------------- objects of the statement
 */

/* OIDs are not valid in a restored copy. */
static bool
target_is_of_this_database(const Jsonb *target)
{
	char *system;

	if (target == NULL)
		return false;
	system = ec_json_get_text(target, "system");
	return system != NULL &&
		   strcmp(system, psprintf(UINT64_FORMAT, GetSystemIdentifier())) == 0 &&
		   ec_json_get_int8(target, "database", 0) == MyDatabaseId;
}

/* The recorded relation, if there is a valid record. */
static Oid
recorded(const EcScriptStep *step, const char *key)
{
	if (!target_is_of_this_database(step->target))
		return InvalidOid;
	return (Oid) ec_json_get_int8(step->target, key, InvalidOid);
}

static void
record_target(EcScriptStep *step, Oid relation, Oid parent, const char *invalid)
{
	EcJsonWriter writer;

	ec_json_begin(&writer);
	ec_json_text(&writer, "system", psprintf(UINT64_FORMAT, GetSystemIdentifier()));
	ec_json_int8(&writer, "database", MyDatabaseId);
	ec_json_int8(&writer, "relation", relation);
	ec_json_int8(&writer, "parent", parent);
	ec_json_text(&writer, "invalid", invalid);
	ec_step_set_target(step, ec_json_end(&writer));
}

/* ------------------------------------------------- statement by statement */

static bool
index_is_valid(Oid index)
{
	HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	bool valid = false;

	if (HeapTupleIsValid(tuple))
	{
		Form_pg_index form = (Form_pg_index) GETSTRUCT(tuple);

		valid = form->indisvalid && form->indisready && form->indislive;
		ReleaseSysCache(tuple);
	}
	return valid;
}

/*
 * Raises an error if the name belongs to something that the migration has not
 * created.
 */
static void
check_name(TopLevelRun *run, IndexStmt *stmt)
{
	Oid table = RangeVarGetRelid(stmt->relation, NoLock, true);
	Oid existing;
	bool is_index;

	if (stmt->idxname == NULL || !OidIsValid(table))
		return;
	existing = get_relname_relid(stmt->idxname, get_rel_namespace(table));
	if (!OidIsValid(existing))
		return;
	is_index = get_rel_relkind(existing) == RELKIND_INDEX &&
			   IndexGetRelation(existing, true) == table;
	if (!stmt->if_not_exists || !is_index)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("relation \"%s\" already exists", stmt->idxname),
				 is_index ? errdetail("It is an index of table \"%s\" that %s did not create.",
									  stmt->relation->relname, run->what)
						  : errdetail("It is not an index of table \"%s\".",
									  stmt->relation->relname),
				 errhint("Drop or rename it, then apply the migration again.")));
	if (!index_is_valid(existing))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"%s\" exists, but is not valid", stmt->idxname),
				 errdetail("A concurrent build by another session has failed or is in progress; IF NOT EXISTS would leave the index as it is."),
				 errhint("When no build is in progress, use DROP INDEX CONCURRENTLY %s, then apply the migration again.",
						 ec_relation_name(existing))));
}

static List *
prepare_create(TopLevelRun *run)
{
	EcMade made;

	ec_look_at_made(run->step, &made);
	if (made.named > 0)
		run->sql = NULL;
	else if (made.leftovers == NIL)
		check_name(run, castNode(IndexStmt, run->statement->node));
	return made.leftovers;
}

/*
 * Waits for a build of the index that goes on.  A build holds its lock on the
 * table until its end, and waits for snapshots, so none is held meanwhile.
 */
static void
wait_for_build(Oid index)
{
	Oid table = OidIsValid(index) ? IndexGetRelation(index, true) : InvalidOid;

	if (!OidIsValid(table))
		return;
	PopActiveSnapshot();
	InvalidateCatalogSnapshot();
	set_lock_timeout(0);
	LockRelationOid(table, ShareUpdateExclusiveLock);
	PushActiveSnapshot(GetTransactionSnapshot());
}

/*
 * The plan of CREATE INDEX IF NOT EXISTS drops what a failed build has left.
 * If another session was building the index, it is valid now.
 */
static void
prepare_drop_of_left(TopLevelRun *run, Oid index)
{
	wait_for_build(index);
	if (OidIsValid(index) && index_is_valid(index))
		run->sql = NULL;
}

static void
prepare_drop(TopLevelRun *run)
{
	DropStmt *stmt = castNode(DropStmt, run->statement->node);
	Oid index = recorded(run->step, "relation");

	if (OidIsValid(index))
	{
		char kind = get_rel_relkind(index);

		run->sql = kind == RELKIND_INDEX
					   ? psprintf("DROP INDEX CONCURRENTLY IF EXISTS %s",
								  ec_relation_name(index))
					   : NULL;
		return;
	}
	index = RangeVarGetRelid(makeRangeVarFromNameList(linitial(stmt->objects)),
							 NoLock, true);
	if (IsA(run->written->node, IndexStmt))
		prepare_drop_of_left(run, index);
	if (run->sql != NULL)
		record_target(run->step, index, InvalidOid, NULL);
}

/*
 * Is the partition attached, or is its detach pending?  Returns false if
 * neither.
 */
static bool
look_at_partition(Oid partition, Oid parent, bool *pending)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	bool found;

	ec_catalog_begin(&scope);
	ec_arg_oid(&args, partition);
	ec_arg_oid(&args, parent);
	found = ec_query("SELECT inhdetachpending FROM pg_inherits"
					 " WHERE inhrelid = $1 AND inhparent = $2",
					 &args) > 0;
	*pending = found && ec_get_bool(0, 1, false);
	ec_catalog_end(&scope);
	return found;
}

static void
prepare_detach(TopLevelRun *run)
{
	AlterTableStmt *stmt = castNode(AlterTableStmt, run->statement->node);
	AlterTableCmd *command = linitial_node(AlterTableCmd, stmt->cmds);
	Oid partition = recorded(run->step, "relation");
	Oid parent = recorded(run->step, "parent");
	bool pending;

	if (!OidIsValid(partition) || !OidIsValid(parent))
	{
		partition = RangeVarGetRelid(castNode(PartitionCmd, command->def)->name,
									 NoLock, true);
		parent = RangeVarGetRelid(stmt->relation, NoLock, true);
		record_target(run->step, partition, parent, NULL);
	}
	else if (!look_at_partition(partition, parent, &pending))
		run->sql = NULL;
	else if (pending)
		run->sql = psprintf("ALTER TABLE %s DETACH PARTITION %s FINALIZE",
							ec_relation_name(parent), ec_relation_name(partition));
}

static char *
invalid_indexes(void)
{
	EcCatalogScope scope;
	char *oids;

	ec_catalog_begin(&scope);
	(void) ec_query("SELECT coalesce(array_agg(indexrelid), '{}')::text"
					"  FROM pg_index WHERE NOT indisvalid",
					NULL);
	oids = ec_get_text(0, 1);
	ec_catalog_end(&scope);
	return oids;
}

/*
 * REINDEX makes all copies in one transaction, so it is done when all of them
 * are valid.  For a schema or a partitioned table the number of copies is not
 * known.
 */
static List *
prepare_reindex(TopLevelRun *run)
{
	ReindexStmt *stmt = castNode(ReindexStmt, run->statement->node);
	EcMade made;

	if (!target_is_of_this_database(run->step->target))
	{
		record_target(run->step, InvalidOid, InvalidOid, invalid_indexes());
		return NIL;
	}
	ec_look_at_made(run->step, &made);
	if (stmt->relation != NULL && made.left > 0 && made.valid == made.left)
	{
		Oid relation = RangeVarGetRelid(stmt->relation, NoLock, true);
		char kind = OidIsValid(relation) ? get_rel_relkind(relation) : '\0';

		if (kind != RELKIND_PARTITIONED_TABLE && kind != RELKIND_PARTITIONED_INDEX)
			run->sql = NULL;
	}
	return made.leftovers;
}

/*
 * Finds out what is left to do, and how.  Returns what must be dropped first.
 */
static List *
prepare(TopLevelRun *run)
{
	Node *node = run->statement->node;

	run->sql = run->statement->text;
	run->locking = WAIT_FOR_LOCKS;
	switch (nodeTag(node))
	{
		case T_IndexStmt:
			return prepare_create(run);
		case T_DropStmt:
			prepare_drop(run);
			return NIL;
		case T_AlterTableStmt:
			prepare_detach(run);
			run->locking = TRY_WITHOUT_END;
			return NIL;
		case T_ReindexStmt:
			if (ec_option_is_set(castNode(ReindexStmt, node)->params, "concurrently"))
				return prepare_reindex(run);
			break;
		default:
			break;
	}
	run->locking = TRY_FOR_A_WHILE;
	return NIL;
}

/* ------------------------------------------------------------ running it */

static void
rest(void)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 REST_MS, ec_wait_event(EC_WAIT_LOCK_RETRY));
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/*
 * One try; returns false if it did not get a lock and there is time for
 * another try.
 */
static bool
try_with_lock_timeout(const char *sql, TimestampTz give_up)
{
	MemoryContext memory = CurrentMemoryContext;
	volatile bool got_it = true;

	set_lock_timeout(LOCK_WAIT_MS);
	PG_TRY();
	{
		ec_run_toplevel(sql);
	}
	PG_CATCH();
	{
		if ((geterrcode() != ERRCODE_LOCK_NOT_AVAILABLE &&
			 geterrcode() != ERRCODE_T_R_DEADLOCK_DETECTED) ||
			GetCurrentTimestamp() >= give_up)
			PG_RE_THROW();
		MemoryContextSwitchTo(memory);
		FlushErrorState();
		AbortCurrentTransaction();
		MemoryContextSwitchTo(memory);
		got_it = false;
	}
	PG_END_TRY();
	return got_it;
}

void
ec_run_top_level_step(EcScriptStep *step, const EcStatement *statement,
					  const EcStatement *written, const char *what)
{
	MemoryContext memory = CurrentMemoryContext;
	TimestampTz give_up =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ec_lock_timeout);
	TopLevelRun run = {step, statement, written, what};

	for (;;)
	{
		List *leftovers;
		bool is_done;

		ec_begin_transaction(memory);
		leftovers = prepare(&run);
		ec_commit_transaction(memory);

		set_lock_timeout(0);
		ec_drop_leftovers(leftovers);
		if (run.sql == NULL)
			return;
		pgstat_report_activity(STATE_RUNNING, run.sql);
		/* the script's own timeout, see settings.c; an error ends it */
		if (StatementTimeout > 0)
			enable_timeout_after(STATEMENT_TIMEOUT, StatementTimeout);
		if (run.locking == WAIT_FOR_LOCKS)
		{
			ec_run_noting_made(step, run.sql);
			is_done = true;
		}
		else
			is_done = try_with_lock_timeout(run.sql, run.locking == TRY_WITHOUT_END
														 ? DT_NOEND
														 : give_up);
		disable_timeout(STATEMENT_TIMEOUT, false);
		if (is_done)
			return;
		rest();
	}
}

void
ec_clean_top_level_step(const EcScriptStep *step)
{
	MemoryContext memory = CurrentMemoryContext;
	EcMade made;

	ec_begin_transaction(memory);
	ec_look_at_made(step, &made);
	ec_commit_transaction(memory);
	set_lock_timeout(0);
	ec_drop_leftovers(made.leftovers);
}
