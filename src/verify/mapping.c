/*
 * mapping.c
 *		{"target_column": "SQL expression over the source row"}, as far as it
 *		can be checked without parsing SQL.
 */
#include "postgres.h"

#include "access/attnum.h"
#include "access/genam.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/relcache.h"

#include "verify/compare.h"

#define MAPPING_HINT                                                           \
	"A mapping looks like {\"email\": \"lower(legacy_email)\"}."

static void
refuse_mapping(const char *message, const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", message),
					errdetail("%s", detail), errhint(MAPPING_HINT)));
}

static AttrNumber
column_number(Relation relation, const char *name)
{
	AttrNumber attnum = get_attnum(RelationGetRelid(relation), name);

	if (attnum == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist", name,
						RelationGetRelationName(relation)),
				 errdetail("A key of the mapping must be a column to compare."),
				 errhint(MAPPING_HINT)));
	if (attnum < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
						errmsg("system column \"%s\" cannot be verified", name),
						errdetail("The server sets system columns itself."),
						errhint("Name a column of the table \"%s\" in the mapping.",
								RelationGetRelationName(relation))));
	return attnum;
}

static int
by_attnum(const ListCell *left, const ListCell *right)
{
	const EcMappedColumn *left_column = lfirst(left);
	const EcMappedColumn *right_column = lfirst(right);

	return left_column->attnum - right_column->attnum;
}

static char *
string_of(const JsonbValue *value)
{
	return pnstrdup(value->val.string.val, value->val.string.len);
}

List *
ec_mapping_columns(Relation relation, const Jsonb *mapping)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue part;
	EcMappedColumn *column = NULL;
	List *columns = NIL;

	if (!JB_ROOT_IS_OBJECT(mapping))
		refuse_mapping("mapping must be a JSON object",
					   JB_ROOT_IS_SCALAR(mapping) ? "It is a single value."
												  : "It is an array.");
	iterator = JsonbIteratorInit(unconstify(JsonbContainer *, &mapping->root));
	while ((token = JsonbIteratorNext(&iterator, &part, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			column = palloc0_object(EcMappedColumn);
			column->name = string_of(&part);
			column->attnum = column_number(relation, column->name);
		}
		else if (token == WJB_VALUE)
		{
			if (part.type != jbvString)
				refuse_mapping("values of a mapping must be strings",
							   psprintf("The value for \"%s\" is not.",
										column->name));
			column->expression = string_of(&part);
			columns = lappend(columns, column);
		}
	}
	if (columns == NIL)
		refuse_mapping("mapping must not be empty",
					   "It names no column to compare.");
	list_sort(columns, by_attnum);
	return columns;
}

List *
ec_primary_key(Relation relation)
{
	List *names = NIL;
	Relation index;

	list_free(RelationGetIndexList(relation)); /* finds it */
	if (!OidIsValid(relation->rd_pkindex))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" has no primary key",
						RelationGetRelationName(relation)),
				 errdetail("Rows of two tables are matched by key."),
				 errhint("Say which columns find a row, as in key => '{id}'.")));
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
			 errhint("Name the target's columns that find a row, as in key => '{id}'.")));
}

static List *
names_in(ArrayType *array)
{
	List *names = NIL;
	Datum *elements;
	bool *nulls;
	int count;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements,
					  &nulls, &count);
	if (count == 0)
		refuse_key("key must not be empty", "It names no column.");
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			refuse_key("key must not contain null", "Each element names a column.");
		names = lappend(names, TextDatumGetCString(elements[i]));
	}
	return names;
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
	column->attnum = column_number(subject->target, name);
	foreach (cell, subject->key)
	{
		EcMappedColumn *other = lfirst(cell);

		if (other->attnum == column->attnum)
			refuse_key("key must not name a column twice",
					   psprintf("\"%s\" is there twice.", name));
	}
	if (get_attnum(RelationGetRelid(subject->source), name) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("no expression for key column \"%s\"", name),
				 errdetail("The mapping does not name it, and \"%s\" has no column of that name.",
						   RelationGetRelationName(subject->source)),
				 errhint("Add to the mapping what the column is in \"%s\".",
						 RelationGetRelationName(subject->source))));
	column->expression = pstrdup(quote_identifier(name));
	return column;
}

void
ec_mapping_take_key(EcSubject *subject, ArrayType *names)
{
	ListCell *cell;

	foreach (cell, names ? names_in(names) : ec_primary_key(subject->target))
	{
		char *name = lfirst(cell);
		EcMappedColumn *column = take_column(&subject->columns, name);

		if (column == NULL)
			column = same_column(subject, name);
		subject->key = lappend(subject->key, column);
	}
}
