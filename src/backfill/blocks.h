/*
 * blocks.h
 *		Walking over a heap, block range by block range.
 */
#ifndef EC_BACKFILL_BLOCKS_H
#define EC_BACKFILL_BLOCKS_H

#include "postgres.h"

#include "storage/block.h"
#include "storage/off.h"
#include "utils/rel.h"

#include "backfill/sweep_kind.h"

/*
 * Where the work on a chunk of blocks stands.  It is passed over once for each
 * of its stripes, and a stripe is the line pointers of one residue class; with
 * one stripe, the pass takes all of them.
 */
typedef struct EcCursor
{
	BlockNumber first;
	BlockNumber end; /* the block after the last */
	int stripes;
	int stripe;          /* this pass, from 0 */
	BlockNumber block;   /* the next line pointer to visit */
	OffsetNumber offset; /* from FirstOffsetNumber */
	int64 rows;          /* of the chunk at its start, by a sample */
} EcCursor;

/* may_stripe: updates can be HOT, so stripes make sense. */
extern void ec_cursor_start(Relation relation, EcCursor *cursor,
							BlockNumber first, BlockNumber end, bool may_stripe);

/*
 * VACUUM may have truncated the table since the last batch; it cannot during
 * one.
 */
extern void ec_cursor_clamp(Relation relation, EcCursor *cursor);

/*
 * Cut the next rows off the cursor: at most limit line pointers that may hold
 * rows.  False at the end of the chunk.
 */
extern bool
ec_next_rows(Relation relation, EcCursor *cursor, int limit, EcBatchRows *rows);

/* What has been done of the chunk, in blocks. */
extern BlockNumber ec_cursor_done(const EcCursor *cursor);

#endif
