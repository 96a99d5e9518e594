/*
 * unique_key.c
 *		Finds the unique indexes whose columns identify a row.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "catalog/pg_am.h"
#include "catalog/pg_index.h"
#include "catalog/pg_operator.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "core/compat.h"
#include "core/unique_key.h"

bool
ec_is_unique_key(Relation index)
{
	Form_pg_index form = index->rd_index;

	return form->indisunique && form->indimmediate && form->indisvalid &&
		   index->rd_rel->relam == BTREE_AM_OID &&
		   heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL) &&
		   heap_attisnull(index->rd_indextuple, Anum_pg_index_indexprs, NULL);
}

/*
 * Returns the attribute numbers of the index whose columns are all NOT
 * NULL, by valid constraints; NIL if the index is no such key.
 */
static List *
key_columns(Relation relation, Relation index)
{
	List *columns = NIL;

	if (!ec_is_unique_key(index))
		return NIL;
	for (int i = 0; i < index->rd_index->indnkeyatts; i++)
	{
		AttrNumber number = index->rd_index->indkey.values[i];

		if (number <= 0 ||
			!ec_column_is_not_null(RelationGetDescr(relation), number))
			return NIL;
		columns = lappend_int(columns, number);
	}
	return columns;
}

List *
ec_find_keys(Relation relation)
{
	List *keys = NIL;
	ListCell *cell;

	foreach (cell, RelationGetIndexList(relation))
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);
		List *key = key_columns(relation, index);

		if (key != NIL)
			keys = index->rd_index->indisprimary ? lcons(key, keys)
												 : lappend(keys, key);
		index_close(index, NoLock);
	}
	return keys;
}

char *
ec_index_operator_name(Relation index, int i, StrategyNumber strategy)
{
	Oid type = index->rd_opcintype[i];
	Oid oid = get_opfamily_member(index->rd_opfamily[i], type, type, strategy);
	HeapTuple tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(oid));
	Form_pg_operator form;
	char *name;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	form = (Form_pg_operator) GETSTRUCT(tuple);
	name = psprintf("OPERATOR(%s.%s)",
					quote_identifier(get_namespace_name(form->oprnamespace)),
					NameStr(form->oprname));
	ReleaseSysCache(tuple);
	return name;
}
