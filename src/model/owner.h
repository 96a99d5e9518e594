/*
 * owner.h
 *		Whose rights the expressions of a change have.
 *
 * A change's expressions, the triggers and checks of its tables: all of it was
 * written by the role that owned the tables when ec_expand set the change up.
 * Jobs, verifications, reconciling and writes to another table evaluate it with
 * that role's rights, whoever calls.  When a table has another owner since,
 * nobody knows what he would be running: then nothing of it is evaluated until
 * ec_expand is called again by who owns the tables now.
 *
 * The expressions are rows of the extension's tables, which the extension's
 * owner can write.  So nothing of them is evaluated for a table whose owner's
 * rights he has not, see ec_may_act_as.
 *
 * A role is known by its OID.  Its name counts in a database that was restored
 * from a dump only, where roles have other OIDs.
 */
#ifndef EC_MODEL_OWNER_H
#define EC_MODEL_OWNER_H

#include "postgres.h"

#include "core/rights.h"
#include "model/change.h"
#include "worker/jobs/job.h"

/*
 * The role; InvalidOid if the tables are not its any more, or gone, or if the
 * extension's owner has not its rights.
 */
extern Oid ec_change_role(const EcChange *change);

/*
 * Note the owner of the tables as the change's, for ec_expand: 55000 if they
 * have two, 42501 if the extension's owner has not his rights.
 */
extern void ec_change_take_owner(EcChange *change);

/* The role; 55000 or 42501 where ec_change_role has none. */
extern Oid ec_change_require_role(const EcChange *change);

/* 42501 if the extension's owner has not the rights of the table's. */
extern void ec_change_require_trust(const char *change, Oid relation);

/* The error, for writers. */
extern void ec_refuse_other_owner(const char *change, Oid relation);

/* For ec_change_job_role. */
extern Oid ec_role_of_change_job(const EcJob *job);

#endif
