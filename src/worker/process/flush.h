/*
 * flush.h
 *		The WAL of a batch, flushed in small pieces as it is written.
 */
#ifndef EC_WORKER_PROCESS_FLUSH_H
#define EC_WORKER_PROCESS_FLUSH_H

/* Whether the batch that begins flushes its WAL in pieces. */
extern void ec_flush_in_pieces(bool enabled);

/* To be called for each row that the batch has written. */
extern void ec_flush_piece(void);

#endif
