/*
 * old_columns.c
 *		Determines which columns of a change contraction will remove.
 */
#include "postgres.h"

#include "nodes/value.h"
#include "utils/lsyscache.h"

#include "dualwrite/old_columns.h"

/*
 * '{*}' means the whole table only for a change with a target; otherwise it
 * means a column named "*".
 */
static bool
asks_for_table(const EcChange *change)
{
	return OidIsValid(change->target) && list_length(change->old_columns) == 1 &&
		   strcmp(linitial(change->old_columns), "*") == 0;
}

void
ec_check_old_columns(const EcChange *change, Relation relation, Bitmapset *new_columns)
{
	ListCell *cell;

	if (asks_for_table(change))
		return;
	foreach (cell, change->old_columns)
	{
		AttrNumber attnum = get_attnum(change->relation, lfirst(cell));

		if (attnum <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of relation \"%s\" does not exist",
							(char *) lfirst(cell), RelationGetRelationName(relation)),
					 errdetail("It is named by argument \"old_columns\"."),
					 OidIsValid(change->target)
						 ? errhint("Name the columns that the contraction shall remove, or '{*}' for the whole table.")
						 : errhint("Name the columns that the contraction shall remove.")));
		if (bms_is_member(attnum, new_columns))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" is new in this change, not old",
							(char *) lfirst(cell)),
					 errdetail("The mapping \"forward\" writes it."),
					 errhint("Name the columns that the contraction shall remove.")));
	}
}

static bool
is_of_relation(const EcChange *change, const EcChangeColumn *column)
{
	return !OidIsValid(change->target) || column->side != EC_SIDE_NEW;
}

static bool
is_named(const EcChange *change, const char *name)
{
	ListCell *cell;

	foreach (cell, change->old_columns)
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	return false;
}

static bool
is_known(const EcChange *change, AttrNumber attnum)
{
	ListCell *cell;

	foreach (cell, change->columns)
	{
		EcChangeColumn *column = lfirst(cell);

		if (is_of_relation(change, column) && column->attnum == attnum)
			return true;
	}
	return false;
}

void
ec_mark_old_columns(EcChange *change, Relation relation, Bitmapset *moved,
					bool moves_all)
{
	TupleDesc columns = RelationGetDescr(relation);
	ListCell *cell;

	change->whole_table =
		change->old_columns == NIL ? moves_all : asks_for_table(change);
	foreach (cell, change->columns)
	{
		EcChangeColumn *column = lfirst(cell);

		column->goes =
			is_of_relation(change, column) &&
			(change->whole_table ||
			 (change->old_columns == NIL ? bms_is_member(column->attnum, moved)
										 : is_named(change, column->name)));
	}
	change->unmapped = NIL;
	for (int i = 0; i < columns->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(columns, i);
		EcChangeColumn *column;

		if (attribute->attisdropped || is_known(change, attribute->attnum) ||
			!(change->whole_table || is_named(change, NameStr(attribute->attname))))
			continue;
		column = palloc0_object(EcChangeColumn);
		column->side = EC_SIDE_UNMAPPED;
		column->attnum = attribute->attnum;
		column->name = pstrdup(NameStr(attribute->attname));
		column->goes = true;
		change->unmapped = lappend(change->unmapped, column);
	}
}

bool
ec_same_old_columns(const EcChange *known, const EcChange *asked)
{
	List *columns = list_concat_copy(known->columns, known->unmapped);
	List *names = NIL;
	ListCell *cell;

	/* Columns chosen by default were fixed at the registration. */
	if (asked->old_columns == NIL && OidIsValid(asked->target))
		return true;
	if (known->whole_table || asks_for_table(asked))
		return known->whole_table && asks_for_table(asked);
	foreach (cell, columns)
	{
		EcChangeColumn *column = lfirst(cell);

		if (!is_of_relation(known, column))
			continue;
		if (column->goes !=
			(asked->old_columns == NIL
				 ? column->side == EC_SIDE_OLD && column->expression != NULL
				 : is_named(asked, column->name)))
			return false;
		names = lappend(names, makeString(column->name));
	}
	foreach (cell, asked->old_columns)
		if (!list_member(names, makeString(lfirst(cell))))
			return false;
	return true;
}
