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

/* Call in _PG_init, while shared_preload_libraries is processed. */
extern void ec_register_launcher(void);

/*
 * Further work of a database worker in the database that it visits.  It is
 * called even if the extension does not exist there, outside of a transaction,
 * as the bootstrap superuser.  The time of a visit is limited, and the next one
 * of the same database waits for its end.  Register in _PG_init.
 */
typedef void (*EcVisitor)(void);
extern void ec_register_visitor(EcVisitor visitor);

#endif
