/*
 * toplevel_step.c
 *		A top-level statement as a step: can be tried again after whatever
 *		stopped it.
 *
 * Such a statement commits several times on its way, so a crash, a cancel or
 * an error leaves a half.  What that half is, the catalogue tells; whose it
 * is, we have to know.  Names prove nothing: somebody else may have an index
 * of that name.  So the creation of an index is recorded, by its OID, in the
 * very transaction that creates it (an object access hook), and what is to be
 * dropped or detached is looked up and recorded before the first try.
 *
 *		CREATE INDEX CONCURRENTLY	an invalid index of ours is dropped and built
 *									again, a valid one is the end
 *		DROP INDEX CONCURRENTLY		what is gone is the end
 *		REINDEX CONCURRENTLY		invalid copies of ours, and the originals that
 *									they replaced, are dropped; then again
 *		DETACH CONCURRENTLY			a pending detach is finalized
 *		VACUUM, CLUSTER, REINDEX	again
 *
 * Locks.  The first four take SHARE UPDATE EXCLUSIVE, behind which neither
 * reads nor writes queue up, and then wait for transactions that may take
 * hours: no lock_timeout there, it would only leave a half.  The others may
 * want ACCESS EXCLUSIVE, so they wait for it in short tries.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "core/catalog.h"
#include "core/guc.h"
#include "core/json.h"
#include "core/query.h"
#include "expand_contract.h"
#include "migrate/toplevel_step.h"
#include "worker/toplevel.h"

/* The tries of statements that want a strong lock. */
#define LOCK_WAIT_MS 1000
#define REST_MS      1000

typedef struct TopLevelRun
{
	EcStep *step;
	const EcStatement *statement;
	const char *what;
	const char *sql; /* what to run, NULL: nothing is left to do */
} TopLevelRun;

static void
begin_transaction(MemoryContext memory)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(memory);
}

static void
commit_transaction(MemoryContext memory)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(memory);
}

/* ------------------------------------------------------------ what we made */

/* The step whose statement runs; what it creates is noted. */
static const EcStep *creating = NULL;
static object_access_hook_type previous_hook = NULL;

static void
note_created(ObjectAccessType access, Oid class_id, Oid object, int sub_id, void *arg)
{
	if (previous_hook != NULL)
		previous_hook(access, class_id, object, sub_id, arg);
	if (access == OAT_POST_CREATE && class_id == RelationRelationId &&
		sub_id == 0 && creating != NULL)
	{
		const EcStep *step = creating;

		creating = NULL;
		ec_step_add_made(step, object);
		creating = step;
	}
}

static void
run_noting(const EcStep *step, const char *sql)
{
	previous_hook = object_access_hook;
	object_access_hook = note_created;
	creating = step;
	PG_TRY();
	{
		ec_run_toplevel(sql);
	}
	PG_FINALLY();
	{
		object_access_hook = previous_hook;
		creating = NULL;
	}
	PG_END_TRY();
}

typedef struct Made
{
	int left;        /* that are there */
	int valid;       /* of these */
	int named;       /* valid under the name that they were made with */
	List *leftovers; /* names (char *) of what is to be dropped */
} Made;

/*
 * What is there of that which the step has created.  Of a REINDEX that has
 * exchanged the indexes but not dropped the old ones, these are left: invalid,
 * renamed, and not invalid before.
 */
static void
look_at_made(const EcStep *step, Made *made)
{
	MemoryContext memory = CurrentMemoryContext;
	EcCatalogScope scope;
	EcArgs args = {0};
	uint64 count;

	memset(made, 0, sizeof(*made));
	ec_catalog_begin(&scope);
	ec_arg_text(&args, step->version);
	ec_arg_text(&args, step->direction);
	ec_arg_int4(&args, step->number);
	count =
		ec_query("WITH step AS ("
				 "   SELECT made, coalesce(target ->> 'invalid', '{}')::oid[] AS invalid"
				 "     FROM expand_contract.migration_steps"
				 "    WHERE version = $1 AND direction = $2 AND step = $3),"
				 " made AS ("
				 "   SELECT i.indexrelid, i.indrelid, m.value AS name,"
				 "          i.indisvalid AND i.indisready AND i.indislive AS valid"
				 "     FROM step, jsonb_each_text(step.made) m"
				 "     JOIN pg_index i ON i.indexrelid = m.key::oid)"
				 " SELECT indexrelid::regclass::text, valid, indexrelid::regclass::text = name"
				 "   FROM made"
				 " UNION ALL"
				 " SELECT i.indexrelid::regclass::text, NULL, true"
				 "   FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
				 "  WHERE NOT i.indisvalid AND c.relname ~ '_ccold[0-9]*$'"
				 "    AND i.indrelid IN (SELECT indrelid FROM made)"
				 "    AND i.indexrelid <> ALL ((SELECT invalid FROM step)::oid[])"
				 "    AND i.indexrelid NOT IN (SELECT indexrelid FROM made)",
				 &args);
	for (uint64 row = 0; row < count; row++)
	{
		bool same_name = ec_get_bool(row, 3, false);

		if (!ec_is_null(row, 2))
			made->left++;
		if (ec_get_bool(row, 2, false))
		{
			made->valid++;
			made->named += same_name;
		}
		else if (same_name)
		{
			MemoryContext spi = MemoryContextSwitchTo(memory);

			made->leftovers = lappend(made->leftovers, ec_get_text(row, 1));
			MemoryContextSwitchTo(spi);
		}
	}
	ec_catalog_end(&scope);
}

