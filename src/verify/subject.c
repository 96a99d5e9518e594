/*
 * subject.c
 *		Finds the key by which rows of two tables are matched.
 */
#include "postgres.h"

#include "access/genam.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/relcache.h"

#include "verify/subject.h"

List *
ec_primary_key(Relation relation)
{
	List *names = NIL;
	Relation index;

	list_free(RelationGetIndexList(relation)); /* this sets rd_pkindex */
	if (!OidIsValid(relation->rd_pkindex))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" has no primary key",
						RelationGetRelationName(relation)),
				 errdetail("Rows of two tables are matched by key."),
				 errhint("Name the columns that identify a row, as in key => '{id}'.")));
	index = index_open(relation->rd_pkindex, AccessShareLock);
	for (int i = 0; i < index->rd_index->indnkeyatts; i++)
		names =
			lappend(names, get_attname(RelationGetRelid(relation),
									   index->rd_index->indkey.values[i], false));
	index_close(index, NoLock);
	return names;
}

static void
refuse_key(const char *message, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", message),
			 errdetail("%s", detail),
			 errhint("Name the target's columns that identify a row, as in key => '{id}'.")));
}

static EcMappedColumn *
take_column(List **columns, const char *name)
{
	ListCell *cell;

	foreach (cell, *columns)
	{
		EcMappedColumn *column = lfirst(cell);

		if (strcmp(column->name, name) == 0)
		{
			*columns = foreach_delete_current(*columns, cell);
			return column;
		}
	}
	return NULL;
}

static EcMappedColumn *
same_column(EcSubject *subject, char *name)
{
	EcMappedColumn *column = palloc0_object(EcMappedColumn);
	ListCell *cell;

	column->name = name;
	column->attnum = ec_mapping_attnum(subject->target, name);
	foreach (cell, subject->key)
	{
		EcMappedColumn *other = lfirst(cell);

		if (other->attnum == column->attnum)
			refuse_key("key must not name a column twice",
					   psprintf("\"%s\" is named twice.", name));
	}
	if (get_attnum(RelationGetRelid(subject->source), name) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("no expression for key column \"%s\"", name),
				 errdetail("The mapping does not name it, and \"%s\" has no column of that name.",
						   RelationGetRelationName(subject->source)),
				 errhint("Add an expression over table \"%s\" for the column to the mapping.",
						 RelationGetRelationName(subject->source))));
	column->expression = pstrdup(quote_identifier(name));
	return column;
}

void
ec_match_by(EcSubject *subject, List *names)
{
	ListCell *cell;

	foreach (cell, names)
	{
		EcMappedColumn *column = take_column(&subject->columns, lfirst(cell));

		if (column == NULL)
			elog(ERROR, "no expression for key column \"%s\"",
				 (char *) lfirst(cell));
		subject->key = lappend(subject->key, column);
	}
}

void
ec_mapping_take_key(EcSubject *subject, List *names)
{
	ListCell *cell;

	foreach (cell, names ? names : ec_primary_key(subject->target))
	{
		char *name = lfirst(cell);
		EcMappedColumn *column = take_column(&subject->columns, name);

		if (column == NULL)
			column = same_column(subject, name);
		subject->key = lappend(subject->key, column);
	}
}
