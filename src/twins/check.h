/*
 * check.h
 *		CHECK constraints of a table.
 */
#ifndef EC_TWINS_CHECK_H
#define EC_TWINS_CHECK_H

#include "postgres.h"

#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"

#include "twins/twin_kind.h"

typedef struct EcTwinCheck
{
	Oid oid;
	char *name;
	Node *node;
	char *text;
	Bitmapset *reads; /* columns; 0 for the whole row */
	bool is_valid;
	bool no_inherit;
	bool is_enforced;
} EcTwinCheck;

extern List *ec_twin_checks(Oid relation);

/*
 * One with that text that is nobody's twin yet, which it is from now on; NULL
 * if there is none.
 */
extern EcTwinCheck *
ec_twin_find_check(List *checks, EcTwinPlan *plan, const char *text,
				   bool no_inherit, bool is_enforced);

#endif
