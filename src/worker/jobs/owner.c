/*
 * owner.c
 *		The role as which a worker connects.
 *
 * A worker connects as the job's owner.  Before PostgreSQL 17 a worker cannot
 * connect as a role without LOGIN.  Then it connects as the role whose session
 * has submitted the job, or has resumed it last, and becomes the owner with
 * SET ROLE, as that session did.  So the role has to be a member of the
 * owner.  It must not be a superuser, because the owner's code could take back
 * the superuser's rights.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "core/compat.h"
#include "worker/jobs/owner.h"

static bool
can_log_in(Oid role)
{
	HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	bool result;

	if (!HeapTupleIsValid(tuple))
		return false;
	result = ((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin;
	ReleaseSysCache(tuple);
	return result;
}

Oid
ec_job_login(Oid owner, Oid login)
{
	return !EC_OWNER_NEEDS_LOGIN || can_log_in(owner) ? owner : login;
}

bool
ec_session_can_run_jobs_of(Oid owner)
{
	Oid login = GetSessionUserId();

	return login == owner || (can_log_in(login) && !superuser_arg(login) &&
							  ec_may_set_role(login, owner));
}

void
ec_check_job_owner(Oid owner)
{
	const char *name;

	if (!EC_OWNER_NEEDS_LOGIN || can_log_in(owner) ||
		(GetSessionUserId() != owner && ec_session_can_run_jobs_of(owner)))
		return;
	name = GetUserNameFromId(owner, false);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
			 errmsg("role \"%s\" cannot own a job because it cannot log in", name),
			 errdetail("Background workers connect as the job's owner or, where it has no LOGIN, as the role that submits the job and is a member of it; role \"%s\" %s.",
					   GetUserNameFromId(GetSessionUserId(), false),
					   superuser_arg(GetSessionUserId())
						   ? "is a superuser, whose privileges a worker cannot give up"
						   : "is not"),
			 errhint("Log in as a member of it and use SET ROLE, or use ALTER ROLE %s LOGIN.",
					 quote_identifier(name))));
}
