/*
 * key.h
 *		Walking over a table in the order of a unique key.
 */
#ifndef EC_BACKFILL_KEY_H
#define EC_BACKFILL_KEY_H

#include "postgres.h"

#include "utils/rel.h"

#include "backfill/key_index.h"
#include "backfill/sweep_kind.h"
#include "core/json.h"

/* A place in the order of a key: behind these values. */
typedef struct EcPlace
{
	char *columns; /* of the key, as numbers; of another key it is no place */
	int count;     /* of values; 0: at the beginning, or nowhere */
	char *values[EC_MAX_KEY_COLUMNS];
} EcPlace;

/*
 * Settings under which every value survives as text; AtEOXact_GUC ends them.
 */
extern int ec_begin_text(void);

/* Is it a place of the table's present key? */
extern bool ec_place_fits(const EcPlace *place, Relation relation);

/* Places in a flat object, told apart by a prefix. */
extern void
ec_place_to_json(const EcPlace *place, const char *prefix, EcJsonWriter *writer);
extern void
ec_place_from_json(EcPlace *place, const char *prefix, const Jsonb *json);

/*
 * The place so many rows ahead of another.  False if there are fewer rows.
 * What it remembers is allocated in context.
 */
extern bool ec_place_ahead(Relation relation, const EcPlace *from, int64 rows,
						   EcPlace *place, MemoryContext context);

/*
 * The next rows that the predicate holds for, at most limit of them, and place
 * moves on; what it remembers is allocated in context.  Not beyond end, which
 * may be nowhere.  The rows that were read; 0 at the end.
 */
extern int ec_next_keys(Relation relation, const EcBackfill *backfill,
						EcPlace *place, const EcPlace *end,
						MemoryContext context, int limit, EcBatchRows *rows);

#endif
