/*
 * foreign.h
 *		The tables that foreign keys connect with a table.
 */
#ifndef EC_TWINS_FOREIGN_H
#define EC_TWINS_FOREIGN_H

#include "postgres.h"

#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"

#include "twins/twin_kind.h"

/* The OIDs of those whose keys the swap moves, in the order of their locks. */
extern List *ec_twin_tables(const EcRetype *retype);

/*
 * Drops the keys of these columns of the table, and to them, so that the
 * columns can be dropped.
 */
extern void ec_twin_drop_keys(Oid relation, Bitmapset *columns);

#endif
