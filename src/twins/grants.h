/*
 * grants.h
 *		Privileges on columns.
 */
#ifndef EC_TWINS_GRANTS_H
#define EC_TWINS_GRANTS_H

#include "postgres.h"

#include "access/attnum.h"

/*
 * Gives one column the privileges of another, which has none afterwards.  The
 * table is locked.
 */
extern void ec_twin_move_grants(Oid relation, AttrNumber from, AttrNumber to);

#endif
