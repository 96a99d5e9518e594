/*
 * blocks.h
 *		Walking over a heap, block range by block range.
 */
#ifndef EC_BLOCKS_H
#define EC_BLOCKS_H

#include "postgres.h"

#include "storage/block.h"
#include "storage/off.h"
#include "utils/rel.h"

#include "backfill/batch.h"

/*
 * Where a sweep stands.  A chunk of blocks is passed over once for each of its
 * stripes, and a stripe is the line pointers of one residue class; with one
 * stripe, a pass takes all of them.
 */
typedef struct EcCursor
{
	BlockNumber chunk;     /* its first block */
	BlockNumber chunk_end; /* the block after its last */
	int stripes;
	int stripe;          /* this pass, from 0 */
	BlockNumber block;   /* the next line pointer to visit */
	OffsetNumber offset; /* from FirstOffsetNumber */
	BlockNumber end;     /* of the sweep */
} EcCursor;

extern void ec_cursor_start(EcCursor *cursor, BlockNumber end);

/*
 * Cut the next rows off the cursor: at most limit line pointers that may hold
 * rows.  may_stripe says whether updates can be HOT, so that stripes make
 * sense.  False at the end of the sweep.
 */
extern bool ec_next_rows(Relation relation, EcCursor *cursor, bool may_stripe,
						 int limit, EcRows *rows);

/* What has been done of the sweep, in blocks. */
extern BlockNumber ec_cursor_done(const EcCursor *cursor);

#endif
