/*
 * sweep_rows.h
 *		The state of a sweep that the workers of a job share, in
 *		expand_contract.job_sweeps and job_leaves.
 *
 * All functions are called in scope.  sweep.c explains the locking protocol.
 */
#ifndef EC_BACKFILL_SWEEP_ROWS_H
#define EC_BACKFILL_SWEEP_ROWS_H

#include "postgres.h"

#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "backfill/leaves.h"

/* A row of expand_contract.job_sweeps. */
typedef struct EcSweep
{
	int64 job;
	int stage;
	int sweep;
	int64 total_blocks; /* of this sweep */
	int64 all_blocks;   /* of all leaves, when they were last examined */
	int open_chunks;    /* claimed and not handed in */
	int64 changed;
	int64 skipped;
	int64 suppressed;
	bool is_checked;  /* the check for remaining rows was made */
	bool found;       /* it found one */
	char *example;    /* describes a suppressed row */
	int empty_sweeps; /* consecutive ones that found only suppressed rows */
	int late_sweeps;  /* later sweeps that found more rows to write */
	int holder;       /* pid that has locked rows, see holder.h */
	int known_holder; /* the holder that was logged last */
	TimestampTz began;
} EcSweep;

/* A row of expand_contract.job_leaves. */
typedef struct EcSweptLeaf
{
	Oid relation;
	Oid filenode;
	bool is_first; /* first sweep over the leaf since it was last rewritten */
	int64 next;
	int64 end;
	int64 blocks; /* when it was last examined */
	Jsonb *place; /* by key: start of the next chunk; NULL: the beginning */
} EcSweptLeaf;

/* Reads and locks the job's sweep; creates its row if there is none. */
extern void ec_sweep_lock(int64 job, EcSweep *sweep);
extern void ec_sweep_save(const EcSweep *sweep);

/* Begins the next sweep, over these leaves. */
extern void ec_sweep_start(EcSweep *sweep, const EcLeaf *leaves, int count);
extern int64 ec_sum_blocks(const EcLeaf *leaves, int count);

/*
 * Called by ec_resume, because the reason why rows were suppressed may be
 * gone.
 */
extern void ec_sweep_resume(int64 job);

/*
 * Returns at most EC_LEAVES_TO_TRY leaves with OIDs greater than after that
 * have blocks left, ordered by OID, so that a sweep processes one leaf after
 * the other.
 */
#define EC_LEAVES_TO_TRY 64
extern int ec_swept_leaves(const EcSweep *sweep, Oid after, EcSweptLeaf *leaves);
extern void ec_swept_leaf_save(const EcSweep *sweep, const EcSweptLeaf *swept);

#endif
