/*
 * flush.c
 *		Flushes the WAL of a batch in small pieces, while it is written.
 *
 * Our commits are asynchronous, but the application's usually are not.  Each
 * of these has to flush all WAL inserted before its own record, and the WAL of
 * a whole batch takes many times as long as that of a small update.  So a
 * batch flushes its WAL a few pages at a time, and a commit of the application
 * waits for at most one such piece.  This costs the batch some time, so a job
 * without pauses, for which its own speed matters most, does not do it.
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
	/*
	 * XactLastRecEnd is the end of the transaction's last record; 0 if there
	 * is none
	 */
	if (!is_enabled || XactLastRecEnd < flushed + PIECE_BYTES)
		return;
	flushed = XactLastRecEnd;
	XLogFlush(flushed);
}
