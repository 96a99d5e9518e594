/*
 * queue_key.h
 *		How the queue names a row, and what it knows of one that is not stored.
 */
#ifndef EC_DUALWRITE_QUEUE_QUEUE_KEY_H
#define EC_DUALWRITE_QUEUE_QUEUE_KEY_H

#include "postgres.h"

#include "access/attnum.h"
#include "access/transam.h"
#include "utils/rel.h"

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

/* A row that a BEFORE trigger has in hand; see proposed.h. */
typedef struct EcProposal
{
	Relation relation;
	bool is_insert;
	CommandId command; /* of the statement; InvalidCommandId if nobody knows */
} EcProposal;

#endif
