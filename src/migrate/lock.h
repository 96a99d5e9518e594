/*
 * lock.h
 *		The migration lock.
 */
#ifndef EC_MIGRATE_LOCK_H
#define EC_MIGRATE_LOCK_H

#include "postgres.h"

#include "core/holders.h"

/*
 * Takes the migration lock of this database until the transaction ends; may be
 * called repeatedly.  Waits at most expand_contract.lock_timeout, then raises
 * 55P03 with the holders.  Returns what is left of that time, in milliseconds,
 * at least 1.
 */
extern int ec_migration_lock(void);

#endif
