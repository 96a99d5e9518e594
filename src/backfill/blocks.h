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

/* The next line pointer to visit, and the block before which to stop. */
typedef struct EcCursor
{
	BlockNumber block;
	OffsetNumber offset; /* from FirstOffsetNumber */
	BlockNumber end;
} EcCursor;

/*
 * Cut the next range off the cursor: as many line pointers as may hold rows,
 * up to limit.  False at the end.
 */
extern bool
ec_next_range(Relation relation, EcCursor *cursor, int limit, EcRange *range);

#endif
