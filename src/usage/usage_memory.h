/*
 * usage_memory.h
 *		The counters of tracked columns in shared memory.
 */
#ifndef EC_USAGE_USAGE_MEMORY_H
#define EC_USAGE_USAGE_MEMORY_H

#include "postgres.h"

#include "access/xlogdefs.h"
#include "port/atomics.h"
#include "storage/lwlock.h"

#include "usage/usage_tracked.h"

/* In the whole cluster; about 2 kB each. */
#define EC_MAX_TRACKED 1024

/*
 * Which column a slot counts for, and since when: a column that is tracked anew
 * gets another slot.  A serial number is used once, so that whoever remembers
 * slot and serial cannot count for the slot's next column.
 */
typedef struct EcUsageKey
{
	uint32 serial; /* 0: the slot is free */
	Oid database;
	Oid relation;
	AttrNumber attnum;
	TimestampTz tracked_since;
} EcUsageKey;

typedef struct EcUsageSlot
{
	uint32 serial;     /* of the key */
	TimestampTz since; /* it has been counting */
	bool merged;       /* what the table knew before is in the counts */
	uint64 changes;
	uint64 flushed; /* as many changes are in the table */
	EcAccess reads;
	EcAccess writes;
	EcUnknown unknown;
	TimestampTz unwritten_since; /* the flush has been failing; 0: it works */
} EcUsageSlot;

/*
 * Locking protocol.  EC_USAGE_KEYS guards keys and timeline; a slot's own lock
 * guards its fields, and is enough to count.  A change of serial takes both, in
 * that order.
 */
typedef struct EcUsageShared
{
	/* moves when what is tracked may have changed, in any database; never 0 */
	pg_atomic_uint32 generation;

	/*
	 * The timeline that is watched, and since when, over clean restarts.  On a
	 * standby it is 0, and the slots count what was done there, nothing else.
	 */
	TimeLineID timeline;
	TimestampTz began;

	uint32 last_serial;
	int used; /* slots from here on have never been used */
	EcUsageKey keys[EC_MAX_TRACKED];
	EcUsageSlot slots[EC_MAX_TRACKED];
} EcUsageShared;

/* NULL: the library is not preloaded */
extern EcUsageShared *ec_usage;
extern LWLockPadded *ec_usage_locks; /* the first is that of the keys */

#define EC_USAGE_KEYS (&ec_usage_locks[0].lock)

static inline LWLock *
ec_usage_lock(const EcUsageSlot *slot)
{
	return &ec_usage_locks[1 + (slot - ec_usage->slots)].lock;
}

/* From _PG_init; begin is called in the postmaster, when the memory is there. */
extern void ec_usage_request_memory(void (*begin)(void));

/* Something may have changed: everybody looks again. */
extern void ec_usage_announce(void);

/* Are we still on the timeline that is watched? */
extern void ec_usage_check_timeline(void);

/* With the lock held: the slot of a column, or -1. */
extern int ec_usage_find(const EcTracked *column);
extern int ec_usage_allocate(const EcTracked *column); /* exclusive; -1: none is free */
extern void ec_usage_free(int slot);                   /* exclusive */

/* Count an execution; false if the slot is not that column's any more. */
extern bool
ec_usage_count(int slot, uint32 serial, bool is_write, const EcUser *who);

/*
 * Uses of this database's columns may be missed at this moment: of those whose
 * slots count since then, or later; those without a slot count later anyway.
 */
extern void ec_usage_note_miss(TimestampTz since);

/* Whether this database's counters could be written to the table. */
extern void ec_usage_note_flush(bool has_failed);

extern void ec_usage_add_user(EcAccess *access, const EcUser *who);

#endif
