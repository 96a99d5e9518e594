/*
 * settings.h
 *		The settings under which a worker runs a script.
 */
#ifndef EC_MIGRATE_SETTINGS_H
#define EC_MIGRATE_SETTINGS_H

#include "postgres.h"

#include "core/json.h"
#include "script/script.h"

/* Adds the settings of the submission to a job's parameters. */
extern void ec_capture_settings(EcJsonWriter *writer);

/*
 * Gives the session the settings that a client's session would have before the
 * statement with that number: those of the submission, and what the earlier
 * statements have SET, including the role.  Call outside of a transaction.
 */
extern void ec_enter_session(Jsonb *session, Jsonb *parameters,
							 const EcScript *script, int statement);

/* Switches back to the job's owner. */
extern void ec_leave_session(void);

#endif
