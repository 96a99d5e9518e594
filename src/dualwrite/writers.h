/*
 * writers.h
 *		Who can write to a table, and may not compute a change's expressions.
 */
#ifndef EC_DUALWRITE_WRITERS_H
#define EC_DUALWRITE_WRITERS_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "model/change.h"

/*
 * Warn of roles that may write to the change's table, its children or views of
 * it, and lack EXECUTE or USAGE for the expressions, which are computed as the
 * writer.  entries: of EcMappingEntry.  The trigger is there, with what it
 * depends on.
 */
extern void ec_warn_of_writers(const EcChange *change, List *entries);

#endif
