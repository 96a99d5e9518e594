/*
 * lag.h
 *		Reads how far the standbys are behind.
 */
#ifndef EC_WORKER_THROTTLE_LAG_H
#define EC_WORKER_THROTTLE_LAG_H

#include "postgres.h"

#include "access/xlogdefs.h"

typedef struct EcStandby
{
	char *name;         /* application_name, or that of an inactive slot */
	char *address;      /* NULL: local, or not connected */
	XLogRecPtr lsn;     /* what it has replayed or else received; may be
						 * invalid */
	bool replays;       /* it replays WAL and does not only receive it */
	int64 reported_lag; /* the server's replay_lag in ms; -1: none */
} EcStandby;

/*
 * Reads the standbys that count, and into *flushed the position that they
 * could have reached.  Returns their number; allocates in the memory context
 * that was current at SPI_connect.  In scope.
 */
extern int ec_read_standbys(EcStandby **standbys, XLogRecPtr *flushed);

extern bool ec_is_ignored_standby(const char *name);

#endif
