/*
 * origin.h
 *		Whose jobs and ledger this database has: its own, or those of the
 *		cluster that pg_upgrade made it from.
 */
#ifndef EC_WORKER_JOBS_ORIGIN_H
#define EC_WORKER_JOBS_ORIGIN_H

#include "postgres.h"

/*
 * Records this cluster in the database, once.  If pg_upgrade has made the
 * database from another cluster's, what it has recorded of that cluster is of
 * this one from now on: unfinished jobs go on, and steps of migrations are
 * known by their OIDs, which pg_upgrade preserves.  Those of other copies of
 * data, such as a dump's, a template's or pg_createsubscriber's, stay
 * another's.
 *
 * In scope.  Writes nothing if there is nothing to do, and does nothing during
 * recovery, in a read-only transaction, or with the SQL of an older version.
 */
extern void ec_adopt_upgraded(void);

#endif
