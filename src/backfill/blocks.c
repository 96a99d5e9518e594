/*
 * blocks.c
 *		Walking over a heap, block range by block range.
 *
 * The size of a batch is a bound, not a guess: line pointers are counted
 * before the batch.  A line pointer leads to one row at most, so a range with
 * n of them holds at most n rows; dead ones only make a batch smaller.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"

#include "backfill/blocks.h"

/*
 * Count the used line pointers of a block from an offset on, stopping after
 * limit of them; *next is the offset after the last one counted, or
 * InvalidOffsetNumber if the block ends before.
 */
static int
count_rows(Relation relation, BlockNumber block, OffsetNumber from, int limit,
		   OffsetNumber *next)
{
	Buffer buffer = ReadBuffer(relation, block);
	Page page;
	OffsetNumber last;
	OffsetNumber offset;
	int rows = 0;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buffer);
	last = PageIsNew(page) ? 0 : PageGetMaxOffsetNumber(page);
	*next = InvalidOffsetNumber;
	for (offset = from; offset <= last; offset = OffsetNumberNext(offset))
	{
		if (!ItemIdIsNormal(PageGetItemId(page, offset)))
			continue;
		if (rows == limit)
		{
			*next = offset;
			break;
		}
		rows++;
	}
	UnlockReleaseBuffer(buffer);
	return rows;
}

bool
ec_next_range(Relation relation, EcCursor *cursor, int limit, EcRange *range)
{
	int rows = 0;

	Assert(limit > 0);
	if (cursor->block >= cursor->end)
		return false;
	ItemPointerSet(&range->from, cursor->block, cursor->offset);
	while (cursor->block < cursor->end && rows < limit)
	{
		OffsetNumber next;

		CHECK_FOR_INTERRUPTS();
		rows += count_rows(relation, cursor->block, cursor->offset,
						   limit - rows, &next);
		if (next != InvalidOffsetNumber)
		{
			cursor->offset = next;
			break;
		}
		cursor->block++;
		cursor->offset = FirstOffsetNumber;
	}
	ItemPointerSet(&range->to, cursor->block, cursor->offset);
	return true;
}
