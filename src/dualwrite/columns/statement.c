/*
 * statement.c
 *		Builds the SQL that brings rows of a change in step.
 *
 * Values are compared by image, as in the trigger, so that afterwards the
 * stored value is exactly what the mapping yields.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"

#include "core/pinned.h"
#include "dualwrite/columns/compiled.h"
#include "dualwrite/mapping.h"
#include "dualwrite/columns/statement.h"
#include "expand_contract.h"

static char *
deparse(Relation relation, Node *expression)
{
	return deparse_expression(expression,
							  deparse_context_for(RelationGetRelationName(relation),
												  RelationGetRelid(relation)),
							  false, false);
}

static char *
column_type(Form_pg_attribute column)
{
	return format_type_extended(column->atttypid, column->atttypmod,
								FORMAT_TYPE_TYPEMOD_GIVEN |
									FORMAT_TYPE_FORCE_QUALIFY);
}

/*
 * Appends "the column is NULL or equal to its constant default".  Where names
 * are kept, the new column gets a default only when applications write it.
 */
static void
append_unset(StringInfo sql, Relation relation, Form_pg_attribute column,
			 bool keeps_names)
{
	const char *name = quote_identifier(NameStr(column->attname));
	Node *value =
		keeps_names ? NULL : build_column_default(relation, column->attnum);

	if (value == NULL || contain_mutable_functions(value) ||
		contain_var_clause(value))
		appendStringInfo(sql, "%s IS NULL", name);
	else
		appendStringInfo(sql, "(%s IS NULL OR NOT expand_contract.differs(%s, CAST(%s AS %s)))",
						 name, name, deparse(relation, value), column_type(column));
}

/* the parts of which ec_change_sql builds its result */
typedef struct Parts
{
	StringInfoData assignments[2]; /* of each side: EC_SIDE_OLD, EC_SIDE_NEW */
	StringInfoData differs[2];     /* "a column of the side differs from the
								    * mapping's result" */
	StringInfoData unset;          /* "all new columns are unset" */
	List *read_back;               /* of ReadBack */
	List *set;                     /* of NewValue */
	bool keeps_names;
} Parts;

/* an old column that is computed from new ones */
typedef struct ReadBack
{
	const char *name;
	Bitmapset *reads; /* offset by FirstLowInvalidHeapAttributeNumber */
} ReadBack;

/* a new column, for "it is set, and to something else than forward yields" */
typedef struct NewValue
{
	AttrNumber attnum;
	char *is_unset;
	char *differs;
} NewValue;

static const char *
separator(StringInfo text, const char *word)
{
	return text->len > 0 ? word : "";
}

static void
add_column(Parts *parts, Relation relation, const EcChangeColumn *known,
		   AttrNumber attnum, List *names)
{
	Form_pg_attribute column =
		TupleDescAttr(RelationGetDescr(relation), attnum - 1);
	const char *name = quote_identifier(NameStr(column->attname));
	StringInfo assignments = &parts->assignments[known->side];
	StringInfo differs = &parts->differs[known->side];
	Node *node = ec_mapping_reparse(relation, names, relation, attnum, known);
	char *expression = ec_mapping_write(relation, node, known->name);
	char *not_as_mapped = psprintf("expand_contract.differs(%s, CAST(%s AS %s))",
								   name, expression, column_type(column));

	appendStringInfo(assignments, "%s%s = %s", separator(assignments, ", "),
					 name, expression);
	appendStringInfo(differs, "%s%s", separator(differs, " OR "), not_as_mapped);
	if (known->side == EC_SIDE_NEW)
	{
		NewValue *value = palloc(sizeof(NewValue));
		StringInfoData is_unset;

		initStringInfo(&is_unset);
		append_unset(&is_unset, relation, column, parts->keeps_names);
		appendStringInfo(&parts->unset, "%s%s",
						 separator(&parts->unset, " AND "), is_unset.data);
		value->attnum = attnum;
		value->is_unset = is_unset.data;
		value->differs = not_as_mapped;
		parts->set = lappend(parts->set, value);
	}
	else
	{
		ReadBack *back = palloc(sizeof(ReadBack));

		back->name = name;
		back->reads = NULL;
		pull_varattnos(node, 1, &back->reads);
		parts->read_back = lappend(parts->read_back, back);
	}
}

/*
 * Selects the rows for which a revert would lose something.  There are two
 * cases: the row is in step in neither direction; or a new column is set,
 * forward would not yield its value, and every old column computed from it is
 * NULL, or there is none.  forward is evaluated last, since it may fail for a
 * row that was written through the new columns.
 */
