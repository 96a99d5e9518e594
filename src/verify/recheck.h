/*
 * recheck.h
 *		Counts a row as different only if it differs twice.
 *
 * While a table is being written to, a row may differ only between two writes
 * that belong together.  So a job compares a chunk again under a later
 * snapshot.  A row counts when it has differed in two consecutive looks.  Rows
 * are identified by the hash of their key.
 */
#ifndef EC_VERIFY_RECHECK_H
#define EC_VERIFY_RECHECK_H

#include "postgres.h"

#include "utils/hsearch.h"

#include "verify/row_hash.h"

typedef struct EcSuspects
{
	HTAB *before;  /* key hashes of rows that differed in the last look */
	HTAB *now;     /* and in this look */
	int64 pending; /* number of rows that differ for the first time */
} EcSuspects;

/* The memory context has to live until the last look. */
extern void ec_suspects_init(EcSuspects *suspects, MemoryContext memory);

/* Begins the next look at the same rows. */
extern void ec_suspects_look(EcSuspects *suspects, MemoryContext memory);

/* Forgets everything, before other rows are compared. */
extern void ec_suspects_forget(EcSuspects *suspects, MemoryContext memory);

/*
 * Call for a row that differs in this look; returns true if it counts.  If
 * suspects is NULL, it counts at once.
 */
extern bool ec_suspects_confirm(EcSuspects *suspects, const EcLanes *key);

#endif
