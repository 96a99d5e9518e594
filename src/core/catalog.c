/*
 * catalog.c
 *		The extension's own objects, and the rights under which its own
 *		statements run.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_authid.h"
#include "catalog/indexing.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_operator.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "core/callers_path.h"
#include "core/catalog.h"
#include "core/compat.h"

/*
 * Such roles see the figures and the states of every job, not only of their
 * own.
 */
bool
ec_may_monitor(void)
{
	EcExtension extension;

	return has_privs_of_role(GetUserId(), ROLE_PG_MONITOR) ||
		   (ec_extension_lookup(&extension) &&
			has_privs_of_role(GetUserId(), extension.owner));
}

static char *
version_of(Relation catalog, HeapTuple tuple)
{
	bool isnull;
	Datum version = heap_getattr(tuple, Anum_pg_extension_extversion,
								 RelationGetDescr(catalog), &isnull);

	return TextDatumGetCString(version);
}

/* pg_extension has no syscache, so this is an index scan. */
bool
ec_extension_lookup(EcExtension *extension)
{
	Relation catalog;
	SysScanDesc scan;
	ScanKeyData key[1];
	HeapTuple tuple;
	bool found;

	ScanKeyInit(&key[0], Anum_pg_extension_extname, BTEqualStrategyNumber,
				F_NAMEEQ, CStringGetDatum("expand_contract"));
	catalog = table_open(ExtensionRelationId, AccessShareLock);
	scan = systable_beginscan(catalog, ExtensionNameIndexId, true, NULL, 1, key);
	tuple = systable_getnext(scan);
	found = HeapTupleIsValid(tuple);
	if (found)
	{
		Form_pg_extension form = (Form_pg_extension) GETSTRUCT(tuple);

		extension->oid = form->oid;
		extension->owner = form->extowner;
		extension->schema = form->extnamespace;
		extension->extversion = version_of(catalog, tuple);
		extension->version = ec_sql_version_of(extension->extversion);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return found;
}

bool
ec_extension_is_ready(EcExtension *extension)
{
	return ec_extension_lookup(extension) &&
		   !(creating_extension && CurrentExtensionObject == extension->oid);
}

static void
require_extension(EcExtension *extension)
{
	if (!ec_extension_lookup(extension))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("extension \"expand_contract\" does not exist in this database"),
				 errhint("Use CREATE EXTENSION expand_contract.")));
	if (extension->version == EC_SQL_UNKNOWN)
		ec_refuse_sql_version(extension->extversion);
	ec_sql_is_older = extension->version < EC_SQL_CURRENT;
}

void
ec_catalog_begin(EcCatalogScope *scope)
{
	EcExtension extension;

	require_extension(&extension);
	GetUserIdAndSecContext(&scope->userid, &scope->security_context);
	scope->guc_level = NewGUCNestLevel();
	/*
	 * SECURITY_RESTRICTED_OPERATION fires deferred triggers at the end of each
	 * statement.  A deferred trigger on one of our tables would otherwise run
	 * at commit, with the caller's rights.
	 */
	SetUserIdAndSecContext(extension.owner, scope->security_context |
												SECURITY_LOCAL_USERID_CHANGE |
												SECURITY_RESTRICTED_OPERATION);
	ec_use_own_path();
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

void
ec_catalog_end(EcCatalogScope *scope)
{
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	AtEOXact_GUC(false, scope->guc_level);
	SetUserIdAndSecContext(scope->userid, scope->security_context);
}

bool
ec_may_act_as(Oid role)
{
	EcExtension extension;

	return ec_extension_lookup(&extension) &&
		   SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(role)) &&
		   (has_privs_of_role(extension.owner, role) ||
			ec_may_set_role(extension.owner, role));
}

void
ec_require_acting_as(Oid role, const char *what)
{
	EcExtension extension;
	char *owner;

	if (ec_may_act_as(role))
		return;
	require_extension(&extension);
	owner = GetUserNameFromId(extension.owner, false);
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("%s cannot run as role \"%s\"", what,
					GetUserNameFromId(role, true) ? GetUserNameFromId(role, true)
												  : "(dropped)"),
			 errdetail("Role \"%s\" owns the extension, so it can write what would be run, and is not a member of that role.",
					   owner),
			 errhint("Have it done by a role that \"%s\" is a member of, or give the extension to a superuser with REASSIGN OWNED.",
					 owner)));
}

char *
ec_relation_name(Oid relation)
{
	char *name = get_rel_name(relation);

	/* a caller that looked it up without a lock may find it dropped */
	if (name == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("relation with OID %u does not exist", relation)));
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)),
									  name);
}

char *
ec_collation_name(Oid collation)
{
	HeapTuple tuple;
	Form_pg_collation form;
	char *name;

	if (!OidIsValid(collation))
		return NULL;
	tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for collation %u", collation);
	form = (Form_pg_collation) GETSTRUCT(tuple);
	name = quote_qualified_identifier(get_namespace_name(form->collnamespace),
									  NameStr(form->collname));
	ReleaseSysCache(tuple);
	return name;
}

char *
ec_equality_name(Oid type)
{
	Oid equality = lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr;
	HeapTuple tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(equality));
	Form_pg_operator form;
	char *name;

	/*
	 * a type without an equality operator: the statement that uses this name
	 * fails
	 */
	if (!HeapTupleIsValid(tuple))
		return pstrdup("OPERATOR(pg_catalog.=)");
	form = (Form_pg_operator) GETSTRUCT(tuple);
	name = psprintf("OPERATOR(%s.%s)",
					quote_identifier(get_namespace_name(form->oprnamespace)),
					NameStr(form->oprname));
	ReleaseSysCache(tuple);
	return name;
}
