/*
 * walk.c
 *		Reads tables in the order of a key, in chunks.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/typcache.h"

#include "core/index_parts.h"
#include "core/hint.h"
#include "core/compat.h"
#include "core/pinned.h"
#include "core/receiver.h"
#include "verify/reading.h"
#include "verify/walk.h"

/* A key's column, or its expression, as an operand of btree operators. */
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
 * A type that uses the operators of another type (varchar, domains) is
 * relabelled as that type; the representation is the same.
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
				 ec_errhint("Use ec_verify, which matches rows by hash.")));
	return entry;
}

/*
 * Returns the argument of a cast.  Returns NULL if the node is not a cast, or
 * if the cast might change the order of rows or map different values to the
 * same value.  Implicit casts do neither.  A cast to a length or precision has
 * more than one argument.
 */
static Node *
cast_argument(Node *node)
{
	FuncExpr *call = (FuncExpr *) node;
	Oid function;

	if (IsA(node, RelabelType))
		return (Node *) ((RelabelType *) node)->arg;
	if (IsA(node, CoerceToDomain))
		return (Node *) ((CoerceToDomain *) node)->arg;
	if (IsA(node, FuncExpr) && list_length(call->args) == 1 &&
		find_coercion_pathway(call->funcresulttype, exprType(linitial(call->args)),
							  COERCION_IMPLICIT, &function) == COERCION_PATH_FUNC &&
		function == call->funcid)
		return linitial(call->args);
	return NULL;
}

