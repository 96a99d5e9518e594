/*
 * settings.h
 *		The settings under which a worker runs a script.
 */
#ifndef EC_MIGRATE_SETTINGS_H
#define EC_MIGRATE_SETTINGS_H

#include "postgres.h"

#include "core/json.h"
#include "script/script.h"

/* Add those of the submission to a job's parameters. */
extern void ec_capture_settings(EcJsonWriter *writer);

/*
 * Make the session what a client would have had when it came to the statement
 * with that number: the submission's settings, and what the statements before
 * it SET, the role included.  Outside of a transaction.
 */
extern void ec_enter_session(Jsonb *session, Jsonb *parameters,
							 const EcScript *script, int statement);

/* Be the job's owner again. */
extern void ec_leave_session(void);

#endif
