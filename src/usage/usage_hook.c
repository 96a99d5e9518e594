/*
 * usage_hook.c
 *		Is called for executions, and finds the tracked columns in them.
 *
 * ExecutorCheckPerms_hook gets the columns that a statement selects, inserts
 * and updates.  It is called for each execution, also of prepared statements,
 * in functions, through views, and for COPY.  An execution counts once for a
 * column, however often the statement names the column.
 *
 * Not counted are EXPLAIN, the checks of foreign keys, parallel workers (their
 * leader is counted), and statements of this extension itself.
 *
 * Each backend has its own copy of the list of tracked columns.  The copy is
 * out of date when the generation in shared memory has changed, or when a
 * relcache invalidation arrives for the table expand_contract.usage or for a
 * tracked relation.  A standby gets only the latter.  So a query that uses no
 * tracked column takes no lock and writes no shared memory.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/sysattr.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/bitmapset.h"
#include "parser/parse_relation.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "usage/usage_file.h"
#include "usage/usage_flush.h"
#include "usage/usage_memory.h"
#include "usage/usage_sync.h"
#include "core/compat.h"
#include "core/guc.h"
#include "core/own.h"

typedef struct WatchedColumn
{
	Oid relation;
	AttrNumber attnum;
	int slot;
	uint32 serial;
	/*
	 * number of the execution that was counted last: [0] reads, [1] writes;
	 * the relation and its partitions share this
	 */
	uint64 *counted; /* [is_write] */
} WatchedColumn;

static ExecutorCheckPerms_hook_type previous_check_permissions = NULL;
static ExecutorStart_hook_type previous_executor_start = NULL;

/* The tracked columns, sorted by relation. */
static MemoryContext watched_context = NULL;
static WatchedColumn *watched = NULL;
static int watched_count = 0;
static Oid usage_table = InvalidOid;

/* The generation of our copy; 0: it is out of date. */
static uint32 known_generation = 0;
static bool has_changed = false; /* an invalidation arrived while we read
								  * the table */

/*
 * Reading the table costs more than a short statement.  A role that tracks and
 * untracks columns in a loop makes all other sessions read it again.  So a
 * session reads it at most LOOKS_PER_SECOND times a second.  When it postpones
 * a look, it records that uses of columns that have been tracked since may be
 * missed.
 */
#define LOOKS_PER_SECOND 10
static bool must_look = true; /* a tracked relation has changed: look at
							   * once */
static TimestampTz last_look = 0;
static TimestampTz second_began = 0;
static int looks_in_second = 0;

/* The statement that is about to start is not counted. */
static bool is_exempt = false;

static uint64 execution = 0;

static WatchedColumn *
find_watched(Oid relation)
{
	int low = 0;
	int high = watched_count;

	while (low < high)
	{
		int middle = (low + high) / 2;

		if (watched[middle].relation < relation)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < watched_count && watched[low].relation == relation)
		return &watched[low];
	return NULL;
}

static void
on_relation_change(Datum argument, Oid relation)
{
	if (!OidIsValid(relation) || relation == usage_table ||
		find_watched(relation) != NULL)
	{
		known_generation = 0;
		has_changed = true;
		must_look |= relation != usage_table || !OidIsValid(relation);
	}
}

/* The table may have been created with its schema. */
static void
on_schema_change(Datum argument, int cache, uint32 hash)
{
	if (!OidIsValid(usage_table))
	{
		known_generation = 0;
		has_changed = true;
		must_look = true;
	}
}

static int
compare_relations(const void *a, const void *b)
{
	Oid left = ((const WatchedColumn *) a)->relation;
	Oid right = ((const WatchedColumn *) b)->relation;

	return left < right ? -1 : left > right;
}

static void
watch(const WatchedColumn *column, int *allocated)
{
	if (watched_count == *allocated)
	{
		*allocated *= 2;
		watched = repalloc(watched, *allocated * sizeof(WatchedColumn));
	}
	watched[watched_count++] = *column;
}

/*
 * Adds a column, and the same column of partitions, which can be used
 * directly.
 */
