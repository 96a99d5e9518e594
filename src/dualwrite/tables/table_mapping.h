/*
 * table_mapping.h
 *		Returns a mapping between two tables, with their current column names.
 */
#ifndef EC_DUALWRITE_TABLES_TABLE_MAPPING_H
#define EC_DUALWRITE_TABLES_TABLE_MAPPING_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#include "model/change.h"

/*
 * Returns the mapping of the requested direction.  key: names (char *) of the
 * key columns of the written table.  The expressions must be read with
 * EC_OWN_SEARCH_PATH.  Raises 42703 if a table or column does not exist any
 * more.
 */
extern Jsonb *ec_table_mapping(const EcChange *change, bool forward, List **key);

#endif
