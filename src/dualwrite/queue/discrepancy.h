/*
 * discrepancy.h
 *		The queue of modern writes that failed, and the gaps of those that
 *		were skipped.
 */
#ifndef EC_DUALWRITE_QUEUE_DISCREPANCY_H
#define EC_DUALWRITE_QUEUE_DISCREPANCY_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "lib/stringinfo.h"
#include "utils/jsonb.h"

#include "dualwrite/queue/queue_key.h"

/* Why a modern write failed. */
typedef struct EcFailure
{
	int code; /* SQLSTATE; 0: it did not */
	char *message;
} EcFailure;

/* The key by which the queue names the row in slot. */
extern Jsonb *ec_discrepancy_key(const EcQueueKey *queue, TupleTableSlot *slot);

/*
 * Queue the row in slot.  Only adds to the queue, as the extension's owner, in
 * the writer's transaction.  proposal: NULL if the row is stored.
 */
extern void ec_discrepancy_record(const EcQueueKey *queue, const char *direction,
								  TupleTableSlot *slot, const char *operation,
								  const EcFailure *failure, bool is_unset,
								  const EcProposal *proposal);

/* The row in old_slot gets another key: what is queued for it follows. */
extern void
ec_discrepancy_follow(const EcQueueKey *queue, TupleTableSlot *old_slot,
					  TupleTableSlot *slot, const EcProposal *proposal);

/* Once a subtransaction: writes of the change were not carried over. */
extern void ec_gap_record(EcQueueKey *queue, const char *reason);

/* A value as a key of the queue has it; in the settings of ec_pin_text. */
extern void
ec_append_key_value(StringInfo json, Oid type, Datum value, bool isnull);

#endif
