/*
 * key_index.c
 *		Chooses the key in whose order a table is read.
 *
 * It is the key of the primary key's index, or of another unique index over
 * columns that are not null.  The order is that of the index, with its
 * operators, collations and directions.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/nbtree.h"
#include "access/relation.h"
#include "catalog/pg_am.h"
#include "catalog/pg_index.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "backfill/key_index.h"
#include "core/catalog.h"
#include "core/compat.h"
#include "core/expression.h"
#include "core/unique_key.h"

static bool
set_key_column(Relation relation, Relation index, int i, EcKeyColumn *column)
{
	AttrNumber number = index->rd_index->indkey.values[i];
	int16 option = index->rd_indoption[i];
	bool descending = (option & INDOPTION_DESC) != 0;
	Form_pg_attribute attribute;

	if (number <= 0)
		return false;
	attribute = TupleDescAttr(RelationGetDescr(relation), number - 1);
	if (!ec_column_is_not_null(RelationGetDescr(relation), number) ||
		attribute->attcollation != index->rd_indcollation[i])
		return false;
	/* comparison operators for enums do not accept domains over enums */
	if (get_typtype(attribute->atttypid) == TYPTYPE_DOMAIN &&
		type_is_enum(getBaseType(attribute->atttypid)))
		return false;
	column->number = number;
	column->name = pstrdup(quote_identifier(NameStr(attribute->attname)));
	column->type = attribute->atttypid;
	column->collation = ec_collation_name(attribute->attcollation);
	column->nulls_first = (option & INDOPTION_NULLS_FIRST) != 0;
	column->before = ec_index_operator_name(index, i,
											descending ? BTGreaterStrategyNumber
													   : BTLessStrategyNumber);
	column->after = ec_index_operator_name(index, i,
										   descending ? BTLessStrategyNumber
													  : BTGreaterStrategyNumber);
	column->equal = ec_index_operator_name(index, i, BTEqualStrategyNumber);
	return column->before && column->after && column->equal;
}

static bool
read_key(Relation relation, Oid oid, EcKey *key)
{
	Relation index = relation_open(oid, AccessShareLock);
	bool usable = ec_is_unique_key(index);

	key->index = oid;
	key->count = index->rd_index->indnkeyatts;
	for (int i = 0; usable && i < key->count; i++)
		usable = set_key_column(relation, index, i, &key->columns[i]);
	relation_close(index, NoLock);
	return usable;
}

/* Finds the primary key, or else the first suitable unique index. */
static bool
find_key(Relation relation, EcKey *key)
{
	List *indexes = RelationGetIndexList(relation);
	ListCell *cell;

	if (OidIsValid(relation->rd_pkindex) &&
		read_key(relation, relation->rd_pkindex, key))
		return true;
	foreach (cell, indexes)
		if (read_key(relation, lfirst_oid(cell), key))
			return true;
	return false;
}

void
ec_need_key(Relation relation, EcKey *key)
{
	if (!find_key(relation, key))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" has no key that a job could follow",
						RelationGetRelationName(relation)),
				 errdetail("It needs a primary key, or a unique index that is valid, not deferrable and not partial, over columns that are NOT NULL and of no domain over an enum."),
				 errhint("Create one, or for a heap table use method => 'blocks'.")));
}

void
ec_key_check(Relation relation)
{
	EcKey key;

	ec_need_key(relation, &key);
}
