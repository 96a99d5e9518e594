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
		appendStringInfo(sql, "%s = %s::%s", left, quote_literal_cstr(text),
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

	if (subject->new_is_right && subject->backward == NIL)
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

/* Two tables: the key's values are in the slot from a position on. */
static void
append_target_key(StringInfo sql, const EcSubject *subject,
				  TupleTableSlot *slot, int first)
{
	ListCell *cell;

	foreach (cell, subject->key)
	{
		EcMappedColumn *column = lfirst(cell);
		int i = foreach_current_index(cell);

		if (i > 0)
			appendStringInfoString(sql, " AND ");
		append_equals(sql, quote_identifier(column->name), slot, first + i);
	}
}

static void
append_source_key(StringInfo sql, const EcSubject *subject,
				  TupleTableSlot *slot, int first)
{
	ListCell *cell;

	foreach (cell, subject->key)
	{
		EcMappedColumn *column = lfirst(cell);
		int i = foreach_current_index(cell);
		StringInfoData expression;

		initStringInfo(&expression);
		append_expression(&expression, column);
		if (i > 0)
			appendStringInfoString(sql, " AND ");
		append_equals(sql, expression.data, slot, first + i);
	}
}

/* UPDATE target SET column = (SELECT (expression) FROM source WHERE key) WHERE key */
char *
ec_repair_different(const EcSubject *subject, TupleTableSlot *slot, int first,
					const EcMappedColumn *column)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "UPDATE %s SET %s = (SELECT ",
					 ec_relation_name(RelationGetRelid(subject->target)),
					 quote_identifier(column->name));
	append_expression(&sql, column);
	appendStringInfo(&sql, " FROM %s WHERE ",
					 ec_relation_name(RelationGetRelid(subject->source)));
	append_source_key(&sql, subject, slot, first);
	appendStringInfoString(&sql, ") WHERE ");
	append_target_key(&sql, subject, slot, first);
	return sql.data;
}

static bool
is_identity_always(Relation relation, const EcMappedColumn *column)
{
	return TupleDescAttr(RelationGetDescr(relation), column->attnum - 1)->attidentity ==
		   ATTRIBUTE_IDENTITY_ALWAYS;
}

/* INSERT INTO target (columns) SELECT (expression), ... FROM source WHERE key */
char *
ec_repair_missing(const EcSubject *subject, TupleTableSlot *slot, int first)
{
	const char *separator = "";
	bool overriding = false;
	StringInfoData names;
	StringInfoData values;
	StringInfoData sql;
	ListCell *cell;

	initStringInfo(&names);
	initStringInfo(&values);
	foreach (cell, list_concat_copy(subject->key, subject->columns))
	{
		EcMappedColumn *column = lfirst(cell);

		/* a generated column comes by itself */
		if (TupleDescAttr(RelationGetDescr(subject->target), column->attnum - 1)->attgenerated)
			continue;
		overriding |= is_identity_always(subject->target, column);
		appendStringInfo(&names, "%s%s", separator, quote_identifier(column->name));
		appendStringInfoString(&values, separator);
		append_expression(&values, column);
		separator = ", ";
	}
	initStringInfo(&sql);
	appendStringInfo(&sql, "INSERT INTO %s (%s)%s SELECT %s FROM %s WHERE ",
					 ec_relation_name(RelationGetRelid(subject->target)), names.data,
					 overriding ? " OVERRIDING SYSTEM VALUE" : "", values.data,
					 ec_relation_name(RelationGetRelid(subject->source)));
	append_source_key(&sql, subject, slot, first);
	return sql.data;
}

/* DELETE FROM target WHERE key */
char *
ec_repair_extra(const EcSubject *subject, TupleTableSlot *slot, int first)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "DELETE FROM %s WHERE ",
					 ec_relation_name(RelationGetRelid(subject->target)));
	append_target_key(&sql, subject, slot, first);
	return sql.data;
}
