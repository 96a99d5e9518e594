/*
 * deadline.h
 *		The time that a worker's batch may take.
 *
 * The batch ends as a cancelled query does, with 57014.  The server's
 * statement timeout is not used: it signals the whole process group, so that
 * a program from which a foreign table reads would die, and the scan with an
 * error of its own.
 */
#ifndef EC_WORKER_PROCESS_DEADLINE_H
#define EC_WORKER_PROCESS_DEADLINE_H

/* In a worker, once, before the first batch. */
extern void ec_deadline_init(void);

extern void ec_deadline_begin(int ms);

/* Also where there is none. */
extern void ec_deadline_end(void);

#endif
