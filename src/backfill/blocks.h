/*
 * blocks.h
 *		Reads a heap in order, one range of blocks after the other.
 */
#ifndef EC_BACKFILL_BLOCKS_H
#define EC_BACKFILL_BLOCKS_H

#include "postgres.h"

#include "storage/block.h"
#include "storage/off.h"
#include "utils/rel.h"

#include "backfill/sweep_kind.h"

/*
 * The position within a chunk of blocks.  The chunk is passed over once for
 * each stripe.  A stripe consists of the line pointers whose offset has a
 * certain remainder; with one stripe a pass takes all of them.
 */
typedef struct EcCursor
{
	BlockNumber first;
	BlockNumber end; /* the block after the last */
	int stripes;
	int stripe;          /* the current pass, from 0 */
	BlockNumber block;   /* the next line pointer to process */
	OffsetNumber offset; /* from FirstOffsetNumber */
	int64 rows;          /* of the chunk at its start, estimated */
} EcCursor;

/* may_stripe: the updates can be HOT, so that stripes are useful. */
extern void ec_cursor_start(Relation relation, EcCursor *cursor,
							BlockNumber first, BlockNumber end, bool may_stripe);

/*
 * Adapts the cursor if VACUUM has truncated the table since the last batch; it
 * cannot do so during a batch.
 */
extern void ec_cursor_clamp(Relation relation, EcCursor *cursor);

/*
 * Takes the next rows: at most limit line pointers that may lead to rows.
 * Returns false at the end of the chunk.
 */
extern bool
ec_next_rows(Relation relation, EcCursor *cursor, int limit, EcBatchRows *rows);

/* How much of the chunk has been done, in blocks. */
extern BlockNumber ec_cursor_done(const EcCursor *cursor);

#endif
