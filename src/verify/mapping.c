/*
 * mapping.c
 *		{"target_column": "SQL expression over the source row"}, as far as it
 *		can be checked without parsing SQL.
 */
#include "postgres.h"

#include "access/attnum.h"
#include "catalog/pg_attribute.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"

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
