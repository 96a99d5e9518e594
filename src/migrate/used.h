/*
 * used.h
 *		Keeps a down script from dropping what a change uses.
 *
 * A migration may have created a column that is the only one left after a
 * contraction, or that dual writes read.  However a script drops it, the
 * server reports each dropped object.
 */
#ifndef EC_MIGRATE_USED_H
#define EC_MIGRATE_USED_H

#include "postgres.h"

#include "script/script.h"

/*
 * Runs a statement of a down script in the current SPI connection.  Raises
 * 55000 if it drops what a change uses, or the new side of a contracted
 * change.  what names the script in the message.
 */
extern int ec_execute_taking_back(const EcStatement *statement, const char *what);

/*
 * Raises the same error for objects that a down script names, without running
 * it.  A script may end the change first, so statements after one that calls
 * functions are not checked.
 */
extern void ec_check_names_nothing_used(const EcScript *script);

#endif
