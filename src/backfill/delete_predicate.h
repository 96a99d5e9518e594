/*
 * delete_predicate.h
 *		The predicate of ec_delete, which selects the rows to be deleted.
 */
#ifndef EC_BACKFILL_DELETE_PREDICATE_H
#define EC_BACKFILL_DELETE_PREDICATE_H

#include "postgres.h"

#include "utils/rel.h"

/*
 * Checks the predicate as the caller, and returns it as the job will use it:
 * functions that read the clock are replaced by the time of this transaction,
 * as they would have it in a single DELETE.
 */
extern char *ec_delete_predicate(Relation relation, const char *predicate);

#endif
