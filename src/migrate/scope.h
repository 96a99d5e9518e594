/*
 * scope.h
 *		Scopes: separate histories of migrations in one database.
 *
 * Services or tenants that share a database each have their own history.
 * Order, requirements, baselines and adoption apply within a scope.  Without
 * an argument, the scope is the setting expand_contract.scope.
 */
#ifndef EC_MIGRATE_SCOPE_H
#define EC_MIGRATE_SCOPE_H

#include "postgres.h"

#include "fmgr.h"

/*
 * Returns the argument, or the setting if it is NULL or the function has no
 * such argument.
 */
extern char *ec_scope_argument(FunctionCallInfo fcinfo, int n);

/*
 * Returns a name for messages: migration "001", with its scope if it has one.
 */
extern char *ec_migration_name(const char *scope, const char *version);

#endif
