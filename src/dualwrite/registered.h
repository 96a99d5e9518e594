/*
 * registered.h
 *		What ec_expand finds under the name of a change.
 */
#ifndef EC_DUALWRITE_REGISTERED_H
#define EC_DUALWRITE_REGISTERED_H

#include "postgres.h"

#include "model/change.h"

/*
 * Returns true if the change that is asked for is registered, and loads it into
 * *known.  Raises 42710 if another change has that name.
 *
 * In a restored or upgraded database only the text of the expressions is left,
 * and what it names may have been renamed before.  So with
 * may_differ, expressions may differ, and columns may have the names of today,
 * but they have to be the same columns; *differs tells whether an expression
 * does, and *by_today whether the names are those of today.
 */
extern bool ec_is_registered(const EcChange *asked, EcChange *known,
							 bool may_differ, bool *differs, bool *by_today);

/* True if none of the change's tables exists, and so no trigger either. */
extern bool ec_change_has_no_table(const EcChange *change);

/*
 * Frees the name of a change that has ended or has no table any more.  Its flag
 * keeps its value, because applications may still read it.  Raises 42710 if the
 * change belongs to another owner.
 */
extern void ec_retire_ended(const char *name);

/*
 * Raises 55000 if a column of the change was renamed, and the call gives the
 * names of the registration, which now refer to no column or to another one; in
 * a quarantine in any case.
 */
extern void ec_refuse_renamed(const EcChange *known, bool by_today);

/*
 * The same if columns were renamed, and those of the call are not the change's.
 */
extern void ec_require_same_columns(const EcChange *known, const EcChange *asked);

/* Gives the keys of queued writes the names that their columns have today. */
extern void ec_rename_queued(const EcChange *known);

#endif
