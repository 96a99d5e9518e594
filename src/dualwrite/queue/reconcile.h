/*
 * reconcile.h
 *		Retries failed dual writes.
 */
#ifndef EC_DUALWRITE_QUEUE_RECONCILE_H
#define EC_DUALWRITE_QUEUE_RECONCILE_H

#include "postgres.h"

#include "model/change.h"
#include "worker/jobs/job.h"
#include "worker/jobs/registry.h"

/*
 * Retries at most limit rows of the change's queue, as the owner of its tables
 * (55000 if the owner has changed since ec_expand): all of them, or those
 * whose next attempt is due.  Rows that are in step leave the queue.  Returns
 * the number of rows tried.
 */
extern int ec_reconcile_rows(const EcChange *change, bool only_due, int limit);

/* jobs of kind "reconcile" */
extern const EcJobKind ec_reconcile_kind;

/* Returns the number of queued rows of the change. */
extern int64 ec_discrepancies_left(const char *change);

/*
 * Exempts writes of the change from its own trigger: those of the next
 * statement itself, but not those of triggers that it fires.  NULL ends the
 * exemption.
 */
extern void ec_exempt_change(const char *change);

#endif
