/*
 * queue_key.h
 *		The key by which the queue identifies a row, and the description of a
 *		row that is not stored yet.
 */
#ifndef EC_DUALWRITE_QUEUE_QUEUE_KEY_H
#define EC_DUALWRITE_QUEUE_QUEUE_KEY_H

#include "postgres.h"

#include "access/attnum.h"
#include "access/transam.h"
#include "utils/rel.h"

/*
 * The key by which the queue of a change identifies rows of one table.  The
 * columns are named as they were when ec_expand registered the change.
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
	FullTransactionId gap_transaction; /* the last one that left a gap
									    * record */
} EcQueueKey;

/* a row that a BEFORE trigger is processing; see proposed.h */
typedef struct EcProposal
{
	Relation relation;
	bool is_insert;
	CommandId command; /* of the statement; InvalidCommandId if unknown */
} EcProposal;

#endif
