/*
 * deadlock.h
 *		Staying out of the application's deadlock checks.
 */
#ifndef EC_WORKER_PROCESS_DEADLOCK_H
#define EC_WORKER_PROCESS_DEADLOCK_H

#include "postgres.h"

#include "utils/elog.h"

/* In a worker, once. */
extern void ec_checks_init(void);

/*
 * Around the step of a batch that has no deadline; ec_checks_end also after an
 * error.
 */
extern void ec_checks_begin(void);
extern void ec_checks_end(void);

/* Has the server found the deadlock, or has user code made up its error? */
extern bool ec_is_own_deadlock(const ErrorData *error);

#endif
