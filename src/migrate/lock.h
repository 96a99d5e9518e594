/*
 * lock.h
 *		The migration lock.
 */
#ifndef EC_MIGRATE_LOCK_H
#define EC_MIGRATE_LOCK_H

#include "postgres.h"

#include "core/holders.h"

/*
 * Take the migration lock of this database until the transaction ends; one
 * that is held already is taken once more.  Waits at most
 * expand_contract.lock_timeout, then raises 55P03 that names the holders.
 * Returns what is left of that time, in milliseconds, at least 1.
 */
extern int ec_migration_lock(void);

#endif
