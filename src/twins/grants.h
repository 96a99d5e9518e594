/*
 * grants.h
 *		Privileges on columns, and on views that are made again.
 */
#ifndef EC_TWINS_GRANTS_H
#define EC_TWINS_GRANTS_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/pg_list.h"
#include "utils/acl.h"

/*
 * Gives one column the privileges of another, which has none afterwards.  The
 * table is locked.
 */
extern void ec_twin_move_grants(Oid relation, AttrNumber from, AttrNumber to);

/* The privileges on a relation and on its columns. */
typedef struct EcTwinPrivileges
{
	Oid space; /* the relation's schema */
	char *name;
	Acl *relation; /* NULL: none */
	List *columns; /* of Acl *, in their order; NULL: none */
} EcTwinPrivileges;

extern EcTwinPrivileges *ec_twin_privileges(Oid relation);

/* Gives them to the relation that has the name now. */
extern void ec_twin_put_privileges(const EcTwinPrivileges *privileges);

#endif
