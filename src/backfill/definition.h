/*
 * definition.h
 *		What a backfill does: SET list and predicate, checked at submission.
 */
#ifndef EC_BACKFILL_DEFINITION_H
#define EC_BACKFILL_DEFINITION_H

#include "postgres.h"

#include "nodes/bitmapset.h"
#include "nodes/nodes.h"
#include "utils/jsonb.h"
#include "utils/rel.h"

/* How to go over a table; a job over several chooses for each. */
typedef enum EcMethod
{
	EC_METHOD_AUTO, /* by blocks what is a heap, by key what is not */
	EC_METHOD_BLOCKS,
	EC_METHOD_KEY
} EcMethod;

typedef struct EcBackfill
{
	char *assignments;  /* "a = b, c = lower(d)" */
	char *predicate;    /* rows still to be done; the caller's or ours */
	Bitmapset *columns; /* assigned, offset as in Relation's bitmaps */
	bool updates_key;   /* a column that foreign keys may refer to */
	EcMethod method;
	bool uses_default; /* known at submission only */
	char *alias;       /* in the place of a table whose leaf this is, or NULL */
	const char *search_path; /* of our statements, see planned.h; NULL: the session's */

	/* of a copy, or NULL: then the rest is of the table that is swept */
	struct EcCopy *copy;
	int stage;           /* see copy_statement.h */
	char *any_predicate; /* as the predicate, for the look at all rows */
} EcBackfill;

/*
 * Check what the caller gave, as the caller; predicate NULL makes our own:
 * "a column differs from its expression".  Raises an error for whatever
 * cannot be one UPDATE's SET list, cannot be planned, may not be done by the
 * caller or cannot converge.
 */
extern void ec_define_backfill(Relation relation, const char *assignments,
							   const char *predicate, EcBackfill *backfill);

/*
 * Have a look that keeps no lock: there can be thousands of partitions.  Its
 * errors are the caller's.
 */
extern void ec_probe(void (*look)(void *arg), void *arg);

/*
 * Can the caller run the batches' statement on the relation?  If not, raises
 * the server's error.
 */
extern void ec_check_statement(Relation relation, const EcBackfill *backfill);

/*
 * Plan a statement, with a TID for each argument, and check rights on it all.
 */
extern void ec_explain(const char *statement, int nargs, const char *search_path);

/* The same of the look at all leaves that comes after a sweep. */
extern void ec_check_any_statement(Relation root, const EcBackfill *backfill);

/* Rows that the predicate holds for, as the planner sees it. */
extern int64 ec_estimate_backfill(Relation relation, const char *predicate);

/* Does an expression give another value in each batch, though called stable? */
extern bool ec_reads_clock(Node *expression);

extern Jsonb *ec_backfill_to_json(const EcBackfill *backfill);
extern void ec_backfill_from_json(const Jsonb *json, EcBackfill *backfill);

#endif
