/*
 * copy_statement.c
 *		Builds the statements of a copy.
 *
 * In all of them the source has the alias "source" and the target the alias
 * "target", and the expressions of the mapping qualify every column.  A row is
 * to be done as long as a search in the other table finds no row for it.
 *
 * In batches the searches are scalar sub-selects.  The planner does not turn
 * these into joins, so each row is searched with an index.  The check of all
 * rows after a sweep uses NOT EXISTS instead, which the planner may turn into
 * a join.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"

#include "backfill/copy/copy_statement.h"
#include "core/catalog.h"
#include "core/planned.h"
#include "expand_contract.h"

static void
append_column(StringInfo sql, const char *table, const EcCopyColumn *column)
{
	appendStringInfo(sql, "%s.%s", table, quote_identifier(column->name));
}

static void
append_columns(StringInfo sql, const EcCopy *copy)
{
	for (int i = 0; i < copy->count; i++)
		appendStringInfo(sql, "%s%s", i > 0 ? ", " : "",
						 quote_identifier(copy->columns[i].name));
}

/*
 * Appends a condition that a column outside of the key has another image than
 * in "excluded", or than the value of its expression.
 */
static void
append_differs(StringInfo sql, const EcCopy *copy, bool from_excluded)
{
	for (int i = copy->key_count; i < copy->count; i++)
	{
		const EcCopyColumn *column = &copy->columns[i];

		appendStringInfo(sql, "%sexpand_contract.differs(",
						 i > copy->key_count ? " OR " : "");
		append_column(sql, EC_COPY_TARGET, column);
		appendStringInfoString(sql, ", ");
		if (from_excluded)
			append_column(sql, "excluded", column);
		else
			appendStringInfoString(sql, column->expression);
		appendStringInfoChar(sql, ')');
	}
}

/*
 * Appends the search for a row of the target that is as it should be for the
 * source's row.
 */
static void
append_search_of_target(StringInfo sql, const EcCopy *copy)
{
	appendStringInfo(sql, "FROM %s AS " EC_COPY_TARGET " WHERE ",
					 ec_relation_name(copy->target));
	for (int i = 0; i < copy->key_count; i++)
	{
		if (i > 0)
			appendStringInfoString(sql, " AND ");
		append_column(sql, EC_COPY_TARGET, &copy->columns[i]);
		appendStringInfo(sql, " %s (%s)", copy->columns[i].equal,
						 copy->columns[i].expression);
	}
	if (copy->repair && copy->count > copy->key_count)
	{
		appendStringInfoString(sql, " AND NOT (");
		append_differs(sql, copy, false);
		appendStringInfoChar(sql, ')');
	}
}

/*
 * Appends the search for a row of the source with the key of the target's row.
 */
static void
append_search_of_source(StringInfo sql, const EcCopy *copy)
{
	appendStringInfo(sql, "FROM %s AS " EC_COPY_SOURCE " WHERE ",
					 ec_relation_name(copy->source));
	for (int i = 0; i < copy->key_count; i++)
	{
		appendStringInfo(sql, "%s(%s) %s ", i > 0 ? " AND " : "",
						 copy->columns[i].search, copy->columns[i].equal);
		append_column(sql, EC_COPY_TARGET, &copy->columns[i]);
	}
}

void
ec_copy_begin_stage(EcBackfill *backfill, int stage)
{
	const EcCopy *copy = backfill->copy;
	StringInfoData search;

	initStringInfo(&search);
	if (stage == EC_COPY_WRITE)
		append_search_of_target(&search, copy);
	else
		append_search_of_source(&search, copy);
	backfill->stage = stage;
	backfill->swept_name = stage == EC_COPY_WRITE ? NULL : copy->target_name;
	backfill->alias = stage == EC_COPY_WRITE ? EC_COPY_SOURCE : EC_COPY_TARGET;
	backfill->predicate = psprintf("(SELECT true %s LIMIT 1) IS NULL", search.data);
	backfill->any_predicate = psprintf("NOT EXISTS (SELECT %s)", search.data);
}

int
ec_copy_last_stage(const EcBackfill *backfill)
{
	return backfill->copy->repair ? EC_COPY_DELETE : EC_COPY_WRITE;
}

/*
 * DISTINCT ON, because a statement cannot write two rows with the same key;
 * the check after the sweep finds such rows and raises an error.  The ORDER BY
 * makes all workers write rows in the order of their keys, so that they do not
 * deadlock.
 */
