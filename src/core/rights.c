/*
 * rights.c
 *		Runs code of a user with no more rights than that user has.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "core/rights.h"

void
ec_become(EcRights *outer, Oid role)
{
	int context;

	GetUserIdAndSecContext(&outer->userid, &outer->security_context);
	context = outer->security_context | SECURITY_LOCAL_USERID_CHANGE;
	if (role != outer->userid)
		context |= SECURITY_RESTRICTED_OPERATION;
	SetUserIdAndSecContext(role, context);
}

void
ec_become_caller(const EcRights *outer)
{
	SetUserIdAndSecContext(outer->userid, outer->security_context);
}

Oid
ec_require_table_owner(Oid relation)
{
	Oid owner = ec_relation_owner(relation);

	if (!OidIsValid(owner) || !has_privs_of_role(GetUserId(), owner))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(relation));
	return owner;
}

Oid
ec_relation_owner(Oid relation)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Oid owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}
