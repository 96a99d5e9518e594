/*
 * rights.h
 *		Running what somebody has written with no rights but his.
 *
 * A table's owner writes its triggers, the checks of its domains, the
 * expressions of its indexes and of its changes.  Whoever has us evaluate them
 * may have more rights than he; so they are evaluated as the owner, in a
 * security-restricted operation, as VACUUM and REINDEX do it.  For a caller who
 * is the owner nothing is restricted but SET ROLE, which would lead back to
 * whoever he was before.
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
 * Become the role, and back.  An error in between is undone by the abort of the
 * (sub)transaction.
 */
extern void ec_become(EcRights *outer, Oid role);
extern void ec_become_caller(const EcRights *outer);

/* The owner of a relation; InvalidOid if there is no such relation. */
extern Oid ec_relation_owner(Oid relation);

#endif
