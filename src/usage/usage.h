/*
 * usage.h
 *		Column usage: who still reads and writes the old columns.
 *
 * Tracked columns are counted by a hook that sees every execution, in shared
 * memory, so the library has to be preloaded.  The table expand_contract.usage
 * holds what is tracked, and the figures of the last flush.
 *
 *		usage_hook.c     sees executions, and finds the tracked columns in them
 *		usage_memory.c   the counters in shared memory
 *		usage_file.c     keeps them over a clean shutdown
 *		usage_sync.c     brings table and shared memory together
 *		usage_flush.c    writes the counters to the table, from a database worker
 *		usage_track.c    ec_track, ec_untrack
 *		usage_show.c     ec_column_usage, and ec_usage_of for the gates
 *		usage_import.c   what a standby has counted
 *
 * Silence is what was watched.  Whatever interrupts the watch (a crash, a start
 * without the library, a promotion) is recorded as a time of which nothing is
 * known, and while it lasts that time has no end.  So is the time for which the
 * counters cannot be written down, until they can be.
 */
#ifndef EC_USAGE_USAGE_H
#define EC_USAGE_USAGE_H

#include "postgres.h"

#include "access/attnum.h"
#include "datatype/timestamp.h"
#include "fmgr.h"

/* Distinct readers, and writers, that are remembered: the most recent ones. */
#define EC_RECENT_USERS 8

/*
 * Who used a column.  Names, as they were then: the role is that of the login,
 * whatever SET ROLE or a SECURITY DEFINER function made of it.
 */
typedef struct EcUser
{
	char application[NAMEDATALEN];
	char role[NAMEDATALEN];
	TimestampTz at; /* the last time */
} EcUser;

typedef struct EcAccess
{
	int64 count; /* of executions */
	int user_count;
	int latest; /* whose time is the last */
	EcUser users[EC_RECENT_USERS];
} EcAccess;

/* A time of which nothing is known; 0: there was none, DT_NOEND: it lasts. */
typedef struct EcUnknown
{
	TimestampTz since;
	TimestampTz until;
} EcUnknown;

typedef struct EcUsage
{
	Oid relation;
	AttrNumber attnum;
	NameData column_name; /* as it was at the last flush */
	TimestampTz tracked_since;
	EcAccess reads;
	EcAccess writes;
	EcUnknown unknown;           /* the last such time */
	TimestampTz unwritten_since; /* the flush has been failing; 0: it works */
} EcUsage;

/* The last user, or NULL. */
static inline const EcUser *
ec_last_user(const EcAccess *access)
{
	return access->user_count > 0 ? &access->users[access->latest] : NULL;
}

/*
 * What is known of a column now; false if it is not tracked.  Nobody has used
 * it since some moment only if both last times and unknown.until are earlier,
 * and tracked_since is as well.
 */
extern bool ec_usage_of(Oid relation, AttrNumber attnum, EcUsage *usage);

/* Is the library preloaded, so that uses are seen at all? */
extern bool ec_usage_is_watching(void);

/* The SQL functions; see usage_track.c. */
extern Datum ec_track(PG_FUNCTION_ARGS);
extern Datum ec_untrack(PG_FUNCTION_ARGS);

/* From _PG_init, while shared_preload_libraries is processed. */
extern void ec_register_usage(void);

#endif
