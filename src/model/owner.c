/*
 * owner.c
 *		The role with whose rights the expressions of a change run.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/lsyscache.h"

#include "core/hint.h"
#include "core/catalog.h"
#include "model/owner.h"

static bool
is_owned_by_role(const EcChange *change, Oid owner)
{
	/* an older version did not store the owner */
	if (change->owner_name == NULL)
		return true;
	if (change->is_restored)
		return strcmp(GetUserNameFromId(owner, false), change->owner_name) == 0;
	return owner == change->owner;
}

Oid
ec_change_role(const EcChange *change)
{
	Oid owner = ec_relation_owner(change->relation);

	if (!OidIsValid(owner) || !is_owned_by_role(change, owner))
		return InvalidOid;
	if (OidIsValid(change->target) && ec_relation_owner(change->target) != owner)
		return InvalidOid;
	return ec_may_act_as(owner) ? owner : InvalidOid;
}

void
ec_change_take_owner(EcChange *change)
{
	Oid owner = ec_relation_owner(change->relation);
	Oid target_owner =
		OidIsValid(change->target) ? ec_relation_owner(change->target) : owner;

	if (owner != target_owner)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("tables \"%s\" and \"%s\" have different owners",
						get_rel_name(change->relation), get_rel_name(change->target)),
				 errdetail("Dual writes run with the privileges of the role that owns both tables; they are owned by \"%s\" and \"%s\".",
						   GetUserNameFromId(owner, false),
						   GetUserNameFromId(target_owner, false)),
				 errhint("Use ALTER TABLE ... OWNER TO to give both tables to one role.")));
	ec_require_acting_as(owner, psprintf("change \"%s\"", change->name));
	change->owner = owner;
	change->owner_name = GetUserNameFromId(owner, false);
}

void
ec_change_require_trust(const char *change, Oid relation)
{
	Oid owner = ec_relation_owner(relation);

	if (OidIsValid(owner))
		ec_require_acting_as(owner, psprintf("change \"%s\"", change));
}

void
ec_refuse_other_owner(const char *change, Oid relation)
{
	ec_change_require_trust(change, relation);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the owner of the tables of change \"%s\" has changed since ec_expand",
					change),
			 errdetail("Its expressions were accepted with the privileges of the role that owned table \"%s\" then.",
					   get_rel_name(relation)),
			 ec_errhint(
				 "Review the expressions in ec_changes, then repeat the call of ec_expand as the owner of the tables.")));
}

Oid
ec_change_require_role(const EcChange *change)
{
	Oid role = ec_change_role(change);

	if (!OidIsValid(role))
		ec_refuse_other_owner(change->name, change->relation);
	return role;
}

/* Checks the job's owner again, who may have lost the rights on the table. */
Oid
ec_role_of_change_job(const EcJob *job)
{
	EcChange change;

	ec_change_get(job->change, &change);
	/* the job itself raises an error about a table that no longer exists */
	if (get_rel_name(change.relation) == NULL ||
		(OidIsValid(change.target) && get_rel_name(change.target) == NULL))
		return GetUserId();
	return ec_change_require_role(&change);
}
