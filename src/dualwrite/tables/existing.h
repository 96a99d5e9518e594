/*
 * existing.h
 *		Checks rows that the target of a change has before the change.
 */
#ifndef EC_DUALWRITE_TABLES_EXISTING_H
#define EC_DUALWRITE_TABLES_EXISTING_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/rel.h"

/*
 * Runs as the owner, so that row security policies hide no rows, forced or
 * not.
 */
extern bool ec_target_is_empty(Oid target);

/*
 * Raises 55000 if the target has a row that the mapping does not compute from
 * a row of the source.  The mappings are lists of EcMappedColumn; key has
 * attribute numbers of the target.  Scans both tables.
 */
extern void ec_check_existing_rows(Relation source, Relation target,
								   List *forward, List *backward, List *key);

#endif
