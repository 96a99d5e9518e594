/*
 * holders.h
 *		The sessions that hold a lock.
 */
#ifndef EC_CORE_HOLDERS_H
#define EC_CORE_HOLDERS_H

#include "postgres.h"

/*
 * Describes the other sessions that hold a lock on the relation or, for
 * InvalidOid, the migration lock.  For use in a DETAIL: each with its pid,
 * application, transaction age and, if the caller may see it, query.  NULL if
 * there are none (any more).
 */
extern char *ec_lock_holders(Oid relation);

#endif
