/*
 * catalog.h
 *		The extension's own objects, and the rights under which its own
 *		statements run.
 *
 * SQL of a user runs as that user; SQL of the extension runs as the
 * extension's owner; the two never mix.  Everything between ec_catalog_begin
 * and ec_catalog_end runs as the extension's owner with search_path =
 * pg_catalog, pg_temp, so nothing that a user wrote may be evaluated there.
 * The extension's tables are in the schema expand_contract, and our statements
 * always name that schema.
 */
#ifndef EC_CORE_CATALOG_H
#define EC_CORE_CATALOG_H

#include "postgres.h"

#include "core/sql_version.h"

typedef struct EcExtension
{
	Oid oid;
	Oid owner;
	Oid schema; /* where the ec_* functions live */
	const char *extversion;
	EcSqlVersion version; /* of extversion, or EC_SQL_UNKNOWN */
} EcExtension;

typedef struct EcCatalogScope
{
	Oid userid;
	int security_context;
	int guc_level;
} EcCatalogScope;

/* Finds the extension in this database; false if it is not installed. */
extern bool ec_extension_lookup(EcExtension *extension);

/* Is the caller a member of pg_monitor, or of the extension's owner? */
extern bool ec_may_monitor(void);

/*
 * Like ec_extension_lookup, but returns false also while this session runs a
 * script of the extension (CREATE or ALTER EXTENSION), because some of its
 * objects do not exist yet.
 */
extern bool ec_extension_is_ready(EcExtension *extension);

/*
 * ec_catalog_begin connects SPI and switches to the extension's owner;
 * ec_catalog_end undoes both.  ec_catalog_begin raises an error if the
 * installed SQL is of a version that this library does not run with.  If an
 * error is raised in between, the abort of the (sub)transaction restores the
 * user, as it does for a SECURITY DEFINER function; do not catch an error
 * without aborting.
 */
extern void ec_catalog_begin(EcCatalogScope *scope);
extern void ec_catalog_end(EcCatalogScope *scope);

/*
 * May we start something with the rights of the role because a row of our
 * tables says so?  The extension's owner can write such rows himself, so the
 * answer is yes only if he has the rights of that role anyway: a superuser
 * always does, another owner does as a member of the role.
 */
extern bool ec_may_act_as(Oid role);

/*
 * Like ec_may_act_as, but raises 42501 if not; what names the work to be done.
 */
extern void ec_require_acting_as(Oid role, const char *what);

/* A relation's name as SQL, with its schema and quoted. */
extern char *ec_relation_name(Oid relation);

/*
 * The equality operator of a type's default operator class, with its schema,
 * as in OPERATOR(pg_catalog.=), so that the search_path does not matter.
 */
extern char *ec_equality_name(Oid type);

/* A collation's name as SQL, with its schema; NULL for InvalidOid. */
extern char *ec_collation_name(Oid collation);

#endif