static void
drop_leftovers(List *names)
{
	ListCell *cell;

	foreach (cell, names)
	{
		const char *sql = psprintf("DROP INDEX CONCURRENTLY IF EXISTS %s",
								   (char *) lfirst(cell));

		pgstat_report_activity(STATE_RUNNING, sql);
		ereport(LOG, (errmsg("expand_contract drops what a try has left invalid: %s",
							 (char *) lfirst(cell))));
		ec_run_toplevel(sql);
	}
}

/* ------------------------------------------------- what it is about: targets */

/* OIDs mean nothing in a restored copy. */
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

/* The recorded relation, if there is a record to be believed. */
static Oid
recorded(const EcStep *step, const char *key)
{
	if (!target_is_of_this_database(step->target))
		return InvalidOid;
	return (Oid) ec_json_get_int8(step->target, key, InvalidOid);
}

static void
record_target(EcStep *step, Oid relation, Oid parent, const char *invalid)
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

/* Is the name taken, by something that the migration has not made? */
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
				 is_index ? errdetail("It is an index of table \"%s\" that %s has not made.",
									  stmt->relation->relname, run->what)
						  : errdetail("It is not an index of table \"%s\".",
									  stmt->relation->relname),
				 errhint("Drop or rename it, then apply the migration again.")));
	if (!index_is_valid(existing))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"%s\" exists, but is not valid", stmt->idxname),
				 errdetail("Somebody else's concurrent build of it has failed or is still going on; IF NOT EXISTS would leave it as it is."),
				 errhint("When no build is going on, use DROP INDEX CONCURRENTLY %s, then apply the migration again.",
						 ec_relation_name(existing))));
}

static List *
prepare_create(TopLevelRun *run)
{
	Made made;

	look_at_made(run->step, &made);
	if (made.named > 0)
		run->sql = NULL;
	else if (made.leftovers == NIL)
		check_name(run, castNode(IndexStmt, run->statement->node));
	return made.leftovers;
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
	record_target(run->step, index, InvalidOid, NULL);
}

/* Is the partition attached, or half detached?  False: neither. */
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

static bool
is_concurrent(const ReindexStmt *stmt)
{
	ListCell *cell;
	bool concurrent = false;

	foreach (cell, stmt->params)
	{
		DefElem *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, "concurrently") == 0)
			concurrent = defGetBoolean(option);
	}
	return concurrent;
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
 * All copies are made in one transaction, so when all are valid, that was it.
 * Of a schema or a partitioned table nobody knows how many are to come.
 */
static List *
prepare_reindex(TopLevelRun *run)
{
	ReindexStmt *stmt = castNode(ReindexStmt, run->statement->node);
	Made made;

	if (!target_is_of_this_database(run->step->target))
	{
		record_target(run->step, InvalidOid, InvalidOid, invalid_indexes());
		return NIL;
	}
	look_at_made(run->step, &made);
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
 * Look what is left to do.  Returns what has to be dropped first; *waits is
 * whether the statement waits for other transactions by itself.
 */
static List *
prepare(TopLevelRun *run, bool *waits)
{
	Node *node = run->statement->node;

	*waits = true;
	switch (nodeTag(node))
	{
		case T_IndexStmt:
			return prepare_create(run);
		case T_DropStmt:
			prepare_drop(run);
			return NIL;
		case T_AlterTableStmt:
			prepare_detach(run);
			return NIL;
		case T_ReindexStmt:
			if (is_concurrent(castNode(ReindexStmt, node)))
				return prepare_reindex(run);
			break;
		default:
			break;
	}
	*waits = false;
	return NIL;
}

/* ------------------------------------------------------------ running it */

static void
set_lock_timeout(int ms)
{
	char value[16];

	snprintf(value, sizeof(value), "%d", ms);
	SetConfigOption("lock_timeout", value, PGC_USERSET, PGC_S_SESSION);
}

static void
rest(void)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 REST_MS, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/* One try; false if a lock was not to be had and there is time for another. */
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
		if (geterrcode() != ERRCODE_LOCK_NOT_AVAILABLE ||
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
ec_run_top_level_step(EcStep *step, const EcStatement *statement, const char *what)
{
	MemoryContext memory = CurrentMemoryContext;
	TopLevelRun run = {step, statement, what, statement->text};
	List *leftovers;
	bool waits;

	begin_transaction(memory);
	leftovers = prepare(&run, &waits);
	commit_transaction(memory);

	set_lock_timeout(0);
	drop_leftovers(leftovers);
	if (run.sql == NULL)
		return;
	pgstat_report_activity(STATE_RUNNING, run.sql);
	if (waits)
		run_noting(step, run.sql);
	else
	{
		TimestampTz give_up =
			TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ec_lock_timeout);

		while (!try_with_lock_timeout(run.sql, give_up))
			rest();
	}
}

void
ec_clean_top_level_step(const EcStep *step)
{
	MemoryContext memory = CurrentMemoryContext;
	Made made;

	begin_transaction(memory);
	look_at_made(step, &made);
	commit_transaction(memory);
	set_lock_timeout(0);
	drop_leftovers(made.leftovers);
}
