/*
 * copy_key.c
 *		Finds the key that identifies rows in a copy: a unique index of the
 *		target.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/nbtree.h"
#include "catalog/pg_am.h"
#include "catalog/pg_index.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "nodes/primnodes.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "backfill/copy/copy_key.h"
#include "core/catalog.h"
#include "core/compat.h"
#include "core/mapping.h"
#include "core/unique_key.h"

static Bitmapset *
columns_of(Relation index)
{
	Bitmapset *columns = NULL;

	for (int i = 0; i < index->rd_index->indnkeyatts; i++)
		columns = bms_add_member(columns, index->rd_index->indkey.values[i]);
	return columns;
}

static void
read_key(Relation index, EcCopyKey *key)
{
	key->count = index->rd_index->indnkeyatts;
	key->is_deterministic = true;
	for (int i = 0; i < key->count; i++)
	{
		Oid collation = index->rd_indcollation[i];

		key->numbers[i] = index->rd_index->indkey.values[i];
		key->families[i] = index->rd_opfamily[i];
		key->equals[i] = ec_index_operator_name(index, i, BTEqualStrategyNumber);
		key->befores[i] = ec_index_operator_name(index, i, BTLessStrategyNumber);
		key->afters[i] = ec_index_operator_name(index, i, BTGreaterStrategyNumber);
		key->collations[i] = ec_collation_name(collation);
		if (OidIsValid(collation) && !get_collation_isdeterministic(collation))
			key->is_deterministic = false;
	}
}

static bool
find_index(Relation target, Bitmapset *columns, EcCopyKey *key)
{
	ListCell *cell;

	foreach (cell, RelationGetIndexList(target))
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);
		bool found = ec_is_unique_key(index) &&
					 index->rd_index->indnkeyatts == bms_num_members(columns) &&
					 bms_equal(columns_of(index), columns);

		if (found)
			read_key(index, key);
		index_close(index, NoLock);
		if (found)
			return true;
	}
	return false;
}

static Bitmapset *
primary_key(Relation target)
{
	Bitmapset *columns = NULL;

	(void) RelationGetIndexList(target);
	if (OidIsValid(target->rd_pkindex))
	{
		Relation index = index_open(target->rd_pkindex, AccessShareLock);

		columns = columns_of(index);
		index_close(index, NoLock);
	}
	if (columns == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" has no primary key",
						RelationGetRelationName(target)),
				 errdetail("A copy identifies rows by a key, by default the target's primary key."),
				 errhint("Give the columns of another unique index, as in key => '{id}'.")));
	return columns;
}

static Bitmapset *
columns_by_name(Relation target, List *names)
{
	Bitmapset *columns = NULL;
	ListCell *cell;

	foreach (cell, names)
	{
		const char *name = lfirst(cell);
		AttrNumber number = get_attnum(RelationGetRelid(target), name);

		if (number <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of relation \"%s\" does not exist",
							name, RelationGetRelationName(target)),
					 errdetail("The argument key names columns of the target."),
					 errhint("Give the columns of a unique index of it.")));
		if (bms_is_member(number, columns))
			ereport(ERROR, (errcode(ERRCODE_DUPLICATE_COLUMN),
							errmsg("column \"%s\" appears twice in the key", name),
							errhint("Name each column once.")));
		columns = bms_add_member(columns, number);
	}
	return columns;
}

static char *
list_columns(Relation target, Bitmapset *columns)
{
	StringInfoData text;
	int number = -1;

	initStringInfo(&text);
	while ((number = bms_next_member(columns, number)) >= 0)
		appendStringInfo(&text, "%s%s", text.len > 0 ? ", " : "",
						 quote_identifier(get_attname(RelationGetRelid(target),
													  number, false)));
	return text.data;
}

static bool
is_mapped(List *columns, AttrNumber number)
{
	ListCell *cell;

	foreach (cell, columns)
		if (((EcMappedColumn *) lfirst(cell))->attnum == number)
			return true;
	return false;
}

void
ec_find_copy_key(Relation target, List *names, List *columns, EcCopyKey *key)
{
	Bitmapset *wanted =
		names == NIL ? primary_key(target) : columns_by_name(target, names);

	if (!find_index(target, wanted, key))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
				 errmsg("no unique index of table \"%s\" is over the key (%s)",
						RelationGetRelationName(target),
						list_columns(target, wanted)),
				 errdetail("The index must be over exactly these columns, valid, and neither deferrable nor partial."),
				 errhint("CREATE UNIQUE INDEX CONCURRENTLY ON %s (%s).",
						 ec_relation_name(RelationGetRelid(target)),
						 list_columns(target, wanted))));
	for (int i = 0; i < key->count; i++)
	{
		char *name = get_attname(RelationGetRelid(target), key->numbers[i], false);

		if (!ec_column_is_not_null(RelationGetDescr(target), key->numbers[i]))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("column \"%s\" of the key can be null", name),
					 errdetail("Rows of \"%s\" with a null could not be told apart.",
							   RelationGetRelationName(target)),
					 errhint("ALTER TABLE %s ALTER COLUMN %s SET NOT NULL, or choose another key.",
							 ec_relation_name(RelationGetRelid(target)),
							 quote_identifier(name))));
		if (!is_mapped(columns, key->numbers[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("mapping has no expression for the key column \"%s\"", name),
					 errdetail("The key of table \"%s\" is (%s).",
							   RelationGetRelationName(target),
							   list_columns(target, wanted)),
					 errhint("Add one to the mapping, or choose another key.")));
	}
}

int
ec_copy_key_place(const EcCopyKey *key, AttrNumber number)
{
	for (int i = 0; i < key->count; i++)
		if (key->numbers[i] == number)
			return i;
	return -1;
}

static int
integer_width(Oid type)
{
	return type == INT2OID ? 2 : type == INT4OID ? 4 : type == INT8OID ? 8 : 0;
}

Node *
ec_copy_search_expression(Node *expression)
{
	FuncExpr *function = (FuncExpr *) expression;

	if (IsA(expression, FuncExpr) && list_length(function->args) == 1 &&
		IsA(linitial(function->args), Var))
	{
		Var *column = linitial(function->args);
		int width = integer_width(column->vartype);

		if (width > 0 && width < integer_width(function->funcresulttype) &&
			function->funcformat != COERCE_EXPLICIT_CALL)
			return (Node *) column;
	}
	return expression;
}

/*
 * The position in the key whose expression is this column of the source, or
 * -1.
 */
static int
place_of_column(const EcCopyKey *key, Node **expressions, AttrNumber number,
				Oid family)
{
	for (int i = 0; i < key->count; i++)
	{
		Node *expression = ec_copy_search_expression(expressions[i]);

		if (IsA(expression, RelabelType))
			expression = (Node *) ((RelabelType *) expression)->arg;
		if (IsA(expression, Var) && ((Var *) expression)->varattno == number &&
			key->families[i] == family)
			return i;
	}
	return -1;
}

bool
ec_keys_are_unique(Relation source, const EcCopyKey *key, Node **expressions)
{
	ListCell *cell;

	/* an index does not cover inheritance children */
	if (!key->is_deterministic || (source->rd_rel->relkind == RELKIND_RELATION &&
								   source->rd_rel->relhassubclass))
		return false;
	foreach (cell, RelationGetIndexList(source))
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);
		bool found = ec_is_unique_key(index);

		for (int i = 0; found && i < index->rd_index->indnkeyatts; i++)
			found = place_of_column(key, expressions,
									index->rd_index->indkey.values[i],
									index->rd_opfamily[i]) >= 0;
		index_close(index, NoLock);
		if (found)
			return true;
	}
	return false;
}
