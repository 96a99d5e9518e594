/*
 * listing.h
 *		The migrations in a directory of the server, in order.
 *
 * Every file that looks like a migration is one, or is refused by its name: none
 * is passed over.
 */
#ifndef EC_MIGRATE_LISTING_H
#define EC_MIGRATE_LISTING_H

#include "postgres.h"

#include "migrate/file.h"
#include "nodes/pg_list.h"

typedef struct EcListedMigration
{
	EcFileName name;
	char *key;  /* sorts it */
	char *file; /* with its directory */
	char *down; /* that of the way back; NULL: none */
} EcListedMigration;

/*
 * The migrations of the directory in the order of their versions, of
 * EcListedMigration.  Raises 22023 and 0A000 for names, and errors of file
 * access.
 */
extern List *ec_list_migrations(const char *path);

#endif
