/*
 * launcher.h
 *		The launcher: finds unfinished jobs after a start, a crash or a
 *		promotion, and starts their workers.
 */
#ifndef EC_WORKER_PROCESS_LAUNCHER_H
#define EC_WORKER_PROCESS_LAUNCHER_H

#include "postgres.h"

#include "utils/timestamp.h"

/* From _PG_init, while shared_preload_libraries is processed. */
extern void ec_register_launcher(void);

extern bool ec_launcher_running(void);

/*
 * What else a database worker does in the database that it visits, whether the
 * extension is there or not: called without a transaction, as the bootstrap
 * superuser.  While it runs, the launcher waits.  From _PG_init.
 */
typedef void (*EcVisitor)(void);
extern void ec_register_visitor(EcVisitor visitor);

/* Have the launcher look for jobs in a database at that time; never fails. */
extern void ec_call_launcher(Oid database, TimestampTz at);

#endif
