/*
 * proposed.h
 *		Queued failures of rows that are not stored yet.
 *
 * A BEFORE trigger sees a row that may never be stored: ON CONFLICT or a later
 * trigger may discard it.  An entry for such a row is kept only if the row
 * exists at the end of the statement, in a version that the statement or a
 * later one of the transaction has written.
 */
#ifndef EC_DUALWRITE_QUEUE_PROPOSED_H
#define EC_DUALWRITE_QUEUE_PROPOSED_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/uuid.h"

#include "dualwrite/queue/queue_key.h"

/*
 * The queue's entry with this salt is about the row in slot.  The AFTER trigger
 * that the entry has queued deletes it again if the row is not stored.
 */
extern void ec_await_row(const pg_uuid_t *salt, const EcProposal *proposal,
						 const EcQueueKey *queue, TupleTableSlot *slot);

#endif
