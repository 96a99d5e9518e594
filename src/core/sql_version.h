/*
 * sql_version.h
 *		Which version of the extension's SQL a database has, and whether this
 *		library runs with it.
 *
 * A new library is there before ALTER EXTENSION ... UPDATE is, and meanwhile it
 * runs with the SQL of the version before it:
 *
 * - The triggers of dual writes, the watch on column usage, and views read columns
 *	 by name.  A column that is new in this version is read so
 *	 that the statement is also good where the table lacks it: the unqualified
 *	 name finds the table's column if there is one, else the NULL outside.
 *
 *		SELECT t.name, t.owner
 *		  FROM (SELECT NULL::oid AS owner) AS lacking,
 *			   LATERAL (SELECT c.name, owner FROM expand_contract.changes c) t
 *
 * - Jobs wait: the launcher looks again until the SQL is updated.
 * - A command that has to write what the tables lack fails as its statement is
 *	 parsed, and the error's hint says to update; see ec_query.
 * - A C function that is not in the SQL any more keeps its symbol for one
 *	 version: without it neither a dump of the old SQL can be restored nor
 *	 pg_upgrade can move it.
 *
 * SQL that the library does not know, or does not know any more, is refused by
 * ec_catalog_begin.  The script of an update begins by asking for its library,
 * so that no update commits that the running server then refuses.
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

/* An error that says which of the two is older, and what to do about it. */
ec_noreturn extern void ec_refuse_sql_version(const char *extversion);

/* Whether the SQL that ec_catalog_begin has met last is older than the library. */
extern bool ec_sql_is_older;

/*
 * An error context callback, around the parsing of our own statements where the
 * SQL is older than the library: gives the error of what is not there a hint.
 */
extern void ec_hint_at_update(void *argument);

#endif
