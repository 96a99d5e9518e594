/*
 * author.h
 *		Determines the author of a migration's down script.
 *
 * A down script runs with the rights of the role that rolls back, possibly
 * long after another role has written it.  So the ledger stores its author's
 * OID, together with the name and the cluster at that time.  A name alone can
 * belong to another role today, and so can an OID in another cluster.
 */
#ifndef EC_MIGRATE_AUTHOR_H
#define EC_MIGRATE_AUTHOR_H

#include "postgres.h"

#include "migrate/ledger.h"

/* The role that gave the down script; InvalidOid if it is unknown. */
extern Oid ec_author_of_down(const EcMigration *migration);

/*
 * Returns the author if he is the current user, by login or by SET ROLE;
 * otherwise raises 42501.
 */
extern Oid ec_require_author(const EcMigration *migration, const char *what);

/*
 * Raises 42501 if the current user must not run the steps of a plan, in that
 * direction: their SQL names what the names of the script meant to the role for
 * which it was planned.  That role itself may run them, and roles whose
 * privileges it has.
 */
extern void ec_require_planner(const EcMigration *migration,
							   const char *direction, const char *what);

#endif
