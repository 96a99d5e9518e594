/*
 * named.c
 *		Finds out which columns the inserting statement names.
 *
 * A trigger is not told which statement has fired it.  But the executor, COPY
 * and the apply worker of a subscription all call it in the per-tuple memory
 * context, whose parent is the statement's context, and the first chunk
 * allocated in that is the statement's EState.  So no hook is needed, and this
 * works in the first statement of a session as well.  The offset of the EState
 * is measured on an EState of our own.  A candidate is verified: its
 * es_query_cxt must point back to the memory context.
 *
 * The EState lists the result relations, each with its own copy of the trigger
 * descriptors.  The trigger that was called is one of those copies, which
 * identifies the result relation.  Its range table entry tells which columns
 * were named, in the data for the server's own permission check.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "nodes/execnodes.h"
#include "nodes/plannodes.h"
#include "executor/executor.h"
#include "parser/parse_relation.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "dualwrite/columns/named.h"

static Size
place_of_estate(void)
{
	static Size place = 0;

	if (place == 0)
	{
		EState *estate = CreateExecutorState();

		place = (char *) estate - (char *) estate->es_query_cxt;
		FreeExecutorState(estate);
	}
	return place;
}

/* Returns NULL if the trigger was called in an unknown way. */
static EState *
running_statement(MemoryContext memory)
{
	EState *estate;

	/*
	 * It must be created like the context that was measured, where the EState
	 * is in the first block, which is part of the context.
	 */
	if (memory == NULL || !IsA(memory, AllocSetContext) ||
		strcmp(memory->name, "ExecutorState") != 0 ||
		place_of_estate() + sizeof(EState) > ALLOCSET_DEFAULT_INITSIZE)
		return NULL;
	estate = (EState *) ((char *) memory + place_of_estate());
	return IsA(estate, EState) && estate->es_query_cxt == memory ? estate : NULL;
}

static ResultRelInfo *
find_written(List *tables, const Trigger *trigger)
{
	ListCell *cell;

	foreach (cell, tables)
	{
		ResultRelInfo *table = lfirst(cell);
		const TriggerDesc *triggers = table->ri_TrigDesc;

		if (triggers != NULL && trigger >= triggers->triggers &&
			trigger < triggers->triggers + triggers->numtriggers)
			return table;
	}
	return NULL;
}

/*
 * Returns the table that the statement names, not the partition into which a
 * row is routed.
 */
static ResultRelInfo *
find_target(EState *estate, const Trigger *trigger)
{
	ResultRelInfo *table =
		find_written(estate->es_opened_result_relations, trigger);

	if (table == NULL)
		table = find_written(estate->es_tuple_routing_result_relations, trigger);
	if (table != NULL && table->ri_RootResultRelInfo != NULL)
		table = table->ri_RootResultRelInfo;
	return table != NULL && table->ri_RangeTableIndex > 0 ? table : NULL;
}

static bool
writes_to(Plan *plan, Index target)
{
	return plan != NULL && IsA(plan, ModifyTable) &&
		   (((ModifyTable *) plan)->rootRelation == target ||
			list_member_int(((ModifyTable *) plan)->resultRelations, target));
}

/*
 * A statement has several ModifyTable nodes if it has data-modifying WITH
 * clauses.
 */
static ModifyTable *
find_node(const PlannedStmt *statement, Index target)
{
	ListCell *cell;

	if (writes_to(statement->planTree, target))
		return (ModifyTable *) statement->planTree;
	foreach (cell, statement->subplans)
		if (writes_to(lfirst(cell), target))
			return lfirst(cell);
	return NULL;
}

/*
 * Counts the MERGE actions of a command; the lists of all result relations are
 * alike.
 */
static int
count_actions(const ModifyTable *merge, CmdType command)
{
	int count = 0;
	ListCell *cell;

	if (merge->mergeActionLists != NIL)
		foreach (cell, (List *) linitial(merge->mergeActionLists))
			count += lfirst_node(MergeAction, cell)->commandType == command;
	return count;
}

/* for a statement with a plan */
static EcSource
source_of(const PlannedStmt *statement, Index target, bool *may_move)
{
	ModifyTable *node = find_node(statement, target);

	if (node == NULL)
		return EC_SOURCE_UNKNOWN;
	if (node->operation == CMD_INSERT)
		return EC_SOURCE_INSERT;
	if (node->operation == CMD_MERGE)
	{
		int inserts = count_actions(node, CMD_INSERT);

		*may_move = count_actions(node, CMD_UPDATE) > 0;
		if (inserts > 0)
			return inserts > 1 ? EC_SOURCE_INSERTS : EC_SOURCE_INSERT;
	}
	return EC_SOURCE_UPDATE;
}

/* Columns of the trigger's table are looked up by name in the target table. */
static bool
names_column(const Bitmapset *inserted, const ResultRelInfo *target,
			 Oid relation, const EcCompiledColumn *column)
{
	Oid root = RelationGetRelid(target->ri_RelationDesc);
	AttrNumber attnum =
		root == relation ? column->attnum : get_attnum(root, column->name);

	return attnum > 0 &&
		   bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber, inserted);
}

static bool
is_key(const EcCompiled *compiled, const EcCompiledColumn *column)
{
	for (int i = 0; i < compiled->key_count; i++)
		if (compiled->key[i].attnum == column->attnum)
			return true;
	return false;
}

void
ec_find_named(const TriggerData *data, MemoryContext rows,
			  const EcCompiled *compiled, EcNamed *named)
{
	EState *estate = running_statement(rows);
	ResultRelInfo *target =
		estate == NULL ? NULL : find_target(estate, data->tg_trigger);
	const EcPermissions *permissions;
	const Bitmapset *inserted;

	memset(named, 0, sizeof(*named));
	if (target == NULL)
		return;
	permissions =
		ec_permissions_in(estate, exec_rt_fetch(target->ri_RangeTableIndex, estate));
	if (permissions == NULL)
		return;
	inserted = permissions->insertedCols;
	if (estate->es_plannedstmt != NULL)
		named->source = source_of(estate->es_plannedstmt,
								  target->ri_RangeTableIndex, &named->may_move);
	else if (!bms_is_empty(inserted))
		named->source = EC_SOURCE_INSERT; /* COPY */
	if (named->source == EC_SOURCE_UNKNOWN || named->source == EC_SOURCE_UPDATE)
		return;
	for (int i = 0; i < compiled->forward.count; i++)
		named->forward |= names_column(inserted, target, compiled->relation,
									   &compiled->forward.columns[i]);
	for (int i = 0; i < compiled->backward.count; i++)
		named->backward |= names_column(inserted, target, compiled->relation,
										&compiled->backward.columns[i]);
	for (int i = 0; i < compiled->new_count; i++)
		named->new_side |= !is_key(compiled, &compiled->new_columns[i]) &&
						   names_column(inserted, target, compiled->relation,
										&compiled->new_columns[i]);
	for (int i = 0; i < compiled->old_count; i++)
		named->old_side |= !is_key(compiled, &compiled->old_columns[i]) &&
						   names_column(inserted, target, compiled->relation,
										&compiled->old_columns[i]);
	named->new_side |= named->forward;
	named->old_side |= named->backward;
}

CommandId
ec_running_command(MemoryContext rows)
{
	EState *estate = running_statement(rows);

	return estate == NULL ? InvalidCommandId : estate->es_output_cid;
}
