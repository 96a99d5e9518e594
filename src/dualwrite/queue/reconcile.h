/*
 * reconcile.h
 *		Making failed modern writes again.
 */
#ifndef EC_DUALWRITE_QUEUE_RECONCILE_H
#define EC_DUALWRITE_QUEUE_RECONCILE_H

#include "postgres.h"

#include "model/change.h"
#include "worker/jobs/job.h"
#include "worker/jobs/registry.h"

/*
 * Try at most limit rows of the change's queue again, as the owner of its
 * tables (55000 if they have another since ec_expand): all, or those whose next attempt is due.  Rows that are in step by now leave the
 * queue.  Returns how many were tried.
 */
extern int ec_reconcile_rows(const EcChange *change, bool only_due, int limit);

/* Jobs of kind "reconcile". */
extern const EcJobKind ec_reconcile_kind;

/* Rows of the change that are queued. */
extern int64 ec_discrepancies_left(const char *change);

/*
 * Exempt writes of the change from its own trigger: those of the statement
 * that runs, not of what it sets off.  NULL ends it.
 */
extern void ec_exempt_change(const char *change);

#endif
