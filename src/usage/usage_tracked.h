/*
 * usage_tracked.h
 *		A session's copy of the list of tracked columns.
 */
#ifndef EC_USAGE_USAGE_TRACKED_H
#define EC_USAGE_USAGE_TRACKED_H

#include "postgres.h"

#include "usage/usage.h"

/*
 * A row of expand_contract.usage, and the slot that counts for it.  The struct
 * is small because every session reads the list.  Large chunks that a session
 * frees early would fragment its memory for the rest of its life.
 */
typedef struct EcTracked
{
	Oid relation;
	AttrNumber attnum;
	TimestampTz tracked_since;
	bool is_ours;   /* inserted by our own transaction, which may roll back */
	EcUsage *usage; /* the whole row; for the hook only if it has to be
					 * merged */
	int slot;
	uint32 serial; /* 0: it has no slot */
} EcTracked;

typedef struct EcTrackedSet
{
	Oid table;              /* expand_contract.usage, if there is one */
	bool is_locked_out;     /* reading the table would have had to wait */
	TimestampTz flushed_at; /* 0: never */
	int count;
	EcTracked *columns;
} EcTrackedSet;

#endif
