/*
 * shapes.c
 *		Both shapes of a change side by side: which new columns take the place
 *		of which old ones.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "core/pinned.h"
#include "dualwrite/columns/compiled.h"
#include "dualwrite/mapping.h"
#include "dualwrite/tables/route.h"
#include "lifecycle/old_shape.h"
#include "lifecycle/shapes.h"

Bitmapset *
ec_columns_read(Node *expression)
{
	Bitmapset *offset = NULL;
	Bitmapset *columns = NULL;
	int member = -1;

	pull_varattnos(expression, 1, &offset);
	while ((member = bms_next_member(offset, member)) >= 0)
	{
		int attnum = member + FirstLowInvalidHeapAttributeNumber;

		if (attnum > 0)
			columns = bms_add_member(columns, attnum);
	}
	return columns;
}

AttrNumber
ec_plain_column(Node *expression)
{
	while (expression != NULL &&
		   (IsA(expression, RelabelType) || IsA(expression, CoerceViaIO) ||
			(IsA(expression, FuncExpr) &&
			 castNode(FuncExpr, expression)->funcformat != COERCE_EXPLICIT_CALL)))
		expression = IsA(expression, RelabelType)
						 ? (Node *) castNode(RelabelType, expression)->arg
					 : IsA(expression, CoerceViaIO)
						 ? (Node *) castNode(CoerceViaIO, expression)->arg
						 : linitial(castNode(FuncExpr, expression)->args);
	return expression != NULL && IsA(expression, Var) &&
				   castNode(Var, expression)->varattno > 0
			   ? castNode(Var, expression)->varattno
			   : InvalidAttrNumber;
}

static EcMapped *
make_mapped(AttrNumber attnum, Node *expression)
{
	EcMapped *mapped = palloc(sizeof(EcMapped));

	mapped->attnum = attnum;
	mapped->expression = expression;
	mapped->reads = ec_columns_read(expression);
	return mapped;
}

/* Columns of one table. */
static bool
read_columns(EcShapes *shapes)
{
	const EcChange *change = shapes->change;
	Relation table = shapes->old_table;
	AttrNumber *attnums =
		palloc0(sizeof(AttrNumber) * (list_length(change->columns) + 1));
	List *names;
	ListCell *cell;

	if (!ec_change_find_columns(table, change, attnums))
		return false;
	names = ec_change_names(table, change, attnums);
	foreach (cell, change->columns)
	{
		EcChangeColumn *known = lfirst(cell);
		List **side =
			known->side == EC_SIDE_NEW ? &shapes->forward : &shapes->backward;
		AttrNumber attnum = attnums[foreach_current_index(cell)];

		if (known->expression == NULL)
			continue;
		*side = lappend(*side,
						make_mapped(attnum, ec_mapping_reparse(table, names, table,
															   attnum, known)));
	}
	return true;
}

/* One direction between two tables. */
static bool
read_route(const EcChange *change, Relation source, Relation target, List **mapped)
{
	EcRoute *route = ec_route(source, change->name);

	if (!route->is_found)
		return false;
	for (int i = 0; i < route->column_count; i++)
	{
		const EcRouteColumn *column = &route->columns[i];

		*mapped =
			lappend(*mapped,
					make_mapped(column->attnum,
								ec_mapping_reparse(source, route->names, target,
												   column->attnum, column->known)));
	}
	return true;
}

bool
ec_shapes_open(const EcChange *change, EcShapes *shapes)
{
	bool has_target = OidIsValid(change->target);
	bool is_there;
	int guc_level;

	memset(shapes, 0, sizeof(*shapes));
	shapes->change = change;
	shapes->old_table = try_table_open(change->relation, AccessShareLock);
	shapes->new_table = has_target
							? try_table_open(change->target, AccessShareLock)
							: shapes->old_table;
	if (shapes->old_table == NULL || shapes->new_table == NULL)
		return false;
	shapes->going = ec_old_columns(change);
	guc_level = ec_pin_text();
	is_there = has_target ? read_route(change, shapes->old_table,
									   shapes->new_table, &shapes->forward) &&
								(change->backward == NULL ||
								 read_route(change, shapes->new_table,
											shapes->old_table, &shapes->backward))
						  : read_columns(shapes);
	AtEOXact_GUC(false, guc_level);
	return is_there;
}

/* The locks stay. */
void
ec_shapes_close(EcShapes *shapes)
{
	if (shapes->new_table != NULL && shapes->new_table != shapes->old_table)
		table_close(shapes->new_table, NoLock);
	if (shapes->old_table != NULL)
		table_close(shapes->old_table, NoLock);
}

/*
 * True if the column of the old table is a column of the new one as well, and is
 * not removed by contraction.
 */
static bool
stays(const EcShapes *shapes, AttrNumber old_column)
{
	return shapes->old_table == shapes->new_table &&
		   !bms_is_member(old_column, shapes->going);
}

