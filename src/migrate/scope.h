/*
 * scope.h
 *		Scopes: whose history a migration belongs to.
 *
 * Services or tenants that share a database have histories of their own: order,
 * requirements, baselines and adoption go by the scope.  Where nobody says which,
 * it is the setting expand_contract.scope.
 */
#ifndef EC_MIGRATE_SCOPE_H
#define EC_MIGRATE_SCOPE_H

#include "postgres.h"

#include "fmgr.h"

/* The argument, or the setting where it is NULL or the function has none. */
extern char *ec_scope_argument(FunctionCallInfo fcinfo, int n);

/* Names a migration in messages: migration "001", with its scope if it has one. */
extern char *ec_migration_name(const char *scope, const char *version);

#endif