static void
append_insert(StringInfo sql, Oid swept, const EcCopy *copy, const char *condition)
{
	appendStringInfo(sql, "INSERT INTO %s AS " EC_COPY_TARGET " (",
					 ec_relation_name(copy->target));
	append_columns(sql, copy);
	/* an identity column gets the mapping's value */
	appendStringInfoString(sql, ") OVERRIDING SYSTEM VALUE\nSELECT DISTINCT ON (");
	for (int i = 0; i < copy->key_count; i++)
		appendStringInfo(sql, "%s%d", i > 0 ? ", " : "", i + 1);
	appendStringInfoString(sql, ") ");
	for (int i = 0; i < copy->count; i++)
		appendStringInfo(sql, "%s%s", i > 0 ? ", " : "",
						 copy->columns[i].expression);
	appendStringInfo(sql, " FROM ONLY %s AS " EC_COPY_SOURCE "%s ORDER BY ",
					 ec_relation_name(swept), condition);
	for (int i = 0; i < copy->key_count; i++)
		appendStringInfo(sql, "%s%d", i > 0 ? ", " : "", i + 1);
}

/*
 * With COLLATE, because a conflict in a unique index with another collation is
 * a conflict with a different row, and must raise an error.
 */
static void
append_on_conflict(StringInfo sql, const EcCopy *copy)
{
	appendStringInfoString(sql, "\nON CONFLICT (");
	for (int i = 0; i < copy->key_count; i++)
	{
		const EcCopyColumn *column = &copy->columns[i];

		appendStringInfo(sql, "%s%s", i > 0 ? ", " : "",
						 quote_identifier(column->name));
		if (column->collation != NULL)
			appendStringInfo(sql, " COLLATE %s", column->collation);
	}
	if (!copy->repair || copy->count == copy->key_count)
	{
		appendStringInfoString(sql, ") DO NOTHING");
		return;
	}
	appendStringInfoString(sql, ") DO UPDATE SET ");
	for (int i = copy->key_count; i < copy->count; i++)
	{
		const char *name = quote_identifier(copy->columns[i].name);

		appendStringInfo(sql, "%s%s = excluded.%s",
						 i > copy->key_count ? ", " : "", name, name);
	}
	/* do not write a row that a dual write has made equal since */
	appendStringInfoString(sql, " WHERE ");
	append_differs(sql, copy, true);
}

char *
ec_copy_write_statement(Oid swept, const EcBackfill *backfill, const char *condition)
{
	StringInfoData sql;

	initStringInfo(&sql);
	if (backfill->stage == EC_COPY_DELETE)
	{
		appendStringInfo(&sql, "DELETE FROM ONLY %s AS " EC_COPY_TARGET "%s",
						 ec_relation_name(swept), condition);
		return sql.data;
	}
	append_insert(&sql, swept, backfill->copy, condition);
	append_on_conflict(&sql, backfill->copy);
	return sql.data;
}

/*
 * Finds rows of the source with the same key; returns their number and the
 * key.
 */
static char *
duplicates_statement(const EcCopy *copy)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT pg_catalog.count(*)");
	for (int i = 0; i < copy->key_count; i++)
		appendStringInfo(&sql, ", %s AS %s", copy->columns[i].expression,
						 quote_identifier(copy->columns[i].name));
	appendStringInfo(&sql, " FROM %s AS " EC_COPY_SOURCE " GROUP BY ",
					 ec_relation_name(copy->source));
	for (int i = 0; i < copy->key_count; i++)
		appendStringInfo(&sql, "%s%d", i > 0 ? ", " : "", i + 2);
	appendStringInfoString(&sql,
						   " HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1 LIMIT 1");
	return sql.data;
}

/* Two rows with the same key would overwrite each other again and again. */
void
ec_refuse_duplicates(const EcCopy *copy)
{
	StringInfoData names;
	StringInfoData values;
	TupleTableSlot *row =
		ec_first_row_planned(duplicates_statement(copy), EC_OWN_SEARCH_PATH);

	if (row == NULL)
		return;
	initStringInfo(&names);
	initStringInfo(&values);
	for (int i = 0; i < copy->key_count; i++)
	{
		char *value = ec_planned_text(row, i + 2);

		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "",
						 quote_identifier(copy->columns[i].name));
		appendStringInfo(&values, "%s%s", i > 0 ? ", " : "", value ? value : "null");
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 errmsg("rows of %s have the same key in %s",
					ec_relation_name(copy->source), ec_relation_name(copy->target)),
			 errdetail("Key (%s)=(%s) belongs to %s rows.", names.data,
					   values.data, ec_planned_text(row, 1)),
			 errhint("Map the key to an expression that is unique for each row of the source.")));
}

void
ec_refuse_unstable_copy(const EcCopy *copy, const char *example)
{
	ereport(ERROR,
			(errcode(EC_ERRCODE_NOT_CONVERGING),
			 errmsg("copy does not converge: a row in the target differs from what was just written"),
			 errdetail("Row %s.", example),
			 errhint("A trigger on %s changes what is written. Leave the columns that it sets out of the mapping, or change the trigger.",
					 ec_relation_name(copy->target))));
}
