/*
 * usage.h
 *		Column usage: which applications still read and write the old columns.
 *
 * A hook that is called for every execution counts the uses of tracked columns
 * in shared memory, so the library has to be preloaded.  The table
 * expand_contract.usage has a row for each tracked column, with its figures at
 * the last flush.
 *
 *		usage_hook.c     is called for executions, and finds tracked columns
 *		usage_memory.c   the counters in shared memory
 *		usage_file.c     keeps them over a clean shutdown
 *		usage_sync.c     synchronizes table and shared memory
 *		usage_flush.c    writes the counters to the table, in a database worker
 *		usage_track.c    ec_track, ec_untrack
 *		usage_show.c     ec_column_usage, and ec_usage_of for the gates
 *		usage_import.c   takes over the figures of a standby
 *
 * Only a time during which uses were counted can show that nobody used a
 * column.  Whatever interrupts the counting (a crash, a start without the
 * library, a promotion) is recorded as a time for which nothing is known.
 * While the interruption lasts, that time has no end.  So is the time
 * during which the counters cannot be written to the table.
 */
#ifndef EC_USAGE_USAGE_H
#define EC_USAGE_USAGE_H

#include "postgres.h"

#include "access/attnum.h"
#include "datatype/timestamp.h"
#include "fmgr.h"

/*
 * The number of distinct readers, and of writers, that are stored; the latest
 * ones.
 */
#define EC_RECENT_USERS 8

/*
 * Who has used a column.  Names are stored as they were at that time.  The
 * role is the session user, regardless of SET ROLE and SECURITY DEFINER
 * functions.
 */
typedef struct EcUser
{
	char application[NAMEDATALEN];
	char role[NAMEDATALEN];
	TimestampTz at; /* time of the last use */
} EcUser;

typedef struct EcAccess
{
	int64 count; /* number of executions */
	int user_count;
	int latest; /* index of the latest user */
	EcUser users[EC_RECENT_USERS];
} EcAccess;

/*
 * A time for which nothing is known.  0: there was none; until DT_NOEND: it
 * lasts.
 */
typedef struct EcUnknown
{
	TimestampTz since;
	TimestampTz until;
} EcUnknown;

typedef struct EcUsage
{
	Oid relation;
	AttrNumber attnum;
	NameData column_name; /* at the last flush */
	TimestampTz tracked_since;
	EcAccess reads;
	EcAccess writes;
	EcUnknown unknown;           /* the last time for which nothing is known */
	TimestampTz unwritten_since; /* flushes have failed; 0: they succeed */
} EcUsage;

/* The latest user, or NULL. */
static inline const EcUser *
ec_last_user(const EcAccess *access)
{
	return access->user_count > 0 ? &access->users[access->latest] : NULL;
}

/*
 * Gets the present figures of a column; false if it is not tracked.  The
 * column has not been used since some moment only if the latest read, the
 * latest write, unknown.until and tracked_since are all earlier than that
 * moment.
 */
extern bool ec_usage_of(Oid relation, AttrNumber attnum, EcUsage *usage);

/* Is the library preloaded, so that uses are counted? */
extern bool ec_usage_is_watching(void);

/* The SQL functions; see usage_track.c. */
extern Datum ec_track(PG_FUNCTION_ARGS);
extern Datum ec_untrack(PG_FUNCTION_ARGS);

/* Call in _PG_init, while shared_preload_libraries is processed. */
extern void ec_register_usage(void);

#endif
