/*
 * left_out.h
 *		Rows that a job of a change leaves out, since they fail.
 */
#ifndef EC_DUALWRITE_QUEUE_LEFT_OUT_H
#define EC_DUALWRITE_QUEUE_LEFT_OUT_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/rel.h"

#include "worker/jobs/job.h"

/*
 * Queue the row, as a write of the job's direction that failed; see
 * ec_change_row_left_out.
 */
extern bool ec_queue_row_left_out(const EcJob *job, Relation leaf,
								  TupleTableSlot *slot, const ErrorData *error);

#endif
