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
 *
 * Where flushing is slow, or where rows write whole pages because a checkpoint
 * has just begun, flushing every few pages would take most of the batch's time.
 * So between two flushes the batch works for at least twice as long as the first
 * of them took.  A commit of the application then waits for as much WAL as is
 * written meanwhile, which is about the time of its own flush.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "portability/instr_time.h"

#include "worker/process/flush.h"

#define PIECE_BYTES    (2 * XLOG_BLCKSZ)
#define WORK_PER_FLUSH 2.0

static bool is_enabled = false;
static XLogRecPtr flushed = InvalidXLogRecPtr;
static instr_time flush_end;
static double flush_seconds = 0;

static double
seconds_between(instr_time from, instr_time until)
{
	INSTR_TIME_SUBTRACT(until, from);
	return INSTR_TIME_GET_DOUBLE(until);
}

void
ec_flush_in_pieces(bool enabled)
{
	is_enabled = enabled;
}

void
ec_flush_piece(void)
{
	instr_time start;

	/*
	 * XactLastRecEnd is the end of the transaction's last record; 0 if there
	 * is none
	 */
	if (!is_enabled || XactLastRecEnd < flushed + PIECE_BYTES)
		return;
	INSTR_TIME_SET_CURRENT(start);
	if (seconds_between(flush_end, start) < flush_seconds * WORK_PER_FLUSH)
		return;
	flushed = XactLastRecEnd;
	XLogFlush(flushed);
	INSTR_TIME_SET_CURRENT(flush_end);
	flush_seconds = seconds_between(start, flush_end);
}
