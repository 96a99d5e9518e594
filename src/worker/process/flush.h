/*
 * flush.h
 *		Flushes the WAL of a batch in small pieces, while it is written.
 */
#ifndef EC_WORKER_PROCESS_FLUSH_H
#define EC_WORKER_PROCESS_FLUSH_H

/* Call at the start of a batch: does it flush its WAL in pieces? */
extern void ec_flush_in_pieces(bool enabled);

/* Call for each row that the batch has written. */
extern void ec_flush_piece(void);

#endif
