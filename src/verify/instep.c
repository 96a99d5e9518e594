/*
 * instep.c
 *		Decides whether a row is right although it differs from the mapping.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "nodes/primnodes.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

#include "core/hint.h"
#include "core/rights.h"
#include "verify/instep.h"

/*
 * ec_hasher_init would raise an error, too, but its hint (add a COLLATE
 * clause) does not apply to a column.
 */
static Oid
collation_of(Form_pg_attribute attribute, bool by_image)
{
	if (!OidIsValid(attribute->attcollation) ||
		get_collation_isdeterministic(attribute->attcollation))
		return attribute->attcollation;
	if (by_image)
		return C_COLLATION_OID;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("nondeterministic collations are not supported by ec_verify"),
			 errdetail("Column \"%s\" has collation \"%s\", under which different strings are equal.",
					   NameStr(attribute->attname),
					   get_collation_name(attribute->attcollation)),
			 ec_errhint(
				 "Compare ec_checksum of the column and of the expression, each with COLLATE \"C\".")));
	return InvalidOid; /* keep the compiler quiet */
}

static void
find_constant_default(Relation relation, EcComparedColumn *column)
{
	Node *expression = build_column_default(relation, column->mapped->attnum);
	Const *constant;
	EcRights outer;

	if (expression == NULL)
		return;
	/*
	 * the table's owner has written the default, so evaluate it with his
	 * rights
	 */
	ec_become(&outer, relation->rd_rel->relowner);
	expression = eval_const_expressions(NULL, expression);
	ec_become_caller(&outer);
	constant = (Const *) expression;
	if (!IsA(expression, Const) || constant->constisnull)
		return;
	column->has_default = true;
	column->default_value = constant->constvalue;
}

EcComparedColumn *
ec_compared_columns(Relation relation, List *columns, bool by_image)
{
	EcComparedColumn *result =
		palloc0_array(EcComparedColumn, list_length(columns));
	ListCell *cell;

	foreach (cell, columns)
	{
		EcComparedColumn *column = &result[foreach_current_index(cell)];
		Form_pg_attribute attribute;

		column->mapped = lfirst(cell);
		attribute =
			TupleDescAttr(RelationGetDescr(relation), column->mapped->attnum - 1);
		ec_hasher_init(&column->hasher, attribute->atttypid,
					   collation_of(attribute, by_image), CurrentMemoryContext);
		ec_equality_init(&column->equality, &column->hasher);
		if (!attribute->attgenerated)
			find_constant_default(relation, column);
	}
	return result;
}

bool
ec_cells_differ(EcComparedColumn *column, const EcCells *left,
				const EcCells *right, int i)
{
	int at_left = left->first + i * left->stride;
	int at_right = right->first + i * right->stride;
	bool null_left = left->nulls[at_left];
	bool null_right = right->nulls[at_right];

	if (null_left || null_right)
		return null_left != null_right;
	return !ec_equal(&column->equality, left->values[at_left],
					 right->values[at_right]);
}

static bool
is_unset(EcComparedColumn *column, const EcCells *cells, int i)
{
	int at = cells->first + i * cells->stride;

	return cells->nulls[at] ||
		   (column->has_default && ec_equal(&column->equality, cells->values[at],
											column->default_value));
}

bool
ec_backward_explains(EcComparedColumn *columns, int count, const EcCells *new_values,
					 EcComparedColumn *old_columns, int old_count,
					 const EcCells *old_values, const EcCells *computed)
{
	bool all_unset = true;

	if (old_count == 0)
		return false;
	for (int i = 0; i < count && all_unset; i++)
		all_unset = is_unset(&columns[i], new_values, i);
	if (all_unset)
		return false;
	for (int i = 0; i < old_count; i++)
		if (ec_cells_differ(&old_columns[i], old_values, computed, i))
			return false;
	return true;
}
