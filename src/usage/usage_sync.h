/*
 * usage_sync.h
 *		Brings the table of tracked columns and shared memory together.
 */
#ifndef EC_USAGE_USAGE_SYNC_H
#define EC_USAGE_USAGE_SYNC_H

#include "postgres.h"

#include "usage/usage.h"

/*
 * A row of expand_contract.usage, and the slot that counts for it.  What every
 * session reads is kept small: memory that it frees early leaves holes, which
 * all its later statements pay for.
 */
typedef struct EcTracked
{
	Oid relation;
	AttrNumber attnum;
	TimestampTz tracked_since;
	bool is_ours;   /* of our own transaction, which may yet roll it back */
	EcUsage *usage; /* all of the row; the hook has it where it has to merge */
	int slot;
	uint32 serial; /* 0: it has no slot */
} EcTracked;

typedef struct EcTrackedSet
{
	Oid table;              /* expand_contract.usage, if there is one */
	bool is_locked_out;     /* the table could not be read without waiting */
	TimestampTz flushed_at; /* 0: never */
	int count;
	EcTracked *columns;
} EcTrackedSet;

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
