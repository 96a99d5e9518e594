/*
 * deadline.h
 *		The time limit of a worker's batch.
 *
 * At its deadline the batch is cancelled like a query, with 57014.  The
 * server's statement_timeout is not used, because it signals the whole process
 * group.  That would also kill a program from which a foreign table reads
 * (file_fdw), and the scan would fail with another error.
 */
#ifndef EC_WORKER_PROCESS_DEADLINE_H
#define EC_WORKER_PROCESS_DEADLINE_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* Call once in a worker, before the first batch. */
extern void ec_deadline_init(void);

extern void ec_deadline_begin(int ms);

/* May also be called when no deadline has been set. */
extern void ec_deadline_end(void);

/*
 * Work without a deadline, for example a row whose trigger never ends, or a
 * script.  If it takes longer than expand_contract.max_batch_time, from then
 * on, and a process asks for this worker's place (ec_urge_places), it is
 * cancelled like at a deadline.  If user code has caught that, the next request
 * ends the process.
 */
extern void ec_patience_begin(TimestampTz since);

/* Has the work been cancelled for that reason? */
extern bool ec_patience_is_over(void);

/* Returns the same. */
extern bool ec_patience_end(void);

#endif
