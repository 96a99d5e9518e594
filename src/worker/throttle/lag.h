/*
 * lag.h
 *		How far the standbys are behind.
 */
#ifndef EC_WORKER_THROTTLE_LAG_H
#define EC_WORKER_THROTTLE_LAG_H

#include "postgres.h"

#include "access/xlogdefs.h"

typedef struct EcStandby
{
	char *name;         /* application_name, or that of a slot left behind */
	char *address;      /* NULL: local, or nobody there */
	XLogRecPtr lsn;     /* what it has, invalid if it does not say */
	bool replays;       /* not only a receiver of WAL */
	int64 reported_lag; /* ms, as the server measured it; -1: it did not */
} EcStandby;

/*
 * The standbys that count, and *flushed, what each of them could have.  How
 * many; allocated in the memory context before SPI was connected.  In scope.
 */
extern int ec_read_standbys(EcStandby **standbys, XLogRecPtr *flushed);

extern bool ec_is_ignored_standby(const char *name);

#endif
