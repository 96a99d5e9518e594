/*
 * recheck.h
 *		Rows that differed once: they count when they differ twice.
 *
 * While a table is written to, a difference may be the moment between two
 * writes.  So a job looks at a chunk again, under a later snapshot, and counts
 * a row when it has differed in two looks that follow each other.  Rows are
 * known by the hash of their key.
 */
#ifndef EC_VERIFY_RECHECK_H
#define EC_VERIFY_RECHECK_H

#include "postgres.h"

#include "utils/hsearch.h"

#include "verify/row_hash.h"

typedef struct EcSuspects
{
	HTAB *before;  /* by hash of the key: differed in the last look */
	HTAB *now;     /* and in this one */
	int64 pending; /* rows that have differed in this look only */
} EcSuspects;

/* The memory context has to last from look to look. */
extern void ec_suspects_init(EcSuspects *suspects, MemoryContext memory);

/* Begin another look. */
extern void ec_suspects_look(EcSuspects *suspects, MemoryContext memory);

/* Forget all: other rows are looked at from now on. */
extern void ec_suspects_forget(EcSuspects *suspects, MemoryContext memory);

/* A row differs in this look; does it count?  suspects may be NULL. */
extern bool ec_suspects_confirm(EcSuspects *suspects, const EcLanes *key);

#endif
