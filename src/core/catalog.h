/*
 * catalog.h
 *		The extension's own objects, and the rights under which its own
 *		statements run.
 *
 * User SQL runs as the user, our SQL as the extension's owner; the two never
 * mix.  Everything between ec_catalog_begin and ec_catalog_end runs as the
 * extension's owner with search_path = pg_catalog, pg_temp, so nothing that a
 * user wrote may be evaluated there.  Our tables are in the schema
 * expand_contract, which our statements spell out.
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
	EcSqlVersion version; /* extversion, if the library knows it */
} EcExtension;

typedef struct EcCatalogScope
{
	Oid userid;
	int security_context;
	int guc_level;
} EcCatalogScope;

/* The extension in this database; false if it is not there. */
extern bool ec_extension_lookup(EcExtension *extension);

/* Is the caller a member of pg_monitor, or of the extension's owner? */
extern bool ec_may_monitor(void);

/*
 * The same; false also while this session runs a script of the extension
 * (CREATE or ALTER EXTENSION): its objects are not all there yet.
 */
extern bool ec_extension_is_ready(EcExtension *extension);

/*
 * Connect SPI and become the extension's owner, and back.  SQL of a version
 * that this library does not run with is refused.  An error in between is
 * undone by the abort of the (sub)transaction, like that of any SECURITY DEFINER
 * function; do not catch one without aborting.
 */
extern void ec_catalog_begin(EcCatalogScope *scope);
extern void ec_catalog_end(EcCatalogScope *scope);

/*
 * May something be started with a role's rights because a row of our tables
 * says so?  The extension's owner can write the rows, so only if he has these
 * rights himself: a superuser has all of them, others what they are a member of.
 */
extern bool ec_may_act_as(Oid role);

/* The same, but 42501 if not; what says what would be done. */
extern void ec_require_acting_as(Oid role, const char *what);

/* A relation's name as SQL, with its schema and quoted. */
extern char *ec_relation_name(Oid relation);

/*
 * The equality of a type's default operator class, spelled out so that no other
 * one is found, as in OPERATOR(pg_catalog.=).
 */
extern char *ec_equality_name(Oid type);

/* Likewise a collation's; NULL if there is none. */
extern char *ec_collation_name(Oid collation);

#endif
