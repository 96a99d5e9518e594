/*
 * key.h
 *		Walking over a table in the order of a unique key.
 */
#ifndef EC_KEY_H
#define EC_KEY_H

#include "postgres.h"

#include "utils/jsonb.h"
#include "utils/rel.h"

#include "backfill/batch.h"
#include "backfill/definition.h"
#include "backfill/sweep.h"

#define EC_MAX_KEY_COLUMNS INDEX_MAX_KEYS

/* Where a sweep stands: behind this key. */
typedef struct EcKeyWalk
{
	char *columns; /* of the key, as numbers; another key means to begin again */
	int count;     /* of values; 0 at the beginning */
	int empty_sweeps; /* in a row, that only met suppressed rows */
	char *values[EC_MAX_KEY_COLUMNS];
} EcKeyWalk;

/* Raises an error if the table has no key to walk along. */
extern void ec_key_check(Relation relation);

/*
 * Settings under which every value survives as text; AtEOXact_GUC ends them.
 */
extern int ec_begin_text(void);

/* Once in a worker process. */
extern void ec_key_init(void);

/* The walk and what the sweep has met, as the job's position. */
extern void ec_key_load(EcKeyWalk *walk, EcChunk *met, const Jsonb *position);
extern Jsonb *ec_key_save(const EcKeyWalk *walk, const EcChunk *met);

/* Whatever kept rows from being updated may be mended; in scope. */
extern void ec_key_resume(int64 job);

/*
 * The next rows that the predicate holds for, at most limit of them, and the
 * walk moves on; what it remembers is allocated in context.  False at the end
 * of the table.
 */
extern bool
ec_next_keys(Relation relation, const EcBackfill *backfill, EcKeyWalk *walk,
			 MemoryContext context, int limit, EcRows *rows);

#endif