Node *
ec_range_operand(const EcKeyRange *range, int column, Node *expression)
{
	TypeCacheEntry *entry = btree_of(range, column);
	Node *operand = expression;

	for (Node *node = expression; node != NULL; node = cast_argument(node))
		if (OidIsValid(operator_of(entry->btree_opf, exprType(node),
								   entry->btree_opintype, BTLessStrategyNumber)))
			operand = node;
	return copyObject(operand);
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

/* Makes (expressions) > (lower), or <= (upper). */
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

/* ---------------------------------------------------------------- the next chunk */

/* Receives the row that ends a chunk; there is at most one. */
typedef struct BoundaryReceiver
{
	DestReceiver pub;
	const EcKeyRange *range;
	MemoryContext memory; /* lives longer than the query's */
	Datum *key;           /* NULL if there was no row */
} BoundaryReceiver;

static Datum *
copy_key(const EcKeyRange *range, const Datum *values)
{
	Datum *copy = palloc_array(Datum, range->count);

	for (int i = 0; i < range->count; i++)
	{
		int16 length;
		bool by_value;

		get_typlenbyval(range->types[i], &length, &by_value);
		copy[i] = length == -1 ? PointerGetDatum(PG_DETOAST_DATUM_COPY(values[i]))
							   : datumCopy(values[i], by_value, length);
	}
	return copy;
}

static bool
receive_boundary(TupleTableSlot *slot, DestReceiver *self)
{
	BoundaryReceiver *receiver = (BoundaryReceiver *) self;

	MemoryContext old;

	slot_getallattrs(slot);
	old = MemoryContextSwitchTo(receiver->memory);
	receiver->key = copy_key(receiver->range, slot->tts_values);
	MemoryContextSwitchTo(old);
	return true;
}

/* Adds ORDER BY the operands, in the order of a btree index. */
static void
add_order(EcReading *reading, const EcKeyRange *range, List *expressions)
{
	for (int i = 0; i < range->count; i++)
	{
		TypeCacheEntry *entry = btree_of(range, i);
		Operand operand = as_operand(copyObject(list_nth(expressions, i)),
									 range->collations[i], entry);
		SortGroupClause *clause = makeNode(SortGroupClause);
		TargetEntry *target = ec_reading_select(reading, operand.node);

		target->resjunk = true;
		target->ressortgroupref = i + 1;
		clause->tleSortGroupRef = i + 1;
		clause->eqop = operator_of(entry->btree_opf, operand.type, operand.type,
								   BTEqualStrategyNumber);
		clause->sortop = operator_of(entry->btree_opf, operand.type,
									 operand.type, BTLessStrategyNumber);
		reading->query->sortClause = lappend(reading->query->sortClause, clause);
	}
}

static Node *
make_count(int64 count)
{
	return (Node *) makeConst(INT8OID, -1, InvalidOid, sizeof(int64),
							  Int64GetDatum(count), false, FLOAT8PASSBYVAL);
}

/*
 * The key of the row that is this many rows after the lower bound; NULL if
 * there are fewer rows.
 */
static Datum *
boundary(const EcSubject *subject, EcRowSide side, const EcKeyRange *range, int64 rows)
{
	BoundaryReceiver receiver = {.range = range, .memory = CurrentMemoryContext};
	List *reads = NIL;
	bool is_opaque = false;
	EcKeyRange rest = *range;
	List *expressions = NIL;
	EcReading reading;

	ec_reading_begin(&reading, side == EC_ROW_OF_SOURCE ? subject->source
														: subject->target);
	for (int i = 0; i < range->count; i++)
	{
		Node *expression = side == EC_ROW_OF_SOURCE
							   ? ec_reading_expression(&reading, subject->target,
													   list_nth(subject->key, i))
							   : ec_reading_column(&reading, range->names[i]);

		ec_reading_select(&reading, expression);
		expressions = lappend(expressions, ec_range_operand(range, i, expression));
	}
	add_order(&reading, range, expressions);
	rest.upper = NULL;
	reading.quals = ec_range_quals(&rest, expressions);
	reading.query->limitOffset = make_count(rows - 1);
	reading.query->limitCount = make_count(1);
	ec_reading_end(&reading, &reads, &is_opaque);
	ec_init_receiver(&receiver.pub, receive_boundary);
	ec_reading_run(&reading, &receiver.pub);
	return receiver.key;
}

static int
compare_keys(const EcKeyRange *range, const Datum *left, const Datum *right)
{
	for (int i = 0; i < range->count; i++)
	{
		TypeCacheEntry *entry = lookup_type_cache(getBaseType(range->types[i]),
												  TYPECACHE_CMP_PROC_FINFO);
		int order = DatumGetInt32(FunctionCall2Coll(&entry->cmp_proc_finfo,
													range->collations[i],
													left[i], right[i]));

		if (order != 0)
			return order;
	}
	return 0;
}

void
ec_range_end(const EcSubject *subject, EcKeyRange *range, int64 rows)
{
	Datum *target = boundary(subject, EC_ROW_OF_TARGET, range, rows);
	Datum *source = ec_is_one_table(subject)
						? NULL
						: boundary(subject, EC_ROW_OF_SOURCE, range, rows);

	if (target == NULL ||
		(source != NULL && compare_keys(range, source, target) < 0))
		range->upper = source;
	else
		range->upper = target;
}

/* ---------------------------------------------------------------- the key */

/*
 * Does the index begin with these columns, in the order that is used for
 * bounds?
 */
static bool
gives_order(Relation index, const EcKeyRange *range, const AttrNumber *columns)
{
	for (int i = 0; i < range->count; i++)
		if (index->rd_index->indkey.values[i] != columns[i] ||
			index->rd_opfamily[i] != btree_of(range, i)->btree_opf ||
			index->rd_indcollation[i] != range->collations[i])
			return false;
	return true;
}

/*
 * Does the relation have an index that returns rows in the order of the
 * columns?
 */
static bool
has_index(Relation relation, const EcKeyRange *range, const AttrNumber *columns)
{
	bool found = false;
	ListCell *cell;

	foreach (cell, RelationGetIndexList(relation))
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);
		Form_pg_index form = index->rd_index;

		if (form->indisvalid && index->rd_rel->relam == BTREE_AM_OID &&
			form->indnkeyatts >= range->count && ec_index_predicate(index) == NIL &&
			gives_order(index, range, columns))
			found = true;
		index_close(index, AccessShareLock);
	}
	return found;
}

static void
check_side(Relation relation, const EcKeyRange *range, const AttrNumber *columns)
{
	TupleDesc desc = RelationGetDescr(relation);

	for (int i = 0; i < range->count; i++)
		if (columns[i] <= 0 || !ec_column_is_not_null(desc, columns[i]))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("a job cannot walk over \"%s\" by this key",
							RelationGetRelationName(relation)),
					 columns[i] <= 0
						 ? errdetail("A column of the key is an expression there.")
						 : errdetail("Column \"%s\" may be null.",
									 NameStr(TupleDescAttr(desc, columns[i] - 1)->attname)),
					 ec_errhint(
						 "Use columns that are not null and have an index; ec_verify and ec_verify_change take any key.")));
	if (!has_index(relation, range, columns))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a job cannot walk over \"%s\" by this key",
						RelationGetRelationName(relation)),
				 errdetail("It has no btree index that begins with the columns of the key, in the order of their types and collations."),
				 ec_errhint(
					 "Create one with CREATE INDEX CONCURRENTLY; ec_verify and ec_verify_change need none.")));
}

