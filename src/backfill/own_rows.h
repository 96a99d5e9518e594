/*
 * own_rows.h
 *		Detects that a job creates new rows to be done by its own writes,
 *		through triggers, so that it would never end.
 */
#ifndef EC_BACKFILL_OWN_ROWS_H
#define EC_BACKFILL_OWN_ROWS_H

#include "postgres.h"

#include "utils/rel.h"

#include "backfill/sweep_kind.h"

/*
 * Call after a batch of a later sweep that has written this many rows.  Raises
 * XE010 if it has created as many rows that are still to be done.  Reads the
 * swept tables.
 */
extern void
ec_refuse_own_rows(Relation root, const EcBackfill *backfill, int64 written);

/*
 * Does the leaf have triggers that a batch fires, other than those of changes?
 */
extern bool ec_may_make_rows(Relation leaf, const EcBackfill *backfill);

#endif
