/*
 * copy.h
 *		Copies rows from table to table, by a mapping and a key.
 *
 * A copy is a sweep over the source that writes rows into the target that are
 * missing there (mode fill), or that differ as well (mode repair).  In mode
 * repair a second sweep, over the target, deletes rows that the source does
 * not have.
 */
#ifndef EC_BACKFILL_COPY_COPY_H
#define EC_BACKFILL_COPY_COPY_H

#include "postgres.h"

#include "backfill/copy/copy_definition.h"

/*
 * Makes all checks that are possible before the first batch, as the caller,
 * and submits the job; returns its number.  The mapping is parsed with the
 * caller's search_path, and stored with qualified names, as a view is.
 */
extern int64 ec_submit_copy(const EcCopySpec *spec);

#endif
