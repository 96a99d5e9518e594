/*
 * usage_sync.h
 *		Brings the table of tracked columns and shared memory together.
 */
#ifndef EC_USAGE_USAGE_SYNC_H
#define EC_USAGE_USAGE_SYNC_H

#include "postgres.h"

#include "usage/usage_tracked.h"

typedef enum EcSyncMode
{
	EC_SYNC_NO_WAIT,  /* for the hook: waits for no lock, runs no executor */
	EC_SYNC_WAIT,     /* for those who want to know */
	EC_SYNC_AND_FREE, /* frees slots; the transaction may have changed nothing */
} EcSyncMode;

/*
 * What is tracked in this database, with its slots where the library is
 * preloaded.  Needs a transaction.
 */
extern EcTrackedSet *ec_usage_sync(EcSyncMode mode);

/*
 * What is known of a column now: the table's row, or its slot; as it is for the
 * table, and as it is shown.  After a wait.
 */
extern void
ec_usage_look(const EcTrackedSet *set, const EcTracked *column, EcUsage *usage);
extern void ec_usage_look_at_watch(const EcTrackedSet *set,
								   const EcTracked *column, EcUsage *usage);

/* How the users in an EcAccess stand in the table. */
extern Datum ec_usage_users_datum(const EcAccess *access);

#endif
