/*
 * statement.h
 *		Builds the SQL that brings rows of a change in step.
 *
 * A row is in step if new = forward(old).  If there is a backward mapping and
 * the new columns are not all unset, it is also in step if old =
 * backward(new).
 */
#ifndef EC_DUALWRITE_COLUMNS_STATEMENT_H
#define EC_DUALWRITE_COLUMNS_STATEMENT_H

#include "postgres.h"

#include "utils/rel.h"

#include "model/change.h"

typedef struct EcChangeSql
{
	char *assignments; /* the SET list, for the requested direction */
	char *fill;        /* rows whose new columns are unset, but should have
					    * a value */
	char *not_in_step; /* rows that are not in step */
	char *repair;      /* those of them that can be repaired in that
					    * direction */
	char *only_new;    /* rows with data that the old columns do not hold */
} EcChangeSql;

/*
 * For a change within one table.  The SQL uses current column names and must
 * run with EC_OWN_SEARCH_PATH.  forward: from old to new.  Raises 42703 if a
 * column does not exist any more.
 */
extern void ec_change_sql(Relation relation, const EcChange *change,
						  bool forward, EcChangeSql *sql);

#endif
