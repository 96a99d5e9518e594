/*
 * holders.h
 *		Who holds a lock.
 */
#ifndef EC_CORE_HOLDERS_H
#define EC_CORE_HOLDERS_H

#include "postgres.h"

/*
 * The other sessions that hold a lock on the relation, or, for InvalidOid, the
 * migration lock; a line for each, for a DETAIL: pid, application, transaction
 * age, query (if the caller may see that).  NULL if there is none (any more).
 */
extern char *ec_lock_holders(Oid relation);

#endif
