/*
 * proposed.h
 *		Queued failures of rows that are still to be stored.
 *
 * A BEFORE trigger sees a row that may never come to be: ON CONFLICT throws the
 * proposal away, or a trigger behind ours does.  What it queues stays only if
 * the row is there at the end of the statement, in a version that the statement
 * or something later in the transaction has written.
 */
#ifndef EC_DUALWRITE_QUEUE_PROPOSED_H
#define EC_DUALWRITE_QUEUE_PROPOSED_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "storage/itemptr.h"

#include "dualwrite/queue/queue_key.h"

/*
 * The entry of the queue at this place is about the row in slot.  The trigger of
 * the queue that the entry has fired takes it out again if the row does not
 * come to be.
 */
extern void ec_await_row(ItemPointer entry, const EcProposal *proposal,
						 const EcQueueKey *queue, TupleTableSlot *slot);

#endif
