/*
 * expand_contract.h
 *		Declarations that every room may use.
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
 * Our heavyweight locks are advisory locks with a fourth tag field that no SQL
 * function can produce (those use 1 and 2), so no user can take them.
 * pg_locks shows them as locktype advisory with this objsubid.
 */
#define EC_LOCK_MIGRATION 0x6C00 /* one migration at a time in a database */
#define EC_LOCK_JOB_SLOT  0x6000 /* + slot: one worker per job slot */
#define EC_LOCK_WORKER                                                         \
	0x6400 /* four times EC_MAX_WORKERS, for max_workers places; places.h */
#define EC_LOCK_TRACK 0x6A01 /* one ec_track per table owner at a time */
#define EC_LOCK_ASKS  0x6A00 /* shared, cluster-wide: waiting for a place */

#endif
