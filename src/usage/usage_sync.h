/*
 * usage_sync.h
 *		Synchronizes the table of tracked columns and shared memory.
 */
#ifndef EC_USAGE_USAGE_SYNC_H
#define EC_USAGE_USAGE_SYNC_H

#include "postgres.h"

#include "usage/usage_tracked.h"

typedef enum EcSyncMode
{
	EC_SYNC_NO_WAIT,  /* for the hook: does not wait for locks or use the
					   * executor */
	EC_SYNC_WAIT,     /* for functions that show the figures */
	EC_SYNC_AND_FREE, /* frees slots; not in a transaction that has changed
					   * the table */
} EcSyncMode;

/*
 * Reads the list of tracked columns of this database and, if the library is
 * preloaded, finds their slots.  Needs a transaction.
 */
extern EcTrackedSet *ec_usage_sync(EcSyncMode mode);

/*
 * The present figures of a column, from its slot or its row: ec_usage_look as
 * they are stored, ec_usage_look_at_watch as they are shown.  The set must
 * have been read with EC_SYNC_WAIT or EC_SYNC_AND_FREE.
 */
extern void
ec_usage_look(const EcTrackedSet *set, const EcTracked *column, EcUsage *usage);
extern void ec_usage_look_at_watch(const EcTrackedSet *set,
								   const EcTracked *column, EcUsage *usage);

/* The users of an EcAccess in the table's format. */
extern Datum ec_usage_users_datum(const EcAccess *access);

#endif
