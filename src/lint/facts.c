/*
 * facts.c
 *		Reads a relation's columns, constraints and indexes from the catalog.
 *
 * The role that lints may have more rights than the owner of the table.  So no
 * user-defined function runs here, not even an immutable one.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "core/compat.h"
#include "lint/world.h"

static List *
numbers_of(HeapTuple tuple, TupleDesc columns, int column)
{
	bool isnull;
	Datum value = heap_getattr(tuple, column, columns, &isnull);
	List *numbers = NIL;
	ArrayType *array;

	if (isnull)
		return NIL;
	array = DatumGetArrayTypeP(value);
	for (int i = 0; i < ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)); i++)
		numbers = lappend_int(numbers, ((int16 *) ARR_DATA_PTR(array))[i]);
	return numbers;
}

static List *
oids_of(HeapTuple tuple, TupleDesc columns, int column)
{
	bool isnull;
	Datum value = heap_getattr(tuple, column, columns, &isnull);
	List *oids = NIL;
	ArrayType *array;

	if (isnull)
		return NIL;
	array = DatumGetArrayTypeP(value);
	for (int i = 0; i < ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)); i++)
		oids = lappend_oid(oids, ((Oid *) ARR_DATA_PTR(array))[i]);
	return oids;
}

static void
load_columns(EcRelation *relation)
{
	HeapTuple class = SearchSysCache1(RELOID, ObjectIdGetDatum(relation->oid));
	int count;

	if (!HeapTupleIsValid(class))
		return;
	count = ((Form_pg_class) GETSTRUCT(class))->relnatts;
	ReleaseSysCache(class);
	for (AttrNumber number = 1; number <= count; number++)
	{
		HeapTuple tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relation->oid),
										  Int16GetDatum(number));
		Form_pg_attribute form;
		EcColumn *column;

		if (!HeapTupleIsValid(tuple))
			continue;
		form = (Form_pg_attribute) GETSTRUCT(tuple);
		if (!form->attisdropped)
		{
			column = palloc0(sizeof(EcColumn));
			column->name = pstrdup(NameStr(form->attname));
			column->number = number;
			column->type = form->atttypid;
			column->typmod = form->atttypmod;
			column->collation = form->attcollation;
			column->is_not_null = form->attnotnull;
			column->has_default = form->atthasdef;
			column->is_identity = form->attidentity != '\0';
			column->generated = form->attgenerated;
			column->is_inherited = form->attinhcount > 0;
			relation->columns = lappend(relation->columns, column);
		}
		ReleaseSysCache(tuple);
	}
}

EcColumn *
ec_column_numbered(EcRelation *relation, AttrNumber number)
{
	ListCell *cell;

	foreach (cell, relation->columns)
	{
		EcColumn *column = lfirst(cell);

		if (column->number == number)
			return column;
	}
	return NULL;
}

/* Removes the offset FirstLowInvalidHeapAttributeNumber from the members. */
static Bitmapset *
columns_in_analysed(Node *expression)
{
	Bitmapset *bits = NULL;
	Bitmapset *columns = NULL;
	int bit = -1;

	pull_varattnos(expression, 1, &bits);
	while ((bit = bms_next_member(bits, bit)) >= 0)
	{
		int number = bit + FirstLowInvalidHeapAttributeNumber;

		if (number > 0)
			columns = bms_add_member(columns, number);
	}
	return columns;
}

static EcConstraint *
read_constraint(EcWorld *world, HeapTuple tuple, TupleDesc catalog)
{
	Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);
	EcConstraint *constraint = palloc0(sizeof(EcConstraint));
	Datum condition;
	bool isnull;
	ListCell *cell;

	constraint->name = pstrdup(NameStr(form->conname));
	constraint->oid = form->oid;
	constraint->type = form->contype;
	constraint->is_valid = form->convalidated;
#if PG_VERSION_NUM >= 180000
	constraint->is_enforced = form->conenforced;
#else
	constraint->is_enforced = true;
#endif
	constraint->is_local = form->conislocal;
	constraint->no_inherit = form->connoinherit;
	constraint->index = form->conindid;
	constraint->keys = numbers_of(tuple, catalog, Anum_pg_constraint_conkey);
	foreach (cell, constraint->keys)
	{
		if (lfirst_int(cell) > 0)
			constraint->columns =
				bms_add_member(constraint->columns, lfirst_int(cell));
	}
	if (form->contype == CONSTRAINT_FOREIGN)
	{
		constraint->referenced = ec_world_relation(world, form->confrelid);
		constraint->referenced_keys =
			numbers_of(tuple, catalog, Anum_pg_constraint_confkey);
		constraint->operators =
			oids_of(tuple, catalog, Anum_pg_constraint_conpfeqop);
	}
	condition = heap_getattr(tuple, Anum_pg_constraint_conbin, catalog, &isnull);
	if (!isnull)
	{
		constraint->check = stringToNode(TextDatumGetCString(condition));
		constraint->columns = columns_in_analysed(constraint->check);
	}
	return constraint;
}

