/*
 * definition.h
 *		What a backfill does: SET list and predicate, checked at submission.
 */
#ifndef EC_DEFINITION_H
#define EC_DEFINITION_H

#include "postgres.h"

#include "utils/jsonb.h"
#include "utils/rel.h"

typedef struct EcBackfill
{
	char *assignments; /* "a = b, c = lower(d)" */
	char *predicate;   /* rows still to be done; the caller's or ours */
	bool updates_key;  /* a column that foreign keys may refer to */
} EcBackfill;

/*
 * Check what the caller gave, as the caller; predicate NULL makes our own:
 * "a column differs from its expression".  Raises an error for whatever
 * cannot be one UPDATE's SET list, cannot be planned, may not be done by the
 * caller or cannot converge.
 */
extern void ec_define_backfill(Relation relation, const char *assignments,
							   const char *predicate, EcBackfill *backfill);

/* Rows that the predicate holds for, as the planner sees it. */
extern int64 ec_estimate_backfill(Relation relation, const char *predicate);

extern Jsonb *ec_backfill_to_json(const EcBackfill *backfill);
extern void ec_backfill_from_json(const Jsonb *json, EcBackfill *backfill);

#endif
