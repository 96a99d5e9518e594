/*
 * walk.c
 *		Walking over tables in the order of a key, chunk by chunk.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "core/compat.h"
#include "verify/walk.h"

/* A key's column, or an expression for it, as an operand of btree operators. */
typedef struct Operand
{
	Node *node;
	Oid type;
} Operand;

static Oid
operator_of(Oid family, Oid left, Oid right, int strategy)
{
	return get_opfamily_member(family, left, right, strategy);
}

/*
 * Types without operators of their own (varchar, domains) are taken for the
 * one whose operators they use; the representation is the same.
 */
static Operand
as_operand(Node *node, Oid collation, const TypeCacheEntry *entry)
{
	Operand operand = {node, exprType(node)};

	if (OidIsValid(operator_of(entry->btree_opf, operand.type,
							   entry->btree_opintype, BTLessStrategyNumber)))
		return operand;
	operand.type = entry->btree_opintype;
	if (!IsPolymorphicType(operand.type))
		operand.node = (Node *) makeRelabelType((Expr *) node, operand.type, -1,
												collation, COERCE_IMPLICIT_CAST);
	return operand;
}

static TypeCacheEntry *
btree_of(const EcKeyRange *range, int column)
{
	TypeCacheEntry *entry = lookup_type_cache(getBaseType(range->types[column]),
											  TYPECACHE_BTREE_OPFAMILY);

	if (!OidIsValid(entry->btree_opf))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("key column \"%s\" has a type without an order",
						range->names[column]),
				 errdetail("A job walks over the table in the order of the key."),
				 errhint("Use ec_verify, which matches rows by hash.")));
	return entry;
}

bool
ec_is_comparable(const EcKeyRange *range, int column, Node *expression)
{
	TypeCacheEntry *entry = btree_of(range, column);

	return OidIsValid(operator_of(entry->btree_opf, exprType(expression),
								  entry->btree_opintype, BTLessStrategyNumber));
}

static Const *
bound_of(const EcKeyRange *range, const Datum *values, int column)
{
	int16 length;
	bool by_value;

	get_typlenbyval(range->types[column], &length, &by_value);
	return makeConst(range->types[column], range->typmods[column],
					 range->collations[column], length, values[column], false,
					 by_value);
}

/* (expressions) > (lower), or <= (upper) */
static Expr *
make_qual(const EcKeyRange *range, List *expressions, const Datum *values,
		  int strategy)
{
	RowCompareExpr *row = makeNode(RowCompareExpr);

	for (int i = 0; i < range->count; i++)
	{
		TypeCacheEntry *entry = btree_of(range, i);
		Operand left = as_operand(copyObject(list_nth(expressions, i)),
								  range->collations[i], entry);
		Operand right = as_operand((Node *) bound_of(range, values, i),
								   range->collations[i], entry);
		Oid operator=
			operator_of(entry->btree_opf, left.type, right.type, strategy);

		if (!OidIsValid(operator))
			elog(ERROR, "missing operator %d(%u,%u) in opfamily %u", strategy,
				 left.type, right.type, entry->btree_opf);
		if (range->count == 1)
			return make_opclause(operator, BOOLOID, false, (Expr *) left.node,
								 (Expr *) right.node, InvalidOid,
								 range->collations[i]);
		row->opnos = lappend_oid(row->opnos, operator);
		row->opfamilies = lappend_oid(row->opfamilies, entry->btree_opf);
		row->inputcollids = lappend_oid(row->inputcollids, range->collations[i]);
		row->largs = lappend(row->largs, left.node);
		row->rargs = lappend(row->rargs, right.node);
	}
	ec_set_row_compare(row, strategy);
	return (Expr *) row;
}

List *
ec_range_quals(const EcKeyRange *range, List *expressions)
{
	List *quals = NIL;

	if (range->lower != NULL)
		quals = lappend(quals, make_qual(range, expressions, range->lower,
										 BTGreaterStrategyNumber));
	if (range->upper != NULL)
		quals = lappend(quals, make_qual(range, expressions, range->upper,
										 BTLessEqualStrategyNumber));
	return quals;
}