static void
watch_with_children(const EcTracked *tracked, int *allocated)
{
	Oid relation = tracked->relation;
	WatchedColumn column = {.relation = relation,
							.attnum = tracked->attnum,
							.slot = tracked->slot,
							.serial = tracked->serial};
	char *name = get_attname(relation, tracked->attnum, true);
	ListCell *cell;

	/* get_attname also finds a dropped column, get_attnum does not */
	if (tracked->serial == 0 || name == NULL ||
		get_attnum(relation, name) != tracked->attnum)
		return;
	column.counted = MemoryContextAllocZero(watched_context, 2 * sizeof(uint64));
	watch(&column, allocated);
	if (!has_subclass(relation))
		return;
	foreach (cell, find_all_inheritors(relation, NoLock, NULL))
	{
		column.relation = lfirst_oid(cell);
		column.attnum = get_attnum(column.relation, name);
		if (column.relation != relation && column.attnum != InvalidAttrNumber)
			watch(&column, allocated);
	}
}

/* Copies the list.  After an error in between, the copy stays out of date. */
static void
watch_all(const EcTrackedSet *set)
{
	int allocated = 2 * set->count;

	if (watched_context == NULL)
		watched_context = AllocSetContextCreate(TopMemoryContext,
												"expand_contract watched columns",
												ALLOCSET_SMALL_SIZES);
	watched = NULL;
	watched_count = 0;
	MemoryContextReset(watched_context);
	usage_table = set->table;
	if (set->count == 0)
		return;
	watched =
		MemoryContextAlloc(watched_context, allocated * sizeof(WatchedColumn));
	for (int i = 0; i < set->count; i++)
		watch_with_children(&set->columns[i], &allocated);
	qsort(watched, watched_count, sizeof(WatchedColumn), compare_relations);
	ec_usage_ask_for_flush();
}

static void
look_again(void)
{
	uint32 generation = pg_atomic_read_u32(&ec_usage->generation);
	MemoryContext work =
		AllocSetContextCreate(CurrentMemoryContext, "expand_contract usage",
							  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(work);
	EcTrackedSet *set;

	known_generation = 0;
	has_changed = false;
	must_look = false;
	last_look = GetCurrentTimestamp();
	set = ec_usage_sync(EC_SYNC_NO_WAIT);
	if (!set->is_locked_out)
	{
		watch_all(set);
		if (!has_changed)
			known_generation = generation;
	}
	else if (!OidIsValid(usage_table))
		/*
		 * columns of our old copy are still counted; if there is no such copy,
		 * note it
		 */
		ec_usage_note_miss(0);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(work);
}

static bool
may_put_off(void)
{
	TimestampTz now = GetCurrentTimestamp();

	if (now - second_began > USECS_PER_SEC)
	{
		second_began = now;
		looks_in_second = 0;
	}
	if (!must_look && OidIsValid(usage_table) && looks_in_second >= LOOKS_PER_SECOND)
		return true;
	looks_in_second++;
	return false;
}

/* The session's user; names are looked up only when they have changed. */
static EcUser *
myself(void)
{
	static EcUser user;
	static Oid role = InvalidOid;

	if (role != GetSessionUserId())
	{
		char *name = GetUserNameFromId(GetSessionUserId(), true);

		MemSet(user.role, 0, NAMEDATALEN);
		strlcpy(user.role, name != NULL ? name : "", NAMEDATALEN);
		role = GetSessionUserId();
	}
	if (strncmp(user.application, application_name, NAMEDATALEN - 1) != 0)
	{
		MemSet(user.application, 0, NAMEDATALEN);
		strlcpy(user.application, application_name, NAMEDATALEN);
	}
	user.at = GetCurrentTimestamp();
	return &user;
}

static void
count(WatchedColumn *column, bool is_write)
{
	if (column->counted[is_write] == execution)
		return;
	column->counted[is_write] = execution;
	if (!ec_usage_count(column->slot, column->serial, is_write, myself()))
		known_generation = 0;
}

static bool
uses(const Bitmapset *columns, AttrNumber attnum)
{
	return bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber, columns);
}

