/*
 * own_rows.h
 *		Rows that a job makes itself, through triggers, and would go on to write
 *		for ever.
 */
#ifndef EC_BACKFILL_OWN_ROWS_H
#define EC_BACKFILL_OWN_ROWS_H

#include "postgres.h"

#include "utils/rel.h"

#include "backfill/sweep_kind.h"

/*
 * After a batch of a later sweep wrote so many rows: XE010 if it has made as many
 * that are still to be done.  Reads the tables that are swept.
 */
extern void
ec_refuse_own_rows(Relation root, const EcBackfill *backfill, int64 written);

/* Has the leaf triggers that a batch sets off, other than those of changes? */
extern bool ec_may_make_rows(Relation leaf, const EcBackfill *backfill);

#endif
