/*
 * launcher.h
 *		The launcher: finds unfinished jobs after a start, a crash or a
 *		promotion, and starts their workers.
 */
#ifndef EC_WORKER_PROCESS_LAUNCHER_H
#define EC_WORKER_PROCESS_LAUNCHER_H

#include "postgres.h"

#include "utils/timestamp.h"
#include "worker/jobs/calls.h"

/* From _PG_init, while shared_preload_libraries is processed. */
extern void ec_register_launcher(void);

/*
 * What else a database worker does in the database that it visits, whether the
 * extension is there or not: called without a transaction, as the bootstrap
 * superuser.  While it runs, the launcher waits.  From _PG_init.
 */
typedef void (*EcVisitor)(void);
extern void ec_register_visitor(EcVisitor visitor);

#endif