static char *
only_new(const Parts *parts)
{
	StringInfoData sql;
	ListCell *cell;

	initStringInfo(&sql);
	if (parts->read_back != NIL)
		appendStringInfo(&sql, "CASE WHEN (%s) AND NOT (%s) THEN %s ELSE false END",
						 parts->differs[EC_SIDE_OLD].data, parts->unset.data,
						 parts->differs[EC_SIDE_NEW].data);
	foreach (cell, parts->set)
	{
		NewValue *value = lfirst(cell);
		ListCell *other;

		appendStringInfo(&sql, "%sCASE WHEN NOT %s", separator(&sql, " OR "),
						 psprintf("(%s)", value->is_unset));
		foreach (other, parts->read_back)
		{
			ReadBack *back = lfirst(other);

			if (bms_is_member(value->attnum - FirstLowInvalidHeapAttributeNumber,
							  back->reads))
				appendStringInfo(&sql, " AND %s IS NULL", back->name);
		}
		appendStringInfo(&sql, " THEN %s ELSE false END", value->differs);
	}
	return sql.data;
}

static void
refuse_missing(Relation relation, const EcChange *change)
{
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
					errmsg("a column of change \"%s\" does not exist any more",
						   change->name),
					errdetail("Table \"%s\" lost it after ec_expand.",
							  RelationGetRelationName(relation)),
					errhint("Restore it, or end the change.")));
}

/*
 * Restricts a condition to rows without an entry in the queue.  A repair would
 * undo the queued write and close the entry, while reconciling knows which
 * side is newer.  The queue is checked first, because the condition may fail
 * for such a row as the write did.  It is checked a second time for a row that
 * was written after the statement began.
 */
static char *
not_in_queue(Relation relation, const EcChange *change,
			 const AttrNumber *attnums, const char *condition)
{
	StringInfoData names;
	StringInfoData values;
	char *name;
	ListCell *cell;

	initStringInfo(&names);
	initStringInfo(&values);
	foreach (cell, change->columns)
	{
		EcChangeColumn *column = lfirst(cell);
		AttrNumber attnum = attnums[foreach_current_index(cell)];

		if (column->key_position == 0)
			continue;
		appendStringInfo(&names, "%s%s", separator(&names, ", "),
						 quote_literal_cstr(column->name));
		appendStringInfo(&values, ", %s",
						 quote_identifier(NameStr(
							 TupleDescAttr(RelationGetDescr(relation), attnum - 1)
								 ->attname)));
	}
	if (names.len == 0)
		return psprintf("(%s)", condition);
	name = quote_literal_cstr(change->name);
	return psprintf("CASE WHEN expand_contract.is_queued(%s, false, ARRAY[%s]::pg_catalog.text[]%s) THEN false"
					" WHEN %s"
					" THEN NOT expand_contract.is_queued(%s, true, ARRAY[%s]::pg_catalog.text[]%s)"
					" ELSE false END",
					name, names.data, values.data, condition, name, names.data,
					values.data);
}

void
ec_change_sql(Relation relation, const EcChange *change, bool forward,
			  EcChangeSql *sql)
{
	AttrNumber *attnums =
		palloc0(sizeof(AttrNumber) * (list_length(change->columns) + 1));
	EcSide side = forward ? EC_SIDE_NEW : EC_SIDE_OLD;
	int guc_level = ec_pin_text();
	List *names;
	Parts parts = {.keeps_names = change->kept_names != NULL};
	ListCell *cell;
	int i = 0;

	if (!ec_change_find_columns(relation, change, attnums))
		refuse_missing(relation, change);
	names = ec_change_names(relation, change, attnums);
	for (EcSide each = EC_SIDE_OLD; each <= EC_SIDE_NEW; each++)
	{
		initStringInfo(&parts.assignments[each]);
		initStringInfo(&parts.differs[each]);
	}
	initStringInfo(&parts.unset);
	foreach (cell, change->columns)
	{
		EcChangeColumn *known = lfirst(cell);

		if (known->expression != NULL)
			add_column(&parts, relation, known, attnums[i], names);
		i++;
	}
	AtEOXact_GUC(false, guc_level);

	sql->assignments = parts.assignments[side].data;
	sql->fill = psprintf("(%s) AND (%s)", parts.unset.data,
						 parts.differs[EC_SIDE_NEW].data);
	sql->not_in_step =
		ec_has_backward(change)
			? psprintf("(%s) AND ((%s) OR %s)", parts.differs[EC_SIDE_NEW].data,
					   parts.unset.data, parts.differs[EC_SIDE_OLD].data)
			: parts.differs[EC_SIDE_NEW].data;
	sql->only_new = only_new(&parts);
	/*
	 * If the new columns were never filled, they say nothing about the old
	 * ones.
	 */
	sql->repair =
		not_in_queue(relation, change, attnums,
					 forward ? sql->not_in_step
							 : psprintf("(%s) AND NOT (%s)", sql->not_in_step,
										parts.unset.data));
}
