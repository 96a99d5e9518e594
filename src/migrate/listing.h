/*
 * listing.h
 *		Lists the migrations in a directory of the server, in order.
 *
 * Every file that looks like a migration is one, or raises an error because of
 * its name; none is skipped.
 */
#ifndef EC_MIGRATE_LISTING_H
#define EC_MIGRATE_LISTING_H

#include "postgres.h"

#include "migrate/file.h"
#include "nodes/pg_list.h"

typedef struct EcListedMigration
{
	EcFileName name;
	char *key;  /* sort key */
	char *file; /* path of the file */
	char *down; /* path of the down script; NULL: none */
} EcListedMigration;

/*
 * Returns the migrations of the directory (EcListedMigration), ordered by
 * version.  Raises 22023 and 0A000 for names, and errors of file access.
 */
extern List *ec_list_migrations(const char *path);

/*
 * For ereport: the SQLSTATE of an errno that a path has caused.  Before 17 the
 * server calls a name that is too long an internal error.
 */
extern int ec_errcode_for_path(int error);

#endif
