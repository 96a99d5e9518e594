/*
 * submit.h
 *		Submits a backfill.
 */
#ifndef EC_BACKFILL_SUBMIT_H
#define EC_BACKFILL_SUBMIT_H

#include "postgres.h"

#include "worker/jobs/job.h"

/*
 * Checks the backfill as the caller, and inserts the job; spec has the pace
 * and, if any, the change.  Returns the job's number.
 */
extern int64 ec_submit_backfill(EcJobSpec *spec, Oid table, const char *assignments,
								const char *predicate, const char *method);

#endif
