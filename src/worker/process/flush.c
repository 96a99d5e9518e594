/*
 * flush.c
 *		The WAL of a batch, flushed in small pieces as it is written.
 *
 * Our commits are asynchronous, but those of the application are not: each has
 * to flush all WAL that was written before its own, and that of a whole batch
 * takes many times as long as that of a small update.  So a batch flushes its
 * WAL itself, a few pages at a time; then a commit of the application waits
 * for one such piece at most.  That costs the batch some time, so a job that
 * runs without pauses, and so puts its own speed first, does not do it.
 */
#include "postgres.h"

#include "access/xlog.h"

#include "worker/process/flush.h"

#define PIECE_BYTES (2 * XLOG_BLCKSZ)

static bool is_enabled = false;
static XLogRecPtr flushed = InvalidXLogRecPtr;

void
ec_flush_in_pieces(bool enabled)
{
	is_enabled = enabled;
}

void
ec_flush_piece(void)
{
	/* the end of the transaction's last record so far; reset at its end */
	if (!is_enabled || XactLastRecEnd < flushed + PIECE_BYTES)
		return;
	flushed = XactLastRecEnd;
	XLogFlush(flushed);
}
