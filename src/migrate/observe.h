/*
 * observe.h
 *		What a statement did: the locks it took, the tables it rewrote.
 */
#ifndef EC_MIGRATE_OBSERVE_H
#define EC_MIGRATE_OBSERVE_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "storage/lockdefs.h"

/* One relation that was there before anything ran, and what it underwent. */
typedef struct EcObservation
{
	Oid relation;
	LOCKMODE lock; /* the strongest that is held on it */
	bool rewritten;
} EcObservation;

typedef struct EcObserver EcObserver;

/* Remember the relations that are there, and the locks that are held. */
extern EcObserver *ec_observe_begin(void);

/*
 * What has happened since the last look, of EcObservation: relations with a
 * new or stronger lock, with a new file, and those of named (of OIDs) that
 * were locked before.
 */
extern List *ec_observe(EcObserver *observer, List *named);

#endif
