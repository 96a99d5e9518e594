/*
 * expand_contract.h
 *		What every room may know.
 *
 * The rooms depend downwards only:
 *
 *		lifecycle -> usage, dualwrite, verify, backfill, migrate
 *			-> model, lint -> script, worker -> core
 *
 * One header per module says what it offers.
 */
#ifndef EXPAND_CONTRACT_H
#define EXPAND_CONTRACT_H

#include "postgres.h"

#include "core/compat.h"
#include "core/errcodes.h"

/*
 * Heavyweight locks of ours are advisory locks whose fourth tag field no SQL
 * function can produce (those use 1 and 2), so nobody can squat on them.
 * pg_locks shows them as locktype advisory with this objsubid.
 */
#define EC_LOCK_MIGRATION 0x6C00 /* one migration at a time in a database */
#define EC_LOCK_JOB_SLOT  0x6000 /* + slot: one worker per job slot */
#define EC_LOCK_WORKER                                                         \
	0x6400 /* + n: at most max_workers in the cluster; places.h */
#define EC_LOCK_TRACK 0x6701 /* ec_track of one owner's tables at a time */
#define EC_LOCK_ASKS  0x6700 /* shared, in the cluster: waits for a place */

#endif
