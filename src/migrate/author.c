/*
 * author.c
 *		Determines the author of a migration's down script.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "core/hint.h"
#include "core/clip.h"
#include "migrate/author.h"

static bool
is_of_this_cluster(const EcMigration *migration)
{
	return migration->down_system == (int64) GetSystemIdentifier();
}

Oid
ec_author_of_down(const EcMigration *migration)
{
	char *name;

	if (migration->down_by == NULL || !OidIsValid(migration->down_by_oid) ||
		!is_of_this_cluster(migration))
		return InvalidOid;
	name = GetUserNameFromId(migration->down_by_oid, true);
	if (name == NULL || strcmp(name, migration->down_by) != 0)
		return InvalidOid;
	return migration->down_by_oid;
}

static void
refuse_unknown(const EcMigration *migration, const char *what)
{
	const char *name = migration->down_by ? migration->down_by : "unknown";

	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("nobody knows any more who gave the way down of %s", what),
			 is_of_this_cluster(migration)
				 ? errdetail("It is of a role that was called \"%s\", and that has been dropped or renamed. It says:\n%s",
							 name, ec_clip(migration->down, EC_MAX_TEXT))
				 : errdetail("It is of a role that was called \"%s\" in the cluster where the ledger was written. It says:\n%s",
							 name, ec_clip(migration->down, EC_MAX_TEXT)),
			 ec_errhint(
				 "Read it. Then use ec_apply again, with the same \"up\" and the \"down\" that you trust: it is yours from then on.")));
}

Oid
ec_require_author(const EcMigration *migration, const char *what)
{
	Oid author = ec_author_of_down(migration);
	char *caller;

	if (!OidIsValid(author))
		refuse_unknown(migration, what);
	/*
	 * Another role is refused even if it is a member of the caller's role or a
	 * superuser: its author did not mean that role to run his script.
	 */
	if (author == GetUserId())
		return author;
	caller = GetUserNameFromId(GetUserId(), false);
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("the way down of %s was given by another role", what),
			 errdetail("Role \"%s\" gave it. It would run with the rights of \"%s\".",
					   migration->down_by, caller),
			 errhint("Run it as whoever gave it: SET ROLE %s.",
					 quote_identifier(migration->down_by))));
	return InvalidOid; /* keep the compiler quiet */
}