static void
load_constraints(EcWorld *world, EcRelation *relation)
{
	Relation catalog = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyData key[1];
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key[0], Anum_pg_constraint_conrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relation->oid));
	scan = systable_beginscan(catalog, ConstraintRelidTypidNameIndexId, true,
							  NULL, 1, key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		EcConstraint *constraint =
			read_constraint(world, tuple, RelationGetDescr(catalog));

		relation->constraints = lappend(relation->constraints, constraint);
		/* Since version 18 a NOT NULL constraint may be NOT VALID. */
		if (constraint->type == EC_CONSTRAINT_NOTNULL &&
			!constraint->is_valid && constraint->keys != NIL)
		{
			EcColumn *column =
				ec_column_numbered(relation, linitial_int(constraint->keys));

			if (column != NULL)
				column->is_not_null = false;
		}
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
}

static void
read_index_expressions(EcIndex *index, HeapTuple tuple, TupleDesc catalog)
{
	static const int columns[] = {Anum_pg_index_indexprs, Anum_pg_index_indpred};

	for (int i = 0; i < lengthof(columns); i++)
	{
		bool isnull;
		Datum value = heap_getattr(tuple, columns[i], catalog, &isnull);

		if (isnull)
			continue;
		if (columns[i] == Anum_pg_index_indpred)
			index->is_partial = true;
		index->in_expressions = bms_add_members(index->in_expressions,
												columns_in_analysed(stringToNode(
													TextDatumGetCString(value))));
	}
}

static EcIndex *
read_index(HeapTuple tuple, TupleDesc catalog)
{
	Form_pg_index form = (Form_pg_index) GETSTRUCT(tuple);
	EcIndex *index = palloc0(sizeof(EcIndex));
	HeapTuple class = SearchSysCache1(RELOID, ObjectIdGetDatum(form->indexrelid));
	bool isnull;
	oidvector *opclasses = (oidvector *) DatumGetPointer(
		heap_getattr(tuple, Anum_pg_index_indclass, catalog, &isnull));
	oidvector *collations = (oidvector *) DatumGetPointer(
		heap_getattr(tuple, Anum_pg_index_indcollation, catalog, &isnull));

	index->oid = form->indexrelid;
	index->is_unique = form->indisunique;
	if (HeapTupleIsValid(class))
	{
		index->name =
			pstrdup(NameStr(((Form_pg_class) GETSTRUCT(class))->relname));
		index->method = ((Form_pg_class) GETSTRUCT(class))->relam;
		ReleaseSysCache(class);
	}
	else
		index->name = pstrdup("");
	for (int i = 0; i < form->indnkeyatts; i++)
	{
		index->keys = lappend_int(index->keys, form->indkey.values[i]);
		index->opclasses = lappend_oid(index->opclasses, opclasses->values[i]);
		index->collations = lappend_oid(index->collations, collations->values[i]);
	}
	/* INCLUDE columns are handled as key columns without an operator class. */
	for (int i = form->indnkeyatts; i < form->indnatts; i++)
	{
		index->keys = lappend_int(index->keys, form->indkey.values[i]);
		index->opclasses = lappend_oid(index->opclasses, InvalidOid);
		index->collations = lappend_oid(index->collations, InvalidOid);
	}
	read_index_expressions(index, tuple, catalog);
	return index;
}

static void
load_indexes(EcRelation *relation)
{
	Relation catalog = table_open(IndexRelationId, AccessShareLock);
	ScanKeyData key[1];
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key[0], Anum_pg_index_indrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relation->oid));
	scan = systable_beginscan(catalog, IndexIndrelidIndexId, true, NULL, 1, key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		relation->indexes = lappend(relation->indexes,
									read_index(tuple, RelationGetDescr(catalog)));
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
}

void
ec_load_facts(EcWorld *world, EcRelation *relation)
{
	if (relation->is_loaded)
		return;
	relation->is_loaded = true;
	load_columns(relation);
	load_constraints(world, relation);
	load_indexes(relation);
}

EcColumn *
ec_find_column(EcWorld *world, EcRelation *relation, const char *name)
{
	ListCell *cell;

	if (relation == NULL || name == NULL)
		return NULL;
	ec_load_facts(world, relation);
	foreach (cell, relation->columns)
	{
		EcColumn *column = lfirst(cell);

		if (strcmp(column->name, name) == 0)
			return column;
	}
	return NULL;
}

EcConstraint *
ec_find_constraint(EcWorld *world, EcRelation *relation, const char *name)
{
	ListCell *cell;

	if (relation == NULL || name == NULL)
		return NULL;
	ec_load_facts(world, relation);
	foreach (cell, relation->constraints)
	{
		EcConstraint *constraint = lfirst(cell);

		if (strcmp(constraint->name, name) == 0)
			return constraint;
	}
	return NULL;
}

EcConstraint *
ec_not_null_of(EcRelation *relation, const EcColumn *column)
{
	ListCell *cell;

	foreach (cell, relation->constraints)
	{
		EcConstraint *constraint = lfirst(cell);

		if (constraint->type == EC_CONSTRAINT_NOTNULL &&
			list_member_int(constraint->keys, column->number))
			return constraint;
	}
	return NULL;
}

