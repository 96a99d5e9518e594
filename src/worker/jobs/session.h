/*
 * session.h
 *		The submitting session's settings that affect the meaning of user SQL.
 */
#ifndef EC_WORKER_JOBS_SESSION_H
#define EC_WORKER_JOBS_SESSION_H

#include "postgres.h"

#include "utils/jsonb.h"

extern Jsonb *ec_capture_session(void);
extern void ec_apply_session(Jsonb *settings);

#endif
