/*
 * careful.c
 *		Evaluates the expressions of a reading row by row.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"

#include "core/clip.h"
#include "core/receiver.h"
#include "core/subtransaction.h"
#include "verify/careful.h"

struct EcCareful
{
	DestReceiver pub;
	DestReceiver *receiver;
	EcFailed failed;
	List *expressions;
	ExprState **states;
	ExprContext *context;
	TupleTableSlot *slot; /* the row with the values of the expressions */
	int next;             /* position to evaluate next */
};

/* Replaces columns by references to the columns of the query's result. */
static Node *
refer_to_result(Node *node, void *context)
{
	ListCell *cell;

	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
	{
		foreach (cell, (List *) context)
		{
			const Var *var = lfirst(cell);

			if (equal(var, node))
				return (Node *) makeVar(1, foreach_current_index(cell) + 1,
										var->vartype, var->vartypmod,
										var->varcollid, 0);
		}
	}
	return expression_tree_mutator(node, refer_to_result, context);
}

EcCareful *
ec_careful_begin(Query *query, const EcFailed **failed)
{
	EcCareful *careful = palloc0_object(EcCareful);
	List *columns = NIL;
	List *targets = NIL;
	ListCell *cell;

	foreach (cell, pull_var_clause((Node *) query->targetList, 0))
		columns = list_append_unique(columns, lfirst(cell));
	foreach (cell, columns)
		targets = lappend(targets, makeTargetEntry(copyObject(lfirst(cell)),
												   foreach_current_index(cell) + 1,
												   NULL, false));
	foreach (cell, query->targetList)
	{
		TargetEntry *target = lfirst(cell);

		careful->expressions =
			lappend(careful->expressions,
					refer_to_result((Node *) target->expr, columns));
	}
	careful->slot = MakeSingleTupleTableSlot(ExecTypeFromTL(query->targetList),
											 &TTSOpsVirtual);
	careful->failed.count = list_length(careful->expressions);
	careful->failed.messages = palloc0_array(char *, careful->failed.count);
	query->targetList = targets;
	*failed = &careful->failed;
	return careful;
}

static void
evaluate(void *arg)
{
	EcCareful *careful = arg;
	TupleTableSlot *slot = careful->slot;
	MemoryContext caller =
		MemoryContextSwitchTo(careful->context->ecxt_per_tuple_memory);

	for (; careful->next < careful->failed.count; careful->next++)
		slot->tts_values[careful->next] =
			ExecEvalExpr(careful->states[careful->next], careful->context,
						 &slot->tts_isnull[careful->next]);
	MemoryContextSwitchTo(caller);
}

static bool
receive_row(TupleTableSlot *row, DestReceiver *self)
{
	EcCareful *careful = (EcCareful *) self;
	TupleTableSlot *slot = careful->slot;
	MemoryContext row_memory = careful->context->ecxt_per_tuple_memory;
	ErrorData *error;

	ResetExprContext(careful->context);
	ExecClearTuple(slot);
	memset(careful->failed.messages, 0, careful->failed.count * sizeof(char *));
	careful->context->ecxt_scantuple = row;
	careful->next = 0;
	while ((error = ec_subtransaction_with_error_in(evaluate, careful,
													row_memory)) != NULL)
	{
		if (!ec_may_swallow(error))
			ReThrowError(error);
		careful->failed.messages[careful->next] =
			ec_clip(error->message ? error->message : "", EC_MAX_TEXT);
		slot->tts_values[careful->next] = (Datum) 0;
		slot->tts_isnull[careful->next] = true;
		careful->next++;
	}
	ExecStoreVirtualTuple(slot);
	return careful->receiver->receiveSlot(slot, careful->receiver);
}

DestReceiver *
ec_careful_receiver(EcCareful *careful, DestReceiver *receiver)
{
	ListCell *cell;

	ec_init_receiver(&careful->pub, receive_row);
	careful->receiver = receiver;
	careful->context = CreateStandaloneExprContext();
	careful->states = palloc_array(ExprState *, careful->failed.count);
	foreach (cell, careful->expressions)
		careful->states[foreach_current_index(cell)] =
			ExecInitExpr(expression_planner(lfirst(cell)), NULL);
	return &careful->pub;
}