static void
look_at(WatchedColumn *column, const EcPermissions *permissions)
{
	Oid relation = column->relation;
	bool whole_row = uses(permissions->selectedCols, InvalidAttrNumber);

	for (; column < watched + watched_count && column->relation == relation;
		 column++)
	{
		if ((whole_row || uses(permissions->selectedCols, column->attnum)) &&
			!ec_list_has_name(ec_ignore_usage_from, application_name))
			count(column, false);
		if (uses(permissions->insertedCols, column->attnum) ||
			uses(permissions->updatedCols, column->attnum))
			count(column, true);
	}
}

static void
look_for_watched(List *range_table, List *permission_infos)
{
	ListCell *cell;

	execution++;
	foreach (cell, range_table)
	{
		RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);
		const EcPermissions *permissions;
		WatchedColumn *column;

		/* EXCLUDED has the relation's OID, too, but is not a table */
		if (entry->rtekind != RTE_RELATION || entry->relkind == RELKIND_COMPOSITE_TYPE)
			continue;
		column = find_watched(entry->relid);
		if (column == NULL)
			continue;
		/*
		 * the planner adds entries for partitions, which have no permissions
		 */
		permissions = ec_permissions_of(entry, permission_infos);
		if (permissions != NULL && permissions->requiredPerms != 0)
			look_at(column, permissions);
	}
}

static inline bool
is_current(void)
{
	return known_generation == pg_atomic_read_u32(&ec_usage->generation);
}

/* Usually true: most servers track no column most of the time. */
static inline bool
nothing_is_watched(void)
{
	return likely(is_current()) && watched_count == 0;
}

static pg_noinline void
look(List *range_table, List *permission_infos)
{
	/* statements that this one starts are not exempt */
	bool counts = !is_exempt;

	is_exempt = false;
	if (ec_own_reads || IsParallelWorker())
		return;
	if (unlikely(!is_current()))
	{
		if (may_put_off())
			ec_usage_note_miss(last_look);
		else
			look_again();
	}
	if (watched_count > 0 && counts)
		look_for_watched(range_table, permission_infos);
}

static bool
check_permissions(EC_CHECK_PERMISSIONS_PARAMETERS)
{
	if (previous_check_permissions &&
		!previous_check_permissions(EC_CHECK_PERMISSIONS_ARGUMENTS))
		return false;
	if (!nothing_is_watched())
		look(EC_CHECK_PERMISSIONS_LISTS);
	return true;
}

/*
 * Is this a check or an action of a foreign key?  User triggers that such an
 * action fires run in the same security context, so compare the text as well.
 */
static bool
is_foreign_key_statement(const char *text)
{
	return InNoForceRLSOperation() && text != NULL &&
		   (strncmp(text, "SELECT 1 FROM ", 14) == 0 ||
			strncmp(text, "DELETE FROM ", 12) == 0 ||
			strncmp(text, "UPDATE ", 7) == 0) &&
		   strstr(text, " OPERATOR(") != NULL;
}

static inline void
start_statement(QueryDesc *query, int flags)
{
	if (previous_executor_start)
		previous_executor_start(query, flags);
	else
		standard_ExecutorStart(query, flags);
}

static pg_noinline void
start_exempt_statement(QueryDesc *query, int flags)
{
	PG_TRY();
	{
		is_exempt = true;
		start_statement(query, flags);
	}
	PG_FINALLY();
	{
		is_exempt = false;
	}
	PG_END_TRY();
}

static void
executor_start(QueryDesc *query, int flags)
{
	if (unlikely(!nothing_is_watched()) &&
		((flags & EXEC_FLAG_EXPLAIN_ONLY) ||
		 is_foreign_key_statement(query->sourceText)))
		start_exempt_statement(query, flags);
	else
		start_statement(query, flags);
}

void
ec_register_usage(void)
{
	ec_usage_request_memory(ec_usage_load_file);
	ec_usage_register_flush();
	CacheRegisterRelcacheCallback(on_relation_change, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, on_schema_change, (Datum) 0);
	previous_check_permissions = ExecutorCheckPerms_hook;
	ExecutorCheckPerms_hook = check_permissions;
	previous_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = executor_start;
}
