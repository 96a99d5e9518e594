/*
 * owner.h
 *		The role with whose rights the expressions of a change run.
 *
 * A change's expressions, and the triggers and constraints of its tables, were
 * written by the role that owned the tables when ec_expand created the
 * change.  Jobs, verifications, reconciling and writes to another table
 * evaluate them with that role's rights, whoever the caller is.  If a table
 * has got another owner since, that role has not agreed to run these
 * expressions.  So none of them is evaluated until the present owner calls
 * ec_expand again.
 *
 * The expressions are stored in the extension's tables, which the extension's
 * owner can write.  So they are evaluated only if the extension's owner has
 * the rights of the tables' owner anyway; see ec_may_act_as.
 *
 * The role is compared by OID.  Only in a database restored from a dump, where
 * roles have other OIDs, it is compared by name.
 */
#ifndef EC_MODEL_OWNER_H
#define EC_MODEL_OWNER_H

#include "postgres.h"

#include "core/rights.h"
#include "model/change.h"
#include "worker/jobs/job.h"

/*
 * Returns the role; InvalidOid if it no longer owns the tables, if a table no
 * longer exists, or if the extension's owner lacks its rights.
 */
extern Oid ec_change_role(const EcChange *change);

/*
 * For ec_expand: stores the owner of the tables in the change.  Raises 55000
 * if they have different owners, 42501 if the extension's owner lacks its
 * rights.
 */
extern void ec_change_take_owner(EcChange *change);

/*
 * The same as ec_change_role, but raises 55000 or 42501 if there is no such
 * role.
 */
extern Oid ec_change_require_role(const EcChange *change);

/*
 * Raises 42501 if the extension's owner lacks the rights of the table's owner.
 */
extern void ec_change_require_trust(const char *change, Oid relation);

/* Raises that error; for writes. */
extern void ec_refuse_other_owner(const char *change, Oid relation);

/* The value of ec_change_job_role. */
extern Oid ec_role_of_change_job(const EcJob *job);

#endif
