/*
 * sweep_rows.h
 *		What the workers of a job share of a sweep: its rows of
 *		expand_contract.job_sweeps and job_leaves.  All in scope; sweep.c says
 *		who may do what.
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
	int64 all_blocks;   /* of all leaves, when they were last looked at */
	int open_chunks;    /* handed out and not handed in */
	int64 changed;
	int64 skipped;
	int64 suppressed;
	bool is_checked;  /* whether any row is left */
	bool found;       /* one is */
	char *example;    /* of a suppressed row */
	int empty_sweeps; /* in a row, that only met suppressed rows */
	int late_sweeps;  /* after the first, that found more rows to change */
	int holder;       /* of locked rows, see holder.h */
	int known_holder; /* that we have spoken of */
	TimestampTz began;
} EcSweep;

/* A row of expand_contract.job_leaves. */
typedef struct EcSweptLeaf
{
	Oid relation;
	Oid filenode;
	bool is_first; /* sweep over the leaf as it is stored now */
	int64 next;
	int64 end;
	int64 blocks; /* when it was last looked at */
	Jsonb *place; /* by key: the next chunk's; NULL: at the beginning */
} EcSweptLeaf;

/* The job's sweep, which is made if there is none, and locked. */
extern void ec_sweep_lock(int64 job, EcSweep *sweep);
extern void ec_sweep_save(const EcSweep *sweep);

/* The next sweep, over these leaves. */
extern void ec_sweep_start(EcSweep *sweep, const EcLeaf *leaves, int count);
extern int64 ec_sum_blocks(const EcLeaf *leaves, int count);

/* Whatever kept rows from being updated may be mended. */
extern void ec_sweep_resume(int64 job);

/*
 * Leaves behind one that have blocks left, by OID: so a sweep goes over one at
 * a time.  At most so many; returns how many.
 */
#define EC_LEAVES_TO_TRY 64
extern int ec_swept_leaves(const EcSweep *sweep, Oid after, EcSweptLeaf *leaves);
extern void ec_swept_leaf_save(const EcSweep *sweep, const EcSweptLeaf *swept);

#endif
