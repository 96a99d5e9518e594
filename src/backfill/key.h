/*
 * key.h
 *		Reads a table in the order of a unique key.
 */
#ifndef EC_BACKFILL_KEY_H
#define EC_BACKFILL_KEY_H

#include "postgres.h"

#include "utils/rel.h"

#include "backfill/key_index.h"
#include "backfill/sweep_kind.h"
#include "core/json.h"

/* A position in the order of a key: after the row with these values. */
typedef struct EcPlace
{
	char *columns; /* identifies the key for which the place is valid */
	int count;     /* number of values; 0: the beginning, or no place */
	char *values[EC_MAX_KEY_COLUMNS];
} EcPlace;

/*
 * Pins settings under which values do not change when converted to text and
 * back.  Ends with AtEOXact_GUC.
 */
extern int ec_begin_text(void);

/* Is the place valid for the table's present key? */
extern bool ec_place_fits(const EcPlace *place, Relation relation);

/* Store places in a flat object, each with a prefix of its own. */
extern void
ec_place_to_json(const EcPlace *place, const char *prefix, EcJsonWriter *writer);
extern void
ec_place_from_json(EcPlace *place, const char *prefix, const Jsonb *json);

/*
 * Finds the place this many rows after another.  Returns false if there are
 * fewer rows up to last, if that is a place; the place is that of the last one
 * then, or none.  The place is allocated in context.
 */
extern bool
ec_place_ahead(Relation relation, const EcPlace *from, const EcPlace *last,
			   int64 rows, EcPlace *place, MemoryContext context);

/* Finds the place of the table's last row; no place if the table is empty. */
extern void
ec_place_last(Relation relation, EcPlace *place, MemoryContext context);

/*
 * Finds the next rows for which the predicate holds, at most limit, and
 * advances place, which is allocated in context.  Does not go beyond end, if
 * that is a place.  Returns the number of rows read; 0 at the end.
 */
extern int ec_next_keys(Relation relation, const EcBackfill *backfill,
						EcPlace *place, const EcPlace *end,
						MemoryContext context, int limit, EcBatchRows *rows);

#endif
