/*
 * statement.h
 *		The SQL that brings rows of a change in step.
 *
 * A row is in step when new = forward(old); or, where there is a backward
 * mapping and the new columns are not all unset, when old = backward(new).
 */
#ifndef EC_DUALWRITE_COLUMNS_STATEMENT_H
#define EC_DUALWRITE_COLUMNS_STATEMENT_H

#include "postgres.h"

#include "utils/rel.h"

#include "model/change.h"

typedef struct EcChangeSql
{
	char *assignments; /* the SET list, in the direction asked for */
	char *fill;        /* rows whose new columns are unset, and should not be */
	char *not_in_step; /* rows that are not in step */
	char *repair;      /* those of them that can be mended in that direction */
	char *only_new;    /* rows of which the old columns do not hold all */
} EcChangeSql;

/*
 * For the columns of one table, by their present names.  To be run with
 * EC_OWN_SEARCH_PATH.  forward: from old to new.  Raises 42703 when a
 * column is gone.
 */
extern void ec_change_sql(Relation relation, const EcChange *change,
						  bool forward, EcChangeSql *sql);

/* Before cutover repairs flow from the old side, after it from the new. */
extern bool ec_old_is_authority(const EcChange *change);

extern bool ec_has_backward(const EcChange *change);

#endif
