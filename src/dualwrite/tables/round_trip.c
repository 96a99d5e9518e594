/*
 * round_trip.c
 *		Tells whether the target key of a row maps back to the key of the row.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "nodes/nodeFuncs.h"
#include "nodes/value.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/typcache.h"

#include "dualwrite/mapping.h"
#include "dualwrite/table.h"
#include "dualwrite/tables/round_trip.h"

/* one column of the source's key */
typedef struct Return
{
	AttrNumber attnum;
	Expr *expression; /* over the target */
	Bitmapset *reads; /* of the target */
	Oid collation;
	TypeCacheEntry *type;
} Return;

struct EcRoundTrip
{
	int count;
	Return *columns;
	TupleDesc target;
};

struct EcRoundTripState
{
	const EcRoute *route;
	ExprState **states;
	TupleTableSlot *written; /* the known columns of the target's row */
};

static AttrNumber
place_of(List *names, const char *name)
{
	ListCell *cell;

	foreach (cell, names)
		if (strcmp(strVal(lfirst(cell)), name) == 0)
			return foreach_current_index(cell) + 1;
	return 0;
}

/* Returns the target's column names as used in the backward expressions. */
static List *
names_of(const EcRoute *route, Relation target)
{
	EcSide side = route->is_forward ? EC_SIDE_NEW : EC_SIDE_OLD;
	List *names = NIL;
	ListCell *cell;

	for (int i = 0; i < RelationGetNumberOfAttributes(target); i++)
		names = lappend(names, makeString(""));
	foreach (cell, route->change_columns)
	{
		EcChangeColumn *column = lfirst(cell);
		AttrNumber attnum = column->side == side
								? ec_leaf_attnum(target, target, column->attnum)
								: 0;

		if (attnum > 0)
			lfirst(list_nth_cell(names, attnum - 1)) = makeString(column->name);
	}
	return names;
}

/* True if each of the two columns is mapped to the other without change. */
static bool
is_plain(const EcRoute *route, const Return *column)
{
	const Var *back = (const Var *) column->expression;

	if (!IsA(back, Var))
		return false;
	for (int i = 0; i < route->column_count; i++)
	{
		const Var *there = (const Var *) route->columns[i].expression;

		if (route->columns[i].attnum == back->varattno)
			return IsA(there, Var) && there->varattno == column->attnum &&
				   there->vartype == back->vartype;
	}
	return false;
}

static Bitmapset *
reads_of(Node *expression)
{
	Bitmapset *offsets = NULL;
	Bitmapset *reads = NULL;
	int member = -1;

	pull_varattnos(expression, 1, &offsets);
	while ((member = bms_next_member(offsets, member)) >= 0)
		reads = bms_add_member(reads, member + FirstLowInvalidHeapAttributeNumber);
	return reads;
}

EcRoundTrip *
ec_round_trip(const EcRoute *route, Relation source, Relation target)
{
	EcSide side = route->is_forward ? EC_SIDE_OLD : EC_SIDE_NEW;
	List *names = names_of(route, target);
	EcRoundTrip *trip = palloc0_object(EcRoundTrip);
	bool all_plain = true;
	ListCell *cell;

	trip->columns =
		palloc0(sizeof(Return) * Max(1, list_length(route->change_columns)));
	foreach (cell, route->change_columns)
	{
		EcChangeColumn *known = lfirst(cell);
		Return *column = &trip->columns[trip->count];
		Form_pg_attribute attribute;

		if (known->side != side || known->key_position == 0 ||
			known->expression == NULL)
			continue;
		column->attnum = place_of(route->names, known->name);
		if (column->attnum == 0)
			continue;
		attribute = TupleDescAttr(RelationGetDescr(source), column->attnum - 1);
		column->expression =
			(Expr *) ec_mapping_reparse(target, list_copy(names), source,
										column->attnum, known);
		column->reads = reads_of((Node *) column->expression);
		column->collation = attribute->attcollation;
		column->type =
			lookup_type_cache(attribute->atttypid, TYPECACHE_EQ_OPR_FINFO);
		all_plain = all_plain && is_plain(route, column);
		column->expression = expression_planner(column->expression);
		trip->count++;
	}
	trip->target = CreateTupleDescCopy(RelationGetDescr(target));
	return trip->count == 0 || all_plain ? NULL : trip;
}

EcRoundTripState *
ec_round_trip_begin(const EcRoute *route)
{
	const EcRoundTrip *trip = route->round_trip;
	EcRoundTripState *state;

	if (trip == NULL)
		return NULL;
	state = palloc0_object(EcRoundTripState);
	state->route = route;
	state->states = palloc(sizeof(ExprState *) * trip->count);
	for (int i = 0; i < trip->count; i++)
		state->states[i] = ExecInitExpr(trip->columns[i].expression, NULL);
	state->written = MakeSingleTupleTableSlot(trip->target, &TTSOpsVirtual);
	return state;
}

bool
ec_leads_back(EcRoundTripState *state, ExprContext *econtext, TupleTableSlot *slot,
			  const Datum *values, const bool *nulls, int count)
{
	const EcRoute *route = state->route;
	TupleTableSlot *written = state->written;
	Bitmapset *known = NULL;
	bool leads_back = true;

	ExecClearTuple(written);
	memset(written->tts_isnull, true, written->tts_tupleDescriptor->natts);
	for (int i = 0; i < count; i++)
	{
		AttrNumber attnum = route->columns[i].attnum;

		written->tts_values[attnum - 1] = values[i];
		written->tts_isnull[attnum - 1] = nulls[i];
		known = bms_add_member(known, attnum);
	}
	ExecStoreVirtualTuple(written);
	econtext->ecxt_scantuple = written;
	for (int i = 0; leads_back && i < route->round_trip->count; i++)
	{
		Return *column = &route->round_trip->columns[i];
		bool was_null;
		bool is_null;
		Datum was = slot_getattr(slot, column->attnum, &was_null);
		Datum is;

		if (!bms_is_subset(column->reads, known) ||
			!OidIsValid(column->type->eq_opr_finfo.fn_oid))
			continue;
		is = ExecEvalExprSwitchContext(state->states[i], econtext, &is_null);
		if (is_null || was_null)
			leads_back = is_null == was_null;
		else
			leads_back =
				DatumGetBool(FunctionCall2Coll(&column->type->eq_opr_finfo,
											   column->collation, was, is));
	}
	bms_free(known);
	return leads_back;
}
