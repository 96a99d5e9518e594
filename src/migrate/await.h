/*
 * await.h
 *		Waiting, in a procedure, for a migration that a worker runs.
 */
#ifndef EC_AWAIT_H
#define EC_AWAIT_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/timestamp.h"

/*
 * Return when the migration is applied; see ec_wait_until for fcinfo and
 * timeout, whose errors this raises, and doc/migrations.md for the others.
 */
extern void
ec_wait_for_migration(FunctionCallInfo fcinfo, char *version, Interval *timeout);

#endif
