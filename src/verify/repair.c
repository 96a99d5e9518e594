/*
 * repair.c
 *		Writes the SQL that would repair a row, as text for the user.
 *
 * It is never executed here.  If possible, a statement contains the mapping's
 * expression, so that it computes the value from the row as it is when the
 * statement runs.  A constant would restore the value of the time of the
 * comparison.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/catalog.h"
#include "verify/mismatch.h"

/* The expression has been parsed, so it does not end in a comment. */
static void
append_expression(StringInfo sql, const EcMappedColumn *column)
{
	appendStringInfo(sql, "(%s)", column->expression);
}

/* Appends "left = value", exact for all settings and every search_path. */
static void
append_equals(StringInfo sql, const char *left, TupleTableSlot *slot, int position)
{
	Form_pg_attribute attribute =
		TupleDescAttr(slot->tts_tupleDescriptor, position);
	char *text = ec_slot_text(slot, position);

	if (text == NULL)
		appendStringInfo(sql, "%s IS NULL", left);
	else
		appendStringInfo(sql, "%s %s %s::%s", left,
						 ec_equality_name(attribute->atttypid),
						 quote_literal_cstr(text),
						 format_type_extended(attribute->atttypid, attribute->atttypmod,
											  FORMAT_TYPE_TYPEMOD_GIVEN |
												  FORMAT_TYPE_FORCE_QUALIFY));
}

static void
append_row_key(StringInfo sql, const EcRowKey *key, TupleTableSlot *slot)
{
	int first = slot->tts_tupleDescriptor->natts - key->count;
	bool is_first = true;

	for (int i = 0; i < key->count; i++)
	{
		if (strcmp(key->names[i], "tableoid") == 0)
			continue; /* the statement names that table */
		if (!is_first)
			appendStringInfoString(sql, " AND ");
		append_equals(sql, quote_identifier(key->names[i]), slot, first + i);
		is_first = false;
	}
}

/* The row's table, which may be a child of the table that was verified. */
static Oid
table_of_row(const EcRowKey *key, TupleTableSlot *slot)
{
	int first = slot->tts_tupleDescriptor->natts - key->count;

	if (strcmp(key->names[0], "tableoid") != 0)
		return key->relation;
	return DatumGetObjectId(slot->tts_values[first]);
}

static void
append_assignment(StringInfo sql, const EcMappedColumn *column)
{
	appendStringInfo(sql, "%s = ", quote_identifier(column->name));
	append_expression(sql, column);
}

/*
 * UPDATE table SET column = (expression) WHERE key.  If the new columns are
 * right, it sets the old columns by the backward mapping instead.
 */
char *
ec_repair_column(const EcSubject *subject, const EcRowKey *key,
				 TupleTableSlot *slot, const EcMappedColumn *column)
{
	Oid table = table_of_row(key, slot);
	bool has_children = strcmp(key->names[0], "tableoid") == 0;
	StringInfoData sql;
	ListCell *cell;

	if ((subject->new_is_right && subject->backward == NIL) ||
		ec_slot_is_cut(slot, slot->tts_tupleDescriptor->natts - key->count,
					   key->count))
		return NULL;
	initStringInfo(&sql);
	appendStringInfo(&sql, "UPDATE %s%s", has_children ? "ONLY " : "",
					 ec_relation_name(table));
	/* the expression may use the name of the table that was verified */
	if (table != key->relation)
		appendStringInfo(&sql, " AS %s",
						 quote_identifier(RelationGetRelationName(subject->target)));
	appendStringInfoString(&sql, " SET ");
	if (subject->new_is_right)
		foreach (cell, subject->backward)
		{
			if (foreach_current_index(cell) > 0)
				appendStringInfoString(&sql, ", ");
			append_assignment(&sql, lfirst(cell));
		}
	else
		append_assignment(&sql, column);
	appendStringInfoString(&sql, " WHERE ");
	append_row_key(&sql, key, slot);
	return sql.data;
}

/* ---------------------------------------------------------------- two tables */

/* The direction of a repair. */
typedef struct Flow
{
	const EcSubject *subject;
	EcRowSide right; /* the side that is read; both may be the same table */
	Relation read;
	Relation written;
	TupleTableSlot *slot; /* contains the key's values ... */
	int first;            /* ... starting at this position */
} Flow;

/*
 * Chooses the direction: from the side that is right to the other.  Returns
 * false if there is no mapping in that direction, or if the row's key is too
 * long to be written into a statement.
 */
