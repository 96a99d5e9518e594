/*
 * deadlock.h
 *		Keeps a batch from making other sessions deadlock victims.
 */
#ifndef EC_WORKER_PROCESS_DEADLOCK_H
#define EC_WORKER_PROCESS_DEADLOCK_H

#include "postgres.h"

#include "utils/elog.h"

/* Call once in a worker. */
extern void ec_checks_init(void);

/*
 * Call around the work of a batch without a deadline; ec_checks_end also after
 * an error.
 */
extern void ec_checks_begin(void);
extern void ec_checks_end(void);

/*
 * Does the error come from the server's deadlock detection, and not from user
 * code that raises the same SQLSTATE?
 */
extern bool ec_is_own_deadlock(const ErrorData *error);

#endif
