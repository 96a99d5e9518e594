/*
 * own_table.c
 *		Finds the extension's own tables for C code that reads them without the
 *		executor.
 */
#include "postgres.h"

#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "utils/lsyscache.h"

#include "core/catalog.h"
#include "core/own_table.h"
#include "core/query.h"

Oid
ec_own_table(const char *name)
{
	EcExtension extension;
	Oid schema;
	Oid table;

	if (!ec_extension_is_ready(&extension))
		return InvalidOid;
	schema = get_namespace_oid("expand_contract", true);
	if (!OidIsValid(schema))
		return InvalidOid;
	table = get_relname_relid(name, schema);
	if (!OidIsValid(table) || get_rel_relkind(table) != RELKIND_RELATION ||
		getExtensionOfObject(RelationRelationId, table) != extension.oid)
		return InvalidOid;
	return table;
}

bool
ec_own_columns(Relation table, const EcOwnColumn *columns, int count,
			   AttrNumber *numbers)
{
	TupleDesc desc = RelationGetDescr(table);

	if (table->rd_rel->relkind != RELKIND_RELATION)
		return false;
	for (int i = 0; i < count; i++)
	{
		numbers[i] = InvalidAttrNumber;
		for (int j = 0; j < desc->natts; j++)
		{
			Form_pg_attribute attribute = TupleDescAttr(desc, j);

			if (!attribute->attisdropped && attribute->atttypid == columns[i].type &&
				strcmp(NameStr(attribute->attname), columns[i].name) == 0)
				numbers[i] = attribute->attnum;
		}
		if (numbers[i] == InvalidAttrNumber)
			return false;
	}
	return true;
}

void
ec_refuse_row(const char *table, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("invalid row in table expand_contract.%s", table),
			 errdetail_internal("%s", what),
			 errhint("The extension's tables are written by its functions only. Restore the row, or remove what it belongs to.")));
}

/* As many sessions can take numbers at once. */
#define FREE_NUMBERS 64

/*
 * Calls nextval, and not setval, because that never takes a number twice when
 * several sessions do this.
 */
void
ec_pass_own_rows(const char *table)
{
	(void) ec_query(psprintf("SELECT count(nextval('expand_contract.%s_id_seq')) FROM"
							 " (SELECT max(id) AS id FROM expand_contract.%s) m,"
							 " expand_contract.%s_id_seq q,"
							 " generate_series(q.last_value + q.is_called::integer, m.id)"
							 " WHERE EXISTS (SELECT FROM expand_contract.%s r WHERE r.id"
							 "     BETWEEN q.last_value + q.is_called::integer AND q.last_value + %d)",
							 table, table, table, table, FREE_NUMBERS),
					NULL);
}
