/*
 * leaves.h
 *		The tables that contain the rows of a relation: itself, or its
 *		partitions.
 */
#ifndef EC_BACKFILL_LEAVES_H
#define EC_BACKFILL_LEAVES_H

#include "postgres.h"

#include "storage/block.h"
#include "utils/rel.h"

#include "backfill/sweep_kind.h"

typedef struct EcLeaf
{
	Oid relation;
	Oid filenode;
	BlockNumber blocks;
} EcLeaf;

/*
 * Lists the present leaves, ordered by OID; waits for no lock.  Raises an
 * error for a leaf that a job of that kind (NULL: any) cannot sweep over.  The
 * caller checks the root.
 */
extern int ec_leaves(Relation root, const EcSweepKind *kind, EcLeaf **leaves);

/*
 * The leaf's size in blocks; at least 1 if it may have rows without having
 * blocks.
 */
extern BlockNumber ec_leaf_blocks(Relation leaf);

/*
 * Opens a leaf with RowExclusiveLock, which the caller keeps until commit.
 * Returns NULL if it is no leaf (any more).  With no_wait, returns NULL and
 * sets *is_locked if another session has locked it.
 */
extern Relation ec_open_leaf(Relation root, const EcSweepKind *kind,
							 Oid relation, bool no_wait, bool *is_locked);

/* Raises an error if a table that has rows cannot be read by that method. */
extern void ec_check_method(Relation leaf, EcMethod method);

/* Converts columns of one relation to those with the same names in another. */
extern Bitmapset *
ec_columns_by_name(Relation from, Relation to, Bitmapset *columns);

/*
 * At submission, as the caller: checks that he can run the job on each leaf.  Keeps
 * no lock on the leaves, because there can be thousands.
 */
extern void ec_check_leaves(Relation root, const EcBackfill *backfill);

#endif
