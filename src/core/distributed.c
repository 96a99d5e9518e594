/*
 * distributed.c
 *		Tables whose rows other software keeps elsewhere.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "core/distributed.h"

/* The catalogue of Citus; InvalidOid if it is not installed. */
static Oid
distributed_tables(AttrNumber *attnum)
{
	Oid catalog = get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE);

	if (!OidIsValid(catalog))
		return InvalidOid;
	*attnum = get_attnum(catalog, "logicalrelid");
	return *attnum > 0 ? catalog : InvalidOid;
}

/*
 * Read without a query, because the caller's search_path, rights and snapshot
 * must not matter.
 */
static bool
is_listed(Relation catalog, AttrNumber attnum, Oid relation)
{
	SysScanDesc scan;
	ScanKeyData key;
	bool found;

	ScanKeyInit(&key, attnum, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relation));
	scan = systable_beginscan(catalog, InvalidOid, false, NULL, 1, &key);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	return found;
}

bool
ec_is_distributed(Oid relation)
{
	AttrNumber attnum;
	Oid oid = distributed_tables(&attnum);
	Relation catalog;
	bool found;

	if (!OidIsValid(oid))
		return false;
	catalog = table_open(oid, AccessShareLock);
	found = is_listed(catalog, attnum, relation);
	table_close(catalog, AccessShareLock);
	return found;
}

static void
refuse(Oid relation, Oid root)
{
	char *name =
		quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)),
								   get_rel_name(relation));

	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 relation == root
				 ? errmsg("table \"%s\" is distributed", get_rel_name(relation))
				 : errmsg("table \"%s\", a partition or child of \"%s\", is distributed",
						  get_rel_name(relation), get_rel_name(root)),
			 errdetail("Its rows are in shards of Citus, mostly on other nodes, where they can be neither written in step with a job nor watched."),
			 errhint("Use SELECT undistribute_table(%s) first, and distribute it again at the end.",
					 quote_literal_cstr(name))));
}

void
ec_refuse_distributed(Oid relation)
{
	AttrNumber attnum;
	Oid oid = distributed_tables(&attnum);
	Relation catalog;
	ListCell *cell;

	if (!OidIsValid(oid))
		return;
	catalog = table_open(oid, AccessShareLock);
	foreach (cell, find_all_inheritors(relation, NoLock, NULL))
		if (is_listed(catalog, attnum, lfirst_oid(cell)))
			refuse(lfirst_oid(cell), relation);
	table_close(catalog, AccessShareLock);
}