Bitmapset *
ec_successors(const EcShapes *shapes, AttrNumber old_column)
{
	Bitmapset *columns = NULL;
	ListCell *cell;

	if (stays(shapes, old_column))
		return bms_make_singleton(old_column);
	foreach (cell, shapes->forward)
	{
		EcMapped *mapped = lfirst(cell);

		if (bms_is_member(old_column, mapped->reads))
			columns = bms_add_member(columns, mapped->attnum);
	}
	return columns;
}

static EcMapped *
find_mapped(List *mapped, AttrNumber attnum)
{
	ListCell *cell;

	foreach (cell, mapped)
		if (((EcMapped *) lfirst(cell))->attnum == attnum)
			return lfirst(cell);
	return NULL;
}

Bitmapset *
ec_places_of(const EcShapes *shapes, AttrNumber old_column)
{
	Bitmapset *columns = ec_successors(shapes, old_column);
	EcMapped *back = find_mapped(shapes->backward, old_column);
	Bitmapset *plain = NULL;
	ListCell *cell;

	if (stays(shapes, old_column))
		return columns;
	if (back != NULL && bms_overlap(columns, back->reads))
		return bms_intersect(columns, back->reads);
	foreach (cell, shapes->forward)
	{
		EcMapped *mapped = lfirst(cell);

		if (ec_plain_column(mapped->expression) == old_column)
			plain = bms_add_member(plain, mapped->attnum);
	}
	return bms_is_empty(plain) ? columns : plain;
}

AttrNumber
ec_successor(const EcShapes *shapes, AttrNumber old_column)
{
	Bitmapset *columns = ec_places_of(shapes, old_column);
	ListCell *cell;

	foreach (cell, shapes->forward)
	{
		EcMapped *mapped = lfirst(cell);

		if (bms_is_member(mapped->attnum, columns) &&
			bms_membership(mapped->reads) == BMS_SINGLETON)
			return mapped->attnum;
	}
	return Max(bms_next_member(columns, -1), InvalidAttrNumber);
}

static Node *
make_column(Relation table, AttrNumber attnum)
{
	Oid type;
	int32 typmod;
	Oid collation;

	get_atttypetypmodcoll(RelationGetRelid(table), attnum, &type, &typmod,
						  &collation);
	return (Node *) makeVar(1, attnum, type, typmod, collation, 0);
}

typedef struct Rewriting
{
	const EcShapes *shapes;
	bool failed;
} Rewriting;

static Node *
rewrite_over_new(Node *node, Rewriting *rewriting)
{
	const EcShapes *shapes = rewriting->shapes;
	ListCell *cell;

	if (node == NULL)
		return NULL;
	foreach (cell, shapes->forward)
	{
		EcMapped *mapped = lfirst(cell);

		if (!bms_is_empty(mapped->reads) &&
			equal(strip_implicit_coercions(mapped->expression),
				  strip_implicit_coercions(node)))
			return make_column(shapes->new_table, mapped->attnum);
	}
	if (IsA(node, Var))
	{
		Var *var = castNode(Var, node);
		AttrNumber successor;
		EcMapped *back;

		if (var->varattno > 0 && stays(shapes, var->varattno))
			return copyObject(node);
		back = find_mapped(shapes->backward, var->varattno);
		if (back != NULL)
			return copyObject(back->expression);
		successor = var->varattno > 0 ? ec_successor(shapes, var->varattno)
									  : InvalidAttrNumber;
		if (successor != InvalidAttrNumber &&
			get_atttype(RelationGetRelid(shapes->new_table), successor) == var->vartype)
			return make_column(shapes->new_table, successor);
		rewriting->failed = true;
		return copyObject(node);
	}
	return expression_tree_mutator(node, rewrite_over_new, rewriting);
}

Node *
ec_over_new_columns(const EcShapes *shapes, Node *expression)
{
	Rewriting rewriting = {.shapes = shapes};
	Node *result = rewrite_over_new(expression, &rewriting);

	return rewriting.failed ? NULL : result;
}

static Node *
put_defaults(Node *node, const EcShapes *shapes)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
	{
		Var *var = castNode(Var, node);
		Node *value = build_column_default(shapes->old_table, var->varattno);

		if (value == NULL)
			return (Node *) makeNullConst(var->vartype, var->vartypmod,
										  var->varcollid);
		if (TupleDescAttr(RelationGetDescr(shapes->old_table), var->varattno - 1)
				->attidentity)
		{
			Param *number = makeNode(Param);

			number->paramkind = PARAM_EXTERN;
			number->paramid = EC_DRAWN_NUMBER;
			number->paramtype = var->vartype;
			number->paramtypmod = -1;
			number->location = -1;
			return (Node *) number;
		}
		return value;
	}
	return expression_tree_mutator(node, put_defaults,
								   unconstify(EcShapes *, shapes));
}

Node *
ec_default_by_forward(const EcShapes *shapes, const EcMapped *mapped)
{
	return put_defaults(mapped->expression, shapes);
}
