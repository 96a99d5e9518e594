/*
 * lock.h
 *		The migration lock, and who holds a lock.
 */
#ifndef EC_LOCK_H
#define EC_LOCK_H

#include "postgres.h"

/*
 * Take the migration lock of this database until the transaction ends; one
 * that is held already is taken once more.  Waits at most
 * expand_contract.lock_timeout, then raises 55P03 that names the holders.
 * Returns what is left of that time, in milliseconds, at least 1.
 */
extern int ec_migration_lock(void);

/*
 * The other sessions that hold a lock on the relation, or, for InvalidOid, the
 * migration lock; a line for each, for a DETAIL: pid, application, transaction
 * age, query (if the caller may see that).  NULL if there is none (any more).
 */
extern char *ec_lock_holders(Oid relation);

#endif
