/*
 * existing.h
 *		Rows that the target of a change has before the change.
 */
#ifndef EC_DUALWRITE_TABLES_EXISTING_H
#define EC_DUALWRITE_TABLES_EXISTING_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/rel.h"

/* As the owner, whom policies of the table hide nothing from, forced or not. */
extern bool ec_target_is_empty(Oid target);

/*
 * 55000 if there is a row in the target that is not what a row of the source
 * makes of it.  Mappings of EcMappingEntry; key: attribute numbers of the
 * target.  Scans both tables.
 */
extern void ec_check_existing_rows(Relation source, Relation target,
								   List *forward, List *backward, List *key);

#endif
