/*
 * blocks.c
 *		Reads a heap in order, by ranges of blocks and by stripes.
 *
 * The size of a batch is exact: line pointers are counted before the batch.  A
 * line pointer leads to at most one row, so n of them lead to at most n rows.
 * Dead ones only make the batch smaller.
 *
 * Why stripes?  If all rows of a full page are updated at once, each of them
 * moves to another page.  The table doubles, and so does every index.  So a
 * chunk of blocks is passed over k times, and each pass updates the rows whose
 * offset number has a certain remainder modulo k.  The first passes move a few
 * rows to other pages.  Their dead versions are pruned, so later passes find
 * free space in the page.  Then the updates are HOT and write no index.  Each
 * pass commits in small batches, so at the time of the next pass the dead
 * versions of this one can be pruned.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "utils/array.h"

#include "backfill/blocks.h"

/* Number of blocks to read before the number of stripes is chosen. */
#define SAMPLED_BLOCKS 16

#define STRIPES                10
#define STRIPES_OF_NARROW_ROWS 6

/*
 * Counts the normal line pointers of a block, beginning at an offset, up to
 * limit.  *next is the offset after the last one counted, or
 * InvalidOffsetNumber at the end of the block.
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

static void
next_range(Relation relation, EcCursor *cursor, int limit, EcBatchRows *rows)
{
	int count = 0;

	rows->is_list = false;
	ItemPointerSet(&rows->from, cursor->block, cursor->offset);
	while (cursor->block < cursor->end && count < limit)
	{
		OffsetNumber next;

		CHECK_FOR_INTERRUPTS();
		count += count_rows(relation, cursor->block, cursor->offset,
							limit - count, &next);
		if (next != InvalidOffsetNumber)
		{
			cursor->offset = next;
			break;
		}
		cursor->block++;
		cursor->offset = FirstOffsetNumber;
	}
	ItemPointerSet(&rows->to, cursor->block, cursor->offset);
}

/*
 * Lists the line pointers of this pass in a block, beginning at the cursor's
 * offset.
 */
static int
list_rows(Relation relation, EcCursor *cursor, Datum *tids,
		  ItemPointer pointers, int limit)
{
	Buffer buffer = ReadBuffer(relation, cursor->block);
	OffsetNumber offset = cursor->offset;
	OffsetNumber last;
	Page page;
	int count = 0;

	/*
	 * a fetch by TID does not prune, but this pass needs the free space in the
	 * page
	 */
	heap_page_prune_opt(relation, buffer);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buffer);
	last = PageIsNew(page) ? 0 : PageGetMaxOffsetNumber(page);
	for (; offset <= last && count < limit; offset++)
	{
		if (offset % cursor->stripes != cursor->stripe ||
			!ItemIdIsNormal(PageGetItemId(page, offset)))
			continue;
		ItemPointerSet(&pointers[count], cursor->block, offset);
		tids[count] = PointerGetDatum(&pointers[count]);
		count++;
	}
	UnlockReleaseBuffer(buffer);
	if (offset > last)
	{
		cursor->block++;
		cursor->offset = FirstOffsetNumber;
	}
	else
		cursor->offset = offset;
	return count;
}

static void
next_list(Relation relation, EcCursor *cursor, int limit, EcBatchRows *rows)
{
	Datum *tids = palloc(limit * sizeof(Datum));
	ItemPointer pointers = palloc(limit * sizeof(ItemPointerData));
	int count = 0;

	while (cursor->block < cursor->end && count < limit)
	{
		CHECK_FOR_INTERRUPTS();
		count += list_rows(relation, cursor, tids + count, pointers + count,
						   limit - count);
	}
	rows->is_list = true;
	rows->count = count;
	rows->list = PointerGetDatum(construct_array(tids, count, TIDOID,
												 sizeof(ItemPointerData), false,
												 TYPALIGN_SHORT));
	pfree(tids);
	pfree(pointers);
}

/*
 * The average number of line pointers in use per page, from a sample of the
 * chunk.
 */
static double
rows_per_page(Relation relation, const EcCursor *cursor)
{
	BlockNumber blocks = cursor->end - cursor->first;
	BlockNumber stride = Max(1, blocks / SAMPLED_BLOCKS);
	double rows = 0;
	int pages = 0;

	for (BlockNumber block = cursor->first; block < cursor->end; block += stride)
	{
		OffsetNumber next;

		rows += count_rows(relation, block, FirstOffsetNumber,
						   MaxHeapTuplesPerPage, &next);
		pages++;
	}
	return pages > 0 ? rows / pages : 0;
}

/*
 * Chooses the number of stripes for a chunk with this many rows per page.  A
 * HOT-updated row uses two line pointers, and a page has at most
 * MaxHeapTuplesPerPage.  If rows are so narrow that not all of them can be
 * HOT-updated, fewer stripes move more of them to other pages early.  More
 * stripes than rows in a page are useless.
 */
static int
choose_stripes(double rows)
{
	if (rows < 2)
		return 1;
	if (rows > MaxHeapTuplesPerPage / 2)
		return STRIPES_OF_NARROW_ROWS;
	return Min(STRIPES, (int) rows);
}

void
ec_cursor_start(Relation relation, EcCursor *cursor, BlockNumber first,
				BlockNumber end, bool may_stripe)
{
	double rows;

	cursor->first = first;
	cursor->end = end;
	cursor->stripe = 0;
	cursor->block = first;
	cursor->offset = FirstOffsetNumber;
	rows = rows_per_page(relation, cursor);
	cursor->rows = rows * (end - first);
	cursor->stripes = may_stripe ? choose_stripes(rows) : 1;
}

void
ec_cursor_clamp(Relation relation, EcCursor *cursor)
{
	BlockNumber blocks = RelationGetNumberOfBlocks(relation);

	cursor->end = Min(cursor->end, Max(blocks, cursor->first));
	if (cursor->block > cursor->end)
		cursor->block = cursor->end;
}

bool
ec_next_rows(Relation relation, EcCursor *cursor, int limit, EcBatchRows *rows)
{
	Assert(limit > 0);
	if (cursor->block >= cursor->end)
	{
		if (cursor->stripe + 1 >= cursor->stripes)
			return false;
		cursor->stripe++;
		cursor->block = cursor->first;
		cursor->offset = FirstOffsetNumber;
	}
	rows->first = cursor->first;
	rows->end = cursor->end;
	if (cursor->stripes == 1)
		next_range(relation, cursor, limit, rows);
	else
		next_list(relation, cursor, limit, rows);
	return true;
}

BlockNumber
ec_cursor_done(const EcCursor *cursor)
{
	double pass = cursor->block - cursor->first;
	double blocks = cursor->end - cursor->first;

	Assert(cursor->stripes > 0);
	return (cursor->stripe * blocks + pass) / cursor->stripes;
}
