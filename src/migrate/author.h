/*
 * author.h
 *		Whose script a migration's way down is.
 *
 * The way down runs with the rights of whoever rolls back, long after somebody
 * else wrote it.  So the ledger knows its author by OID, and by the name and
 * the cluster that the OID had then: a name alone can be another role's today,
 * and so can an OID in another cluster.
 */
#ifndef EC_MIGRATE_AUTHOR_H
#define EC_MIGRATE_AUTHOR_H

#include "postgres.h"

#include "migrate/ledger.h"

/* The role that gave the way down; InvalidOid if nobody knows it any more. */
extern Oid ec_author_of_down(const EcMigration *migration);

/*
 * The author, if that is the present user, by login or by SET ROLE.  Else raises
 * 42501.
 */
extern Oid ec_require_author(const EcMigration *migration, const char *what);

#endif
