/*
 * copy.h
 *		Copies from table to table, by a mapping and a key.
 *
 * A copy is a sweep over the source that writes into the target what is
 * missing there (mode fill), or differs as well (mode repair); then, in mode
 * repair, one over the target that deletes what the source does not have.
 */
#ifndef EC_BACKFILL_COPY_COPY_H
#define EC_BACKFILL_COPY_COPY_H

#include "postgres.h"

#include "backfill/copy/copy_definition.h"

/*
 * Check all that can be known before the first batch, as the caller, and
 * submit the job; returns its number.  The mapping is parsed with the caller's
 * search_path, and stored as a view stores it, with names spelled out.
 */
extern int64 ec_submit_copy(const EcCopySpec *spec);

#endif