EcIndex *
ec_find_index(EcWorld *world, EcRelation *relation, const char *name)
{
	ListCell *cell;

	if (relation == NULL || name == NULL)
		return NULL;
	ec_load_facts(world, relation);
	foreach (cell, relation->indexes)
	{
		EcIndex *index = lfirst(cell);

		if (strcmp(index->name, name) == 0)
			return index;
	}
	return NULL;
}

/*
 * Finds them by the triggers that foreign keys of other tables have created on
 * the relation.
 */
List *
ec_inbound_keys(EcWorld *world, EcRelation *relation)
{
	Relation catalog;
	ScanKeyData key[1];
	SysScanDesc scan;
	HeapTuple tuple;
	List *keys = NIL;
	List *seen = NIL;

	if (!OidIsValid(relation->oid))
		return NIL;
	catalog = table_open(TriggerRelationId, AccessShareLock);
	ScanKeyInit(&key[0], Anum_pg_trigger_tgrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relation->oid));
	scan = systable_beginscan(catalog, TriggerRelidNameIndexId, true, NULL, 1, key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);

		if (RI_FKey_trigger_type(form->tgfoid) == RI_TRIGGER_PK &&
			OidIsValid(form->tgconstraint))
			seen = list_append_unique_oid(seen, form->tgconstraint);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	for (int i = 0; i < list_length(seen); i++)
	{
		HeapTuple found =
			SearchSysCache1(CONSTROID, ObjectIdGetDatum(list_nth_oid(seen, i)));
		EcInboundKey *inbound;
		EcRelation *referencing;
		char *name;

		if (!HeapTupleIsValid(found))
			continue;
		referencing =
			ec_world_relation(world,
							  ((Form_pg_constraint) GETSTRUCT(found))->conrelid);
		name = pstrdup(NameStr(((Form_pg_constraint) GETSTRUCT(found))->conname));
		ReleaseSysCache(found);
		inbound = palloc0(sizeof(EcInboundKey));
		inbound->relation = referencing;
		inbound->constraint = ec_find_constraint(world, referencing, name);
		if (inbound->constraint != NULL && !referencing->is_dropped)
			keys = lappend(keys, inbound);
	}
	return keys;
}

/*
 * True if a valid CHECK implies that the column is not NULL; if negated,
 * whether its violation does.  The server's own prover would evaluate constant
 * parts of the condition and so run functions of the table's owner as the
 * calling role.  The condition is analysed, or a raw parse tree if it comes
 * from the script.
 */
static bool
implies_not_null(Node *check, const EcColumn *column, bool negated)
{
	if (IsA(check, NullTest))
	{
		NullTest *test = castNode(NullTest, check);
		Node *argument = (Node *) test->arg;

		if (test->nulltesttype != (negated ? IS_NULL : IS_NOT_NULL) || test->argisrow)
			return false;
		if (IsA(argument, Var))
			return castNode(Var, argument)->varattno == column->number;
		return IsA(argument, ColumnRef) &&
			   IsA(llast(castNode(ColumnRef, argument)->fields), String) &&
			   strcmp(strVal(llast(castNode(ColumnRef, argument)->fields)),
					  column->name) == 0;
	}
	if (IsA(check, BoolExpr))
	{
		BoolExpr *condition = castNode(BoolExpr, check);
		bool one_is_enough = (condition->boolop == AND_EXPR) != negated;
		ListCell *cell;

		if (condition->boolop == NOT_EXPR)
			return implies_not_null(linitial(condition->args), column, !negated);
		foreach (cell, condition->args)
		{
			if (implies_not_null(lfirst(cell), column, negated) == one_is_enough)
				return one_is_enough;
		}
		return !one_is_enough;
	}
	return false;
}

bool
ec_is_proven_not_null(EcWorld *world, EcRelation *relation, EcColumn *column)
{
	ListCell *cell;

	ec_load_facts(world, relation);
	if (column->is_not_null)
		return true;
	foreach (cell, relation->constraints)
	{
		EcConstraint *constraint = lfirst(cell);

		if (constraint->type == 'c' && constraint->is_valid &&
			constraint->check != NULL &&
			implies_not_null(constraint->check, column, false))
			return true;
	}
	return false;
}

typedef struct ColumnsIn
{
	EcWorld *world;
	EcRelation *relation;
	Bitmapset *columns;
} ColumnsIn;

static bool
note_column(Node *node, void *context)
{
	ColumnsIn *found = context;

	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
	{
		List *fields = castNode(ColumnRef, node)->fields;
		EcColumn *column = IsA(llast(fields), String)
							   ? ec_find_column(found->world, found->relation,
												strVal(llast(fields)))
							   : NULL;

		if (column != NULL)
			found->columns = bms_add_member(found->columns, column->number);
		return false;
	}
	return raw_expression_tree_walker(node, note_column, context);
}

Bitmapset *
ec_columns_in(EcWorld *world, EcRelation *relation, Node *raw_expression)
{
	ColumnsIn found = {world, relation, NULL};

	(void) note_column(raw_expression, &found);
	return found.columns;
}
