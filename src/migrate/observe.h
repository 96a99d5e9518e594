/*
 * observe.h
 *		Observes the effects of a statement: locks and table rewrites.
 */
#ifndef EC_MIGRATE_OBSERVE_H
#define EC_MIGRATE_OBSERVE_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "storage/lockdefs.h"

/* A relation that existed before the rehearsal, and the effects on it. */
typedef struct EcObservation
{
	Oid relation;
	LOCKMODE lock; /* the strongest lock held on it */
	bool rewritten;
} EcObservation;

typedef struct EcObserver EcObserver;

/* Stores which relations exist, and which locks are held. */
extern EcObserver *ec_observe_begin(void);

/*
 * Returns what has happened since the last call (EcObservation): relations
 * with a new or stronger lock, with a new file, and those of named (OIDs) that
 * were locked before.
 */
extern List *ec_observe(EcObserver *observer, List *named);

#endif
