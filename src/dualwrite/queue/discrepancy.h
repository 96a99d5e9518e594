/*
 * discrepancy.h
 *		The queue of failed dual writes, and the gaps left by skipped ones.
 */
#ifndef EC_DUALWRITE_QUEUE_DISCREPANCY_H
#define EC_DUALWRITE_QUEUE_DISCREPANCY_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "lib/stringinfo.h"
#include "utils/jsonb.h"

#include "dualwrite/queue/queue_key.h"

/*
 * Condition for a row: it was written by a transaction that is as old as the
 * given one, or younger.  For psprintf, with "xmin" and the transaction.
 */
#define EC_WRITTEN_SINCE                                                       \
	"pg_catalog.age(%s) OPERATOR(pg_catalog.<=) pg_catalog.age(CAST(%s AS pg_catalog.xid))"

/* why a dual write failed */
typedef struct EcFailure
{
	int code; /* SQLSTATE; 0: no failure */
	char *message;
} EcFailure;

/* Returns the key by which the queue identifies the row in slot. */
extern Jsonb *ec_discrepancy_key(const EcQueueKey *queue, TupleTableSlot *slot);

/*
 * Queues the row in slot, as the extension's owner, in the writer's
 * transaction. Only inserts into the queue.  proposal: NULL if the row is
 * already stored.
 */
extern void ec_discrepancy_record(const EcQueueKey *queue, const char *direction,
								  TupleTableSlot *slot, const char *operation,
								  const EcFailure *failure, bool is_unset,
								  const EcProposal *proposal);

/* Moves the entries of the row in old_slot to its new key. */
extern void
ec_discrepancy_follow(const EcQueueKey *queue, TupleTableSlot *old_slot,
					  TupleTableSlot *slot, const EcProposal *proposal);

/*
 * Records, at most once per subtransaction, that writes of the change were not
 * carried over.
 */
extern void ec_gap_record(EcQueueKey *queue, const char *reason);

/*
 * Appends a value in the form that keys in the queue have; to be called under
 * the settings of ec_pin_text.
 */
extern void
ec_append_key_value(StringInfo json, Oid type, Datum value, bool isnull);

#endif
