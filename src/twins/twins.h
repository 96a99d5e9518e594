/*
 * twins.h
 *		Columns that take over the names of others, with all that hangs on
 *		these: what is still to be built, and the swap.
 *
 * Locking protocol.  A look takes ACCESS SHARE on the table.  Steps are run by
 * the caller, one by one.  The swap runs in a transaction that holds ACCESS
 * EXCLUSIVE on the table; none of its statements reads the table's rows.
 */
#ifndef EC_TWINS_TWINS_H
#define EC_TWINS_TWINS_H

#include "postgres.h"

#include "model/change.h"
#include "twins/twin_kind.h"

/*
 * The pairs of a change that keeps names: from the columns that have the names
 * in its phase to the others.  Raises 42703 if one is gone.
 */
extern void ec_retype_of(const EcChange *change, EcRetype *retype);

/* What the steps are, and what cannot be. */
extern EcTwinPlan *ec_twins_look(const EcRetype *retype);

/*
 * Refuses views, rules and bodies of functions that do not take the new types.
 * For the plan of a table that the caller has locked.
 */
extern void ec_twins_try_views(const EcRetype *retype, EcTwinPlan *plan);

/*
 * Does all steps at once, as the table's owner.  For a small table that the
 * caller has locked.
 */
extern void ec_twins_build(const EcChange *change, const EcRetype *retype);

/*
 * Locks the table, the views that read the columns, and the tables that foreign
 * keys, rules and policies connect with it, within lock_wait_ms altogether.  Call in an EcTry, before the swap.
 */
extern void ec_twins_lock(const EcRetype *retype, int lock_wait_ms);

/*
 * Swaps the names, as the table's owner; nothing may be left to do or be
 * refused (55000).
 */
extern void ec_twins_swap(const EcChange *change, const EcRetype *retype);

/* Joins strings. */
extern char *ec_twins_list(List *strings, const char *separator);

/* What the steps are about, each once. */
extern List *ec_twins_missing(const EcTwinPlan *plan);

#endif
