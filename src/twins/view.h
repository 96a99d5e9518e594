/*
 * view.h
 *		Views and rules that read columns of a table.
 */
#ifndef EC_TWINS_VIEW_H
#define EC_TWINS_VIEW_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "twins/twin_kind.h"

/*
 * The OIDs of the views that read the columns, and of those that read these
 * views, in the order of their locks: a view comes before what it reads.
 */
extern List *ec_twin_views(const EcRetype *retype);

/*
 * Likewise of tables whose rules or policies read the columns, other than the
 * table itself.
 */
extern List *ec_twin_tables_of_rules(const EcRetype *retype);

#endif
