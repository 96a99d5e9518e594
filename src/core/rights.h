/*
 * rights.h
 *		Runs code of a user with no more rights than that user has.
 *
 * The owner of a table writes its triggers, the checks of its domains, and the
 * expressions of its indexes and of its changes.  A caller who makes us
 * evaluate them may have more rights than the owner.  So they are evaluated as
 * the owner, in a security-restricted operation, as VACUUM and REINDEX do it.
 * If the caller is the owner himself, only SET ROLE is forbidden, because it
 * could lead back to the role that the session had before.
 */
#ifndef EC_CORE_RIGHTS_H
#define EC_CORE_RIGHTS_H

#include "postgres.h"

typedef struct EcRights
{
	Oid userid;
	int security_context;
} EcRights;

/*
 * ec_become switches to the role, ec_become_caller back.  If an error is
 * raised in between, the abort of the (sub)transaction switches back.
 */
extern void ec_become(EcRights *outer, Oid role);
extern void ec_become_caller(const EcRights *outer);

/* The owner of a relation; InvalidOid if there is no such relation. */
extern Oid ec_relation_owner(Oid relation);

/* Raises 42501 unless the current user has that role's rights. */
extern Oid ec_require_table_owner(Oid relation);

#endif