static bool
begin_flow(Flow *flow, const EcSubject *subject, TupleTableSlot *slot, int first)
{
	flow->subject = subject;
	flow->right = subject->new_is_right ? EC_ROW_OF_TARGET : EC_ROW_OF_SOURCE;
	flow->read = subject->new_is_right ? subject->target : subject->source;
	flow->written = subject->new_is_right ? subject->source : subject->target;
	flow->slot = slot;
	flow->first = first;
	return (!subject->new_is_right || subject->backward != NIL) &&
		   !ec_slot_is_cut(slot, first, list_length(subject->key));
}

/*
 * Appends " WHERE key", with the target's columns or their expressions over
 * the source.
 */
static void
append_where(StringInfo sql, const Flow *flow, EcRowSide side)
{
	ListCell *cell;

	foreach (cell, flow->subject->key)
	{
		EcMappedColumn *column = lfirst(cell);
		int i = foreach_current_index(cell);

		appendStringInfoString(sql, i == 0 ? " WHERE " : " AND ");
		append_equals(sql,
					  side == EC_ROW_OF_TARGET
						  ? quote_identifier(column->name)
						  : psprintf("(%s)", column->expression),
					  flow->slot, flow->first + i);
	}
}

static EcRowSide
wrong_side(const Flow *flow)
{
	return flow->right == EC_ROW_OF_SOURCE ? EC_ROW_OF_TARGET : EC_ROW_OF_SOURCE;
}

static char *
table_name(Relation table)
{
	return ec_relation_name(RelationGetRelid(table));
}

/* "(expression), ... FROM read WHERE key" */
static void
append_reading(StringInfo sql, const Flow *flow, List *columns)
{
	ListCell *cell;

	foreach (cell, columns)
	{
		if (foreach_current_index(cell) > 0)
			appendStringInfoString(sql, ", ");
		append_expression(sql, lfirst(cell));
	}
	appendStringInfo(sql, " FROM %s", table_name(flow->read));
	append_where(sql, flow, flow->right);
}

static char *
names_of(List *columns)
{
	StringInfoData names;
	ListCell *cell;

	initStringInfo(&names);
	foreach (cell, columns)
	{
		EcMappedColumn *column = lfirst(cell);

		appendStringInfo(&names, "%s%s", foreach_current_index(cell) > 0 ? ", " : "",
						 quote_identifier(column->name));
	}
	return names.data;
}

/* UPDATE written SET column = (SELECT (expression) FROM read WHERE key) WHERE key */
char *
ec_repair_different(const EcSubject *subject, TupleTableSlot *slot, int first,
					EcMappedColumn *column)
{
	List *columns = subject->new_is_right ? subject->backward : list_make1(column);
	Flow flow;
	StringInfoData sql;

	if (!begin_flow(&flow, subject, slot, first))
		return NULL;
	initStringInfo(&sql);
	appendStringInfo(&sql,
					 list_length(columns) == 1 ? "UPDATE %s SET %s = (SELECT "
											   : "UPDATE %s SET (%s) = (SELECT ",
					 table_name(flow.written), names_of(columns));
	append_reading(&sql, &flow, columns);
	appendStringInfoChar(&sql, ')');
	append_where(&sql, &flow, wrong_side(&flow));
	return sql.data;
}

static Form_pg_attribute
written_column(const Flow *flow, const EcMappedColumn *column)
{
	return TupleDescAttr(RelationGetDescr(flow->written), column->attnum - 1);
}

/* INSERT INTO written (columns) SELECT (expression), ... FROM read WHERE key */
static char *
insert_row(const Flow *flow)
{
	const EcSubject *subject = flow->subject;
	List *columns = NIL;
	bool overriding = false;
	StringInfoData sql;
	ListCell *cell;

	foreach (cell, subject->new_is_right
					   ? subject->backward
					   : list_concat_copy(subject->key, subject->columns))
	{
		EcMappedColumn *column = lfirst(cell);

		/* generated columns cannot be inserted */
		if (written_column(flow, column)->attgenerated)
			continue;
		overriding |= written_column(flow, column)->attidentity ==
					  ATTRIBUTE_IDENTITY_ALWAYS;
		columns = lappend(columns, column);
	}
	initStringInfo(&sql);
	appendStringInfo(&sql, "INSERT INTO %s (%s)%s SELECT ",
					 table_name(flow->written), names_of(columns),
					 overriding ? " OVERRIDING SYSTEM VALUE" : "");
	append_reading(&sql, flow, columns);
	return sql.data;
}

/* DELETE FROM written WHERE key */
static char *
delete_row(const Flow *flow)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "DELETE FROM %s", table_name(flow->written));
	append_where(&sql, flow, wrong_side(flow));
	return sql.data;
}

char *
ec_repair_one_sided(const EcSubject *subject, EcRowSide side,
					TupleTableSlot *slot, int first)
{
	Flow flow;

	if (!begin_flow(&flow, subject, slot, first))
		return NULL;
	return side == flow.right ? insert_row(&flow) : delete_row(&flow);
}
