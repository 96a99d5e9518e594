/*
 * owner.h
 *		The role as which a worker connects.
 */
#ifndef EC_WORKER_JOBS_OWNER_H
#define EC_WORKER_JOBS_OWNER_H

#include "postgres.h"

/* Raises 28000 if no worker could run a job of that owner for this session. */
extern void ec_check_job_owner(Oid owner);

/*
 * The role to connect as; login is the role that has submitted or resumed the
 * job.
 */
extern Oid ec_job_login(Oid owner, Oid login);

/* Could a worker connected as this session's role run jobs of that owner? */
extern bool ec_session_can_run_jobs_of(Oid owner);

#endif
