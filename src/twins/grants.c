/*
 * grants.c
 *		Privileges on columns, and on views that are made again.
 *
 * They are moved in the catalog, as they are: who has granted them, and with
 * which options, could not be said with GRANT.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "core/rights.h"
#include "twins/grants.h"

/* Returns what was there; NULL stands for none. */
static Acl *
replace_acl(Relation catalog, Oid relation, AttrNumber attnum, Acl *acl)
{
	HeapTuple tuple = SearchSysCacheCopy2(ATTNUM, ObjectIdGetDatum(relation),
										  Int16GetDatum(attnum));
	Datum values[Natts_pg_attribute] = {0};
	bool nulls[Natts_pg_attribute] = {false};
	bool replaces[Natts_pg_attribute] = {false};
	HeapTuple changed;
	Acl *before = NULL;
	bool isnull;
	Datum there;
	Oid *old_members = NULL;
	Oid *new_members = NULL;
	int old_count = 0;
	int new_count = 0;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for column %d of relation %u", attnum,
			 relation);
	there = SysCacheGetAttr(ATTNUM, tuple, Anum_pg_attribute_attacl, &isnull);
	if (!isnull)
	{
		before = DatumGetAclPCopy(there);
		old_count = aclmembers(before, &old_members);
	}
	if (acl != NULL)
		new_count = aclmembers(acl, &new_members);
	if (before != NULL || acl != NULL)
	{
		values[Anum_pg_attribute_attacl - 1] = PointerGetDatum(acl);
		nulls[Anum_pg_attribute_attacl - 1] = acl == NULL;
		replaces[Anum_pg_attribute_attacl - 1] = true;
		changed = heap_modify_tuple(tuple, RelationGetDescr(catalog), values,
									nulls, replaces);
		CatalogTupleUpdate(catalog, &changed->t_self, changed);
		updateAclDependencies(RelationRelationId, relation, attnum,
							  ec_relation_owner(relation), old_count,
							  old_members, new_count, new_members);
	}
	heap_freetuple(tuple);
	return before;
}

void
ec_twin_move_grants(Oid relation, AttrNumber from, AttrNumber to)
{
	Relation catalog = table_open(AttributeRelationId, RowExclusiveLock);
	Acl *acl = replace_acl(catalog, relation, from, NULL);

	CommandCounterIncrement();
	(void) replace_acl(catalog, relation, to, acl);
	table_close(catalog, RowExclusiveLock);
	CommandCounterIncrement();
}

EcTwinPrivileges *
ec_twin_privileges(Oid relation)
{
	EcTwinPrivileges *kept = palloc0(sizeof(EcTwinPrivileges));
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	bool isnull;
	Datum acl;
	int columns;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relation);
	kept->space = ((Form_pg_class) GETSTRUCT(tuple))->relnamespace;
	kept->name = pstrdup(NameStr(((Form_pg_class) GETSTRUCT(tuple))->relname));
	columns = ((Form_pg_class) GETSTRUCT(tuple))->relnatts;
	acl = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_relacl, &isnull);
	if (!isnull)
		kept->relation = DatumGetAclPCopy(acl);
	ReleaseSysCache(tuple);
	for (AttrNumber attnum = 1; attnum <= columns; attnum++)
	{
		tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relation),
								Int16GetDatum(attnum));
		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "cache lookup failed for column %d of relation %u",
				 attnum, relation);
		acl = SysCacheGetAttr(ATTNUM, tuple, Anum_pg_attribute_attacl, &isnull);
		kept->columns =
			lappend(kept->columns, isnull ? NULL : DatumGetAclPCopy(acl));
		ReleaseSysCache(tuple);
	}
	return kept;
}

/* Default privileges may have given it others. */
static void
replace_relation_acl(Oid relation, Acl *acl)
{
	Relation catalog = table_open(RelationRelationId, RowExclusiveLock);
	HeapTuple tuple = SearchSysCacheCopy1(RELOID, ObjectIdGetDatum(relation));
	Datum values[Natts_pg_class] = {0};
	bool nulls[Natts_pg_class] = {false};
	bool replaces[Natts_pg_class] = {false};
	HeapTuple changed;
	bool isnull;
	Datum there;
	Oid *old_members = NULL;
	Oid *new_members = NULL;
	int old_count = 0;
	int new_count = 0;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relation);
	there = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_relacl, &isnull);
	if (!isnull)
		old_count = aclmembers(DatumGetAclPCopy(there), &old_members);
	if (acl != NULL)
		new_count = aclmembers(acl, &new_members);
	values[Anum_pg_class_relacl - 1] = PointerGetDatum(acl);
	nulls[Anum_pg_class_relacl - 1] = acl == NULL;
	replaces[Anum_pg_class_relacl - 1] = true;
	changed = heap_modify_tuple(tuple, RelationGetDescr(catalog), values, nulls,
								replaces);
	CatalogTupleUpdate(catalog, &changed->t_self, changed);
	updateAclDependencies(RelationRelationId, relation, 0,
						  ec_relation_owner(relation), old_count, old_members,
						  new_count, new_members);
	heap_freetuple(tuple);
	table_close(catalog, RowExclusiveLock);
}

void
ec_twin_put_privileges(const EcTwinPrivileges *privileges)
{
	Oid relation = get_relname_relid(privileges->name, privileges->space);
	Relation catalog = table_open(AttributeRelationId, RowExclusiveLock);
	ListCell *cell;

	if (!OidIsValid(relation))
		elog(ERROR, "relation \"%s\" has not come back", privileges->name);
	replace_relation_acl(relation, privileges->relation);
	foreach (cell, privileges->columns)
		(void) replace_acl(catalog, relation, foreach_current_index(cell) + 1,
						   lfirst(cell));
	table_close(catalog, RowExclusiveLock);
	CommandCounterIncrement();
}
