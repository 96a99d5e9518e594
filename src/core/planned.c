/*
 * planned.c
 *		Runs our statements that invoke code of users.
 *
 * When a statement is executed under other settings than it was planned under,
 * SPI plans it again under the new settings.  So this file takes the plan from
 * the plan cache under our settings, and passes it to the executor itself.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/snapmgr.h"

#include "core/compat.h"
#include "core/planned.h"
#include "core/receiver.h"

int
ec_planning_begin(const char *search_path)
{
	int guc_level = NewGUCNestLevel();

	(void) set_config_option("row_security", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	ec_note_callers_path();
	if (search_path != NULL)
		(void) set_config_option("search_path", search_path, PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return guc_level;
}

void
ec_planning_end(int guc_level)
{
	AtEOXact_GUC(false, guc_level);
}

SPIPlanPtr
ec_prepare_planned(const char *sql, int count, Oid *types, int cursor_options,
				   const char *search_path)
{
	int guc_level = ec_planning_begin(search_path);
	SPIPlanPtr plan = SPI_prepare_cursor(sql, count, types, cursor_options);

	if (plan == NULL)
		elog(ERROR, "SPI_prepare_cursor failed for \"%s\": %s", sql,
			 SPI_result_code_string(SPI_result));
	ec_planning_end(guc_level);
	return plan;
}

static CachedPlan *
take_plan(SPIPlanPtr plan, const char *search_path)
{
	int guc_level = ec_planning_begin(search_path);
	CachedPlan *cached = SPI_plan_get_cached_plan(plan);

	if (cached == NULL || list_length(cached->stmt_list) != 1)
		elog(ERROR, "a plan must be of one statement");
	ec_planning_end(guc_level);
	return cached;
}

static uint64
execute(PlannedStmt *statement, const char *sql, ParamListInfo parameters,
		DestReceiver *dest)
{
	QueryDesc *desc;
	uint64 processed;

	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	UpdateActiveSnapshotCommandId();
	desc = CreateQueryDesc(statement, sql, GetActiveSnapshot(), InvalidSnapshot,
						   dest, parameters, NULL, 0);
	ExecutorStart(desc, 0);
	ec_ExecutorRun(desc, ForwardScanDirection, 0);
	processed = desc->estate->es_processed;
	ExecutorFinish(desc);
	ExecutorEnd(desc);
	FreeQueryDesc(desc);
	PopActiveSnapshot();
	CommandCounterIncrement();
	return processed;
}

uint64
ec_execute_planned(SPIPlanPtr plan, ParamListInfo parameters,
				   const char *search_path, DestReceiver *dest)
{
	CachedPlanSource *source = linitial(SPI_plan_get_plan_sources(plan));
	/* the resource owner holds the reference to a saved plan */
	ResourceOwner owner = source->is_saved ? CurrentResourceOwner : NULL;
	CachedPlan *cached = take_plan(plan, search_path);
	uint64 processed = execute(linitial_node(PlannedStmt, cached->stmt_list),
							   source->query_string, parameters,
							   dest != NULL ? dest : None_Receiver);

	ReleaseCachedPlan(cached, owner);
	return processed;
}

typedef struct FirstRow
{
	DestReceiver base;
	MemoryContext memory;
	TupleTableSlot *row;
} FirstRow;

static bool
keep_first_row(TupleTableSlot *slot, DestReceiver *self)
{
	FirstRow *first = (FirstRow *) self;
	MemoryContext old = MemoryContextSwitchTo(first->memory);

	if (first->row == NULL)
	{
		first->row =
			MakeSingleTupleTableSlot(CreateTupleDescCopy(slot->tts_tupleDescriptor),
									 &TTSOpsMinimalTuple);
		ExecCopySlot(first->row, slot);
	}
	MemoryContextSwitchTo(old);
	return true;
}

TupleTableSlot *
ec_first_row_planned(const char *sql, const char *search_path)
{
	FirstRow first = {.memory = CurrentMemoryContext};
	SPIPlanPtr plan = ec_prepare_planned(sql, 0, NULL, 0, search_path);

	ec_init_receiver(&first.base, keep_first_row);
	(void) ec_execute_planned(plan, NULL, search_path, &first.base);
	SPI_freeplan(plan);
	return first.row;
}

char *
ec_planned_text(TupleTableSlot *row, int column)
{
	bool isnull;
	Datum value = slot_getattr(row, column, &isnull);
	Oid output;
	bool is_varlena;

	if (isnull)
		return NULL;
	getTypeOutputInfo(TupleDescAttr(row->tts_tupleDescriptor, column - 1)->atttypid,
					  &output, &is_varlena);
	return OidOutputFunctionCall(output, value);
}
