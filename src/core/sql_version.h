/*
 * sql_version.h
 *		Which version of the extension's SQL a database has, and whether this
 *		library runs with it.
 *
 * A new library is installed before ALTER EXTENSION ... UPDATE is run.  Until
 * then it runs with the SQL of the previous version:
 *
 * - The triggers of dual writes, the recording of column usage, and views read
 *   columns by name.  A column that is new in this version is read by a
 *   statement that is valid for a table without that column, too.  An
 *   unqualified name means the table's column if it exists, else the NULL of
 *   the outer query:
 *
 *		SELECT t.name, t.owner
 *		  FROM (SELECT NULL::oid AS owner) AS lacking,
 *			   LATERAL (SELECT c.name, owner FROM expand_contract.changes c) t
 *
 * - Jobs wait: the launcher looks again until the SQL is updated.
 * - A command that has to write a column or table that does not exist yet
 *   fails when its statement is parsed.  The error's hint tells the user to
 *   update; see ec_query.
 * - A C function that has been removed from the SQL keeps its symbol for one
 *   version.  Without the symbol a dump of the old SQL could not be restored,
 *   and pg_upgrade would fail.
 *
 * ec_catalog_begin raises an error for SQL of a version that is newer, or
 * older than the previous one.  An update script first checks that its library
 * is installed, so that no update commits that the running library then
 * rejects.
 */
#ifndef EC_CORE_SQL_VERSION_H
#define EC_CORE_SQL_VERSION_H

#include "postgres.h"

#include "core/compat.h"

typedef enum EcSqlVersion
{
	EC_SQL_UNKNOWN,
	EC_SQL_0_9,
	EC_SQL_1_0,
	EC_SQL_CURRENT = EC_SQL_1_0
} EcSqlVersion;

extern EcSqlVersion ec_sql_version_of(const char *extversion);

/*
 * Raises an error that says whether library or SQL is older, and what to do.
 */
ec_noreturn extern void ec_refuse_sql_version(const char *extversion);

/* Was the SQL older than the library at the last call of ec_catalog_begin? */
extern bool ec_sql_is_older;

/*
 * An error context callback for our own statements while the SQL is older than
 * the library.  It adds a hint to errors about objects that do not exist.
 */
extern void ec_hint_at_update(void *argument);

#endif
