/*
 * copy_plan.h
 *		How the statements of a copy are planned.
 */
#ifndef EC_BACKFILL_COPY_COPY_PLAN_H
#define EC_BACKFILL_COPY_COPY_PLAN_H

#include "postgres.h"

#include "backfill/sweep_kind.h"

/*
 * A batch looks each of its rows up in the other table.  So this rule leaves
 * that table no path but an index scan for the key; a plan made while it was
 * small would read all of it for each row later.  It fails if the table, or a
 * partition of it, has no index for that.
 */
extern EcPathRule *ec_copy_path_rule(const EcBackfill *backfill);

#endif
