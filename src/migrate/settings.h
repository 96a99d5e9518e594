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
 * statement with that number: those of the submission, what the earlier
 * statements have SET, including the role, and what ec_settings_kept returned
 * for the earlier steps; NULL: nothing.  Call outside of a transaction.
 */
extern void ec_enter_session(Jsonb *session, Jsonb *parameters,
							 const EcScript *script, int statement, Jsonb *kept);

/*
 * The settings that would outlast the transaction, of those made since the
 * GUC nest level began, by whatever statement or function; NULL if there are
 * none.  Raises 42501 for one that the current user may not set himself: the
 * next step could not set it again.
 */
extern Jsonb *ec_settings_kept(int guc_level);

/* Switches back to the job's owner. */
extern void ec_leave_session(void);

#endif
