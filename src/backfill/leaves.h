/*
 * leaves.h
 *		The tables that hold the rows of a relation: itself, or its partitions.
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
 * All leaves as they are now, by OID; waits for no lock.  Raises an error for
 * one that cannot be backfilled; the root is checked by whoever opens it.
 */
extern int ec_leaves(Relation root, EcLeaf **leaves);

/* Its size, at least one where it may have rows all the same. */
extern BlockNumber ec_leaf_blocks(Relation leaf);

/*
 * Open a leaf with RowExclusiveLock, which is to be kept until commit.  NULL
 * if it is not one, or not any more.  With no_wait, NULL and *is_locked if
 * somebody has locked it.
 */
extern Relation
ec_open_leaf(Relation root, Oid relation, bool no_wait, bool *is_locked);

/* Raises the reason if a table that has rows cannot be gone over in that way. */
extern void ec_check_method(Relation leaf, EcMethod method);

/* Columns of one relation as those of the same names in another. */
extern Bitmapset *
ec_columns_by_name(Relation from, Relation to, Bitmapset *columns);

/*
 * At submission, as the caller: can each leaf be backfilled, by him?  Keeps no
 * lock on a leaf, for there can be thousands.
 */
extern void ec_check_leaves(Relation root, const EcBackfill *backfill);

#endif
