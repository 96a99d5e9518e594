/*
 * used.h
 *		What a change uses, no way down takes.
 *
 * A migration may have made the column that is the only one left after a
 * contraction, or the one that dual writes read.  Whatever way a script drops
 * it, the server tells of each object that goes.
 */
#ifndef EC_MIGRATE_USED_H
#define EC_MIGRATE_USED_H

#include "postgres.h"

#include "script/script.h"

/*
 * Run a statement of a way down in the present SPI connection.  Raises 55000 if
 * it drops what a change uses, or what is left of one that is contracted; what,
 * the script, is for the message.
 */
extern int ec_execute_taking_back(const EcStatement *statement, const char *what);

/*
 * Raise that error for what a way down names, without running it.  A script may
 * end the change first: nothing behind a statement that calls functions counts.
 */
extern void ec_check_names_nothing_used(const EcScript *script);

#endif
