/*
 * undo.h
 *		The down script of a migration that was given none, from its plan.
 */
#ifndef EC_MIGRATE_UNDO_H
#define EC_MIGRATE_UNDO_H

#include "postgres.h"

#include "migrate/ledger.h"

/*
 * Returns the SQL that takes back the steps that are done, the last one first.
 * NULL if the migration has no planned steps; or if a step cannot be taken
 * back, which *missing then names.
 */
extern char *ec_undo_script(const EcMigration *migration, char **missing);

#endif
