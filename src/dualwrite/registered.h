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
 * may_differ, expressions may differ, but not the columns that they are for;
 * *differs tells whether they do.
 */
extern bool ec_is_registered(const EcChange *asked, EcChange *known,
							 bool may_differ, bool *differs);

/* True if none of the change's tables exists, and so no trigger either. */
extern bool ec_change_has_no_table(const EcChange *change);

/*
 * Frees the name of a change that has ended or has no table any more.  Its flag
 * keeps its value, because applications may still read it.  Raises 42710 if the
 * change belongs to another owner.
 */
extern void ec_retire_ended(const char *name);

/*
 * Raises 55000 if a column of the change was renamed: the arguments of ec_expand
 * use the names of the first call, which now refer to no column or to another one.
 */
extern void ec_refuse_renamed(const EcChange *known);

#endif