/* The source's column that the key's expression is, or 0 if it is none. */
static AttrNumber
plain_column(EcReading *reading, const EcSubject *subject,
			 const EcKeyRange *range, int i)
{
	Node *expression = ec_reading_expression(reading, subject->target,
											 list_nth(subject->key, i));
	Node *node = ec_range_operand(range, i, expression);

	while (IsA(node, RelabelType) || IsA(node, CoerceToDomain))
		node = cast_argument(node);
	return IsA(node, Var) ? ((Var *) node)->varattno : 0;
}

void
ec_range_check(const EcSubject *subject, const EcKeyRange *range)
{
	AttrNumber *columns = palloc_array(AttrNumber, range->count);
	EcReading reading;

	for (int i = 0; i < range->count; i++)
	{
		(void) btree_of(range, i);
		columns[i] =
			get_attnum(RelationGetRelid(subject->target), range->names[i]);
	}
	check_side(subject->target, range, columns);
	if (ec_is_one_table(subject))
		return;
	ec_reading_begin(&reading, subject->source);
	for (int i = 0; i < range->count; i++)
		columns[i] = plain_column(&reading, subject, range, i);
	check_side(subject->source, range, columns);
}

static List *
walk_primary_key(Relation relation)
{
	list_free(RelationGetIndexList(relation)); /* this sets rd_pkindex */
	if (!OidIsValid(relation->rd_pkindex))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a job cannot walk over \"%s\"",
						RelationGetRelationName(relation)),
				 errdetail("It has no primary key."),
				 ec_errhint("Add one; ec_verify and ec_verify_change need none.")));
	return ec_primary_key(relation);
}

void
ec_range_init(EcKeyRange *range, const EcSubject *subject)
{
	List *names = list_copy(subject->walk);
	ListCell *cell;

	if (names == NIL && ec_is_one_table(subject))
		names = walk_primary_key(subject->target);
	foreach (cell, subject->key)
		names = lappend(names, ((EcMappedColumn *) lfirst(cell))->name);
	memset(range, 0, sizeof(*range));
	range->count = list_length(names);
	range->names = palloc_array(char *, range->count);
	range->types = palloc_array(Oid, range->count);
	range->typmods = palloc_array(int32, range->count);
	range->collations = palloc_array(Oid, range->count);
	foreach (cell, names)
	{
		int i = foreach_current_index(cell);
		char *name = lfirst(cell);
		AttrNumber attnum = get_attnum(RelationGetRelid(subject->target), name);

		range->names[i] = name;
		get_atttypetypmodcoll(RelationGetRelid(subject->target), attnum,
							  &range->types[i], &range->typmods[i],
							  &range->collations[i]);
	}
}

/* ---------------------------------------------------------------- bounds as text */

char **
ec_bound_texts(const EcKeyRange *range, const Datum *values)
{
	char **texts;
	int level;

	if (values == NULL)
		return NULL;
	texts = palloc_array(char *, range->count);
	level = ec_pin_output();
	for (int i = 0; i < range->count; i++)
	{
		Oid function;
		bool is_varlena;

		getTypeOutputInfo(range->types[i], &function, &is_varlena);
		texts[i] = OidOutputFunctionCall(function, values[i]);
	}
	AtEOXact_GUC(true, level);
	return texts;
}

Datum *
ec_bound_values(const EcKeyRange *range, char **texts)
{
	Datum *values;
	int level;

	if (texts == NULL)
		return NULL;
	values = palloc_array(Datum, range->count);
	level = ec_pin_output(); /* DateStyle affects input, too */
	for (int i = 0; i < range->count; i++)
	{
		Oid function;
		Oid parameter;

		/* a domain may have got constraints that existing rows violate */
		getTypeInputInfo(getBaseType(range->types[i]), &function, &parameter);
		values[i] = OidInputFunctionCall(function, texts[i], parameter,
										 range->typmods[i]);
	}
	AtEOXact_GUC(true, level);
	return values;
}
