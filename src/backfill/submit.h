/*
 * submit.h
 *		Entering a backfill.
 */
#ifndef EC_BACKFILL_SUBMIT_H
#define EC_BACKFILL_SUBMIT_H

#include "postgres.h"

#include "worker/jobs/job.h"

/*
 * Check what the backfill is to do, as the caller, and enter the job; spec has
 * the pace and, if it is one's, the change.  Returns the job's number.
 */
extern int64 ec_submit_backfill(EcJobSpec *spec, Oid table, const char *assignments,
								const char *predicate, const char *method);

#endif
