/*
 * repair.c
 *		The SQL that would put a row right, as text, for somebody to read.
 *
 * It is never executed here.  Where it can, a statement computes the value
 * from the row as it will be by then, with the mapping's own expression, so
 * that it does not bring back what was there when the row was looked at.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/catalog.h"
#include "verify/mismatch.h"

/* It was parsed, so it leaves no comment open. */
static void
append_expression(StringInfo sql, const EcMappedColumn *column)
{
	appendStringInfo(sql, "(%s)", column->expression);
}

/* "left = value", exact whatever the settings and the search_path. */
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
			continue; /* the statement names the table */
		if (!is_first)
			appendStringInfoString(sql, " AND ");
		append_equals(sql, quote_identifier(key->names[i]), slot, first + i);
		is_first = false;
	}
}

/* The table that the row is in, where that is not the one that was verified. */
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
 * UPDATE table SET column = (expression) WHERE key; or, where the new columns
 * are right, the old ones as the mapping back has them.
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
	/* the expression may name the table */
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

/* What a repair writes, and from where. */
typedef struct Flow
{
	const EcSubject *subject;
	EcRowSide right; /* that is read; the two may be one table */
	Relation read;
	Relation written;
	TupleTableSlot *slot; /* the key's values are in it */
	int first;            /* from this position on */
} Flow;

/*
 * From the side that is right to the other; false if nothing maps that way, or
 * the row's key is too long to be written out.
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

/* " WHERE key": the target's columns, or what they are in the source. */
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

		/* a generated column comes by itself */
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
