/*
 * usage_tracked.h
 *		What is tracked, as a session knows it.
 */
#ifndef EC_USAGE_USAGE_TRACKED_H
#define EC_USAGE_USAGE_TRACKED_H

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

#endif
