/*
 * copy_plan.h
 *		Controls how the statements of a copy are planned.
 */
#ifndef EC_BACKFILL_COPY_COPY_PLAN_H
#define EC_BACKFILL_COPY_COPY_PLAN_H

#include "postgres.h"

#include "backfill/sweep_kind.h"

/*
 * A batch searches the other table for each of its rows.  So this rule allows
 * only index scans by the key for that table.  Otherwise a plan made while the
 * table was small would later read all of it for each row.  The rule fails if
 * the table, or a partition of it, has no such index.
 */
extern EcPathRule *ec_copy_path_rule(const EcBackfill *backfill);

#endif
