/*
 * discrepancy.h
 *		The queue of modern writes that failed, and the gaps of those that
 *		were skipped.
 */
#ifndef EC_DUALWRITE_QUEUE_DISCREPANCY_H
#define EC_DUALWRITE_QUEUE_DISCREPANCY_H

#include "postgres.h"

#include "access/attnum.h"
#include "access/transam.h"
#include "executor/tuptable.h"
#include "lib/stringinfo.h"
#include "utils/jsonb.h"

/*
 * The key by which the queue of a change names rows of one table: columns, by
 * the names that they had on the day of ec_expand.
 */
typedef struct EcQueueColumn
{
	AttrNumber attnum;
	const char *known_as;
} EcQueueColumn;

typedef struct EcQueueKey
{
	const char *change;
	int count;
	EcQueueColumn *columns;
	FullTransactionId gap_transaction; /* the last that left a gap record */
} EcQueueKey;

/* Why a modern write failed. */
typedef struct EcFailure
{
	int code; /* SQLSTATE; 0: it did not */
	char *message;
} EcFailure;

/* A row that is still to be stored; see proposed.h. */
typedef struct EcProposal EcProposal;

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
