/*
 * author.c
 *		Determines the author of a migration's down script.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "core/hint.h"
#include "core/catalog.h"
#include "core/clip.h"
#include "core/query.h"
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
			 errmsg("the author is unknown of the down script of %s", what),
			 is_of_this_cluster(migration)
				 ? errdetail("Its author was a role named \"%s\", which has been dropped or renamed. The script is:\n%s",
							 name, ec_clip(migration->down, EC_MAX_TEXT))
				 : errdetail("Its author was a role named \"%s\" in the cluster where the ledger was written. The script is:\n%s",
							 name, ec_clip(migration->down, EC_MAX_TEXT)),
			 ec_errhint(
				 "Review it. Then call ec_apply again with the same \"up\" and with a \"down\" that you trust; you are its author from then on.")));
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
	ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					errmsg("the down script of %s has another author", what),
					errdetail("Its author is role \"%s\". It would run with the privileges of \"%s\".",
							  migration->down_by, caller),
					errhint("Run it as its author: SET ROLE %s.",
							quote_identifier(migration->down_by))));
	return InvalidOid; /* keep the compiler quiet */
}

/*
 * The role for which the steps were planned, and its name; InvalidOid if
 * nobody knows any more.  False if all steps run statements as they are.
 */
static bool
find_planner(const EcMigration *migration, const char *direction, Oid *role)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	bool found;
	bool is_here = false;

	ec_catalog_begin(&scope);
	ec_arg_text(&args, migration->version);
	ec_arg_text(&args, direction);
	ec_arg_text(&args, migration->scope);
	ec_arg_int8(&args, (int64) GetSystemIdentifier());
	found = ec_query("SELECT planned_by, planned_system = $4"
					 "  FROM expand_contract.migration_steps"
					 " WHERE scope = $3 AND version = $1 AND direction = $2"
					 "   AND sql IS NOT NULL LIMIT 1",
					 &args) > 0;
	if (found)
	{
		*role = ec_get_oid(0, 1);
		is_here = ec_get_bool(0, 2, false);
	}
	ec_catalog_end(&scope);
	/* an OID says nothing in a restored copy; a name is all that there is */
	if (found && !is_here)
		*role = get_role_oid(migration->executed_by, true);
	return found;
}

void
ec_require_planner(const EcMigration *migration, const char *direction,
				   const char *what)
{
	Oid planner;
	char *name;

	if (!find_planner(migration, direction, &planner) || planner == GetUserId())
		return;
	name = OidIsValid(planner) ? GetUserNameFromId(planner, true) : NULL;
	if (name != NULL && has_privs_of_role(planner, GetUserId()))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("the steps of %s were planned for another role", what),
			 name != NULL
				 ? errdetail("Role \"%s\" has submitted it. Its steps would run with the rights of \"%s\", and name what the names of the script meant to the former.",
							 name, GetUserNameFromId(GetUserId(), false))
				 : errdetail("The role that has submitted it does not exist any more."),
			 name != NULL
				 ? errhint("Go on as that role: SET ROLE %s.", quote_identifier(name))
				 : ec_errhint(
					   "Give it a \"down\" that undoes what is done, with ec_apply, roll it back, and apply it again.")));
}
