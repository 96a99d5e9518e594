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

/* For the whole cluster; each takes about 2 kB. */
#define EC_MAX_TRACKED 1024

/*
 * The column for which a slot counts, and since when.  A column that is
 * tracked again gets another slot.  Serial numbers are not reused, so a
 * backend that remembers slot and serial cannot count for the slot's next
 * column.
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
	uint32 serial;     /* equals the key's */
	TimestampTz since; /* when it began to count */
	bool merged;       /* the table's earlier counts have been added */
	uint64 changes;
	uint64 flushed; /* value of changes at the last flush */
	EcAccess reads;
	EcAccess writes;
	EcUnknown unknown;
	TimestampTz unwritten_since; /* the flush has been failing; 0: it works */
} EcUsageSlot;

/*
 * Locking protocol.  EC_USAGE_KEYS protects keys and timeline.  A slot's own
 * lock protects its fields, and is enough to count.  To change a serial, take
 * both, EC_USAGE_KEYS first.
 */
typedef struct EcUsageShared
{
	/*
	 * incremented when the list of tracked columns of any database may have
	 * changed; never 0
	 */
	pg_atomic_uint32 generation;

	/*
	 * The timeline on which uses are counted, and since when; clean restarts
	 * do not interrupt this.  On a standby timeline is 0, and the slots
	 * contain only uses on the standby itself.
	 */
	TimeLineID timeline;
	TimestampTz began;

	uint32 last_serial;
	int used; /* slots from this one on have never been used */
	EcUsageKey keys[EC_MAX_TRACKED];
	EcUsageSlot slots[EC_MAX_TRACKED];
} EcUsageShared;

/* NULL if the library is not preloaded */
extern EcUsageShared *ec_usage;
extern LWLockPadded *ec_usage_locks; /* [0] is EC_USAGE_KEYS */

#define EC_USAGE_KEYS (&ec_usage_locks[0].lock)

static inline LWLock *
ec_usage_lock(const EcUsageSlot *slot)
{
	return &ec_usage_locks[1 + (slot - ec_usage->slots)].lock;
}

/*
 * Call in _PG_init.  begin is called in the postmaster when the memory exists.
 */
extern void ec_usage_request_memory(void (*begin)(void));

/* The list may have changed: makes all backends read it again. */
extern void ec_usage_announce(void);

/* Resets the slots if the server has changed its timeline. */
extern void ec_usage_check_timeline(void);

/* Call with EC_USAGE_KEYS held: the slot of a column, or -1. */
extern int ec_usage_find(const EcTracked *column);
extern int ec_usage_allocate(const EcTracked *column); /* held exclusively;
													    * -1: no slot is
													    * free */
extern void ec_usage_free(int slot);                   /* held exclusively */

/* Counts an execution; false if the slot now belongs to another column. */
extern bool
ec_usage_count(int slot, uint32 serial, bool is_write, const EcUser *who);

/*
 * Records that uses may be missed now, in those slots of this database that
 * began to count at since or later.  Columns that have no slot yet are counted
 * only from a later time on anyway.
 */
extern void ec_usage_note_miss(TimestampTz since);

/* Records whether this database's counters could be written to the table. */
extern void ec_usage_note_flush(bool has_failed);

extern void ec_usage_add_user(EcAccess *access, const EcUser *who);

#endif
