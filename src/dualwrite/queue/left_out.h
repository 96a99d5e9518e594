/*
 * left_out.h
 *		Queues rows that a job of a change skips because they fail.
 */
#ifndef EC_DUALWRITE_QUEUE_LEFT_OUT_H
#define EC_DUALWRITE_QUEUE_LEFT_OUT_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/rel.h"

#include "worker/jobs/job.h"

/*
 * Queues the row like a failed write in the job's direction; see
 * ec_change_row_left_out.
 */
extern bool ec_queue_row_left_out(const EcJob *job, Relation leaf,
								  TupleTableSlot *slot, const ErrorData *error);

#endif
