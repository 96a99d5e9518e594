/*
 * old_shape.c
 *		The old shape of a change, which contraction removes.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/relcache.h"
#include "utils/rel.h"

#include "access/table.h"
#include "lifecycle/old_shape.h"

static Bitmapset *
all_columns(Oid relation_oid)
{
	Relation relation = try_table_open(relation_oid, AccessShareLock);
	Bitmapset *columns = NULL;

	if (relation == NULL)
		return NULL;
	for (int i = 0; i < RelationGetNumberOfAttributes(relation); i++)
		if (!TupleDescAttr(RelationGetDescr(relation), i)->attisdropped)
			columns = bms_add_member(columns, i + 1);
	table_close(relation, NoLock);
	return columns;
}

List *
ec_columns_to_remove(const EcChange *change)
{
	List *known = list_concat_copy(change->columns, change->unmapped);
	List *columns = NIL;
	ListCell *cell;

	foreach (cell, known)
	{
		EcChangeColumn *column = lfirst(cell);

		if (column->goes && column->attnum > 0)
			columns = lappend(columns, column);
	}
	return columns;
}

Bitmapset *
ec_old_columns(const EcChange *change)
{
	Bitmapset *columns = NULL;
	ListCell *cell;

	if (change->whole_table)
		return all_columns(change->relation);
	foreach (cell, ec_columns_to_remove(change))
	{
		columns =
			bms_add_member(columns, ((EcChangeColumn *) lfirst(cell))->attnum);
	}
	return columns;
}

ArrayType *
ec_old_column_names(const EcChange *change)
{
	Bitmapset *columns = ec_old_columns(change);
	Datum *names = palloc(sizeof(Datum) * Max(1, bms_num_members(columns)));
	int count = 0;
	int attnum = -1;

	while ((attnum = bms_next_member(columns, attnum)) >= 0)
		names[count++] =
			CStringGetTextDatum(get_attname(change->relation, attnum, false));
	return construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT);
}

Datum
ec_old_column_numbers(const EcChange *change)
{
	Bitmapset *columns = ec_old_columns(change);
	Datum *numbers = palloc(sizeof(Datum) * Max(1, bms_num_members(columns)));
	int count = 0;
	int attnum = -1;

	while ((attnum = bms_next_member(columns, attnum)) >= 0)
		numbers[count++] = Int16GetDatum(attnum);
	return PointerGetDatum(construct_array(numbers, count, INT2OID,
										   sizeof(int16), true, TYPALIGN_SHORT));
}
