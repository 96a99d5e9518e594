/*
 * table_mapping.h
 *		A mapping between two tables, by the names that they have now.
 */
#ifndef EC_DUALWRITE_TABLES_TABLE_MAPPING_H
#define EC_DUALWRITE_TABLES_TABLE_MAPPING_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#include "model/change.h"

/*
 * In the direction asked for; key: the columns of the written table, of
 * char *.  To be read with EC_CHANGE_SEARCH_PATH.  Raises 42703 when a table
 * or column is gone.
 */
extern Jsonb *ec_table_mapping(const EcChange *change, bool forward, List **key);

#endif
