/*
 * sweep_kind.h
 *		What a sweep does with the rows of a table.
 *
 * The sweep engine goes over tables and their leaves in batches until no row
 * is left to be done.  Which rows that are, how they are locked, what is
 * written for them, and what is said when it does not end, a table of functions
 * answers, one a kind: update_kind.c (ec_backfill) and copy/copy_kind.c
 * (ec_copy).
 */
#ifndef EC_BACKFILL_SWEEP_KIND_H
#define EC_BACKFILL_SWEEP_KIND_H

#include "postgres.h"

#include "nodes/bitmapset.h"
#include "nodes/lockoptions.h"
#include "utils/jsonb.h"
#include "utils/rel.h"

#include "backfill/paths.h"
#include "core/json.h"
#include "worker/jobs/job.h"

/* How to go over a table; a job over several chooses for each. */
typedef enum EcMethod
{
	EC_METHOD_AUTO, /* by blocks what is a heap, by key what is not */
	EC_METHOD_BLOCKS,
	EC_METHOD_KEY
} EcMethod;

typedef struct EcSweepKind EcSweepKind;

/* What is to be done with the rows of a table. */
typedef struct EcBackfill
{
	const EcSweepKind *kind;
	EcMethod method;
	char *predicate;     /* rows still to be done; the caller's or ours */
	char *any_predicate; /* the same, for the look at all rows */
	const char *search_path; /* of the statements, see planned.h; NULL: the session's */
	char *alias; /* what the statements call the table; NULL: by its name */
	int stage;   /* which of the kind's tables is swept, from 0 */
	const char *swept_name; /* of that table; NULL: that of the job's relation */

	/* of an update */
	char *assignments;  /* "a = b, c = lower(d)" */
	Bitmapset *columns; /* assigned, offset as in Relation's bitmaps */
	bool updates_key;   /* a column that foreign keys may refer to */
	bool uses_default;  /* known at submission only */

	/* of a copy */
	struct EcCopy *copy;
} EcBackfill;

/*
 * The rows that a batch may touch: all line pointers between two, or a list
 * of them.
 */
typedef struct EcBatchRows
{
	bool is_list;
	ItemPointerData from; /* inclusive */
	ItemPointerData to;   /* exclusive */
	Datum list;           /* tid[] */
	int count;            /* of the list */
	BlockNumber first;    /* the chunk that they are from */
	BlockNumber end;      /* the block after its last */
} EcBatchRows;

struct EcChunk;

struct EcSweepKind
{
	/* The rows are locked by a statement before the one that writes. */
	bool locks_first;

	/* What is written are the rows that are swept, not those of another table. */
	bool writes_swept_rows;

	/* For who writes rows that a sweep should have found: a way to end it. */
	const char *late_rows_hint;

	/* What the job keeps of the work, beside the method. */
	void (*save)(const EcBackfill *backfill, EcJsonWriter *writer);
	void (*load)(EcBackfill *backfill, const Jsonb *parameters);

	/* The last stage; NULL: there is but one. */
	int (*last_stage)(const EcBackfill *backfill);

	/*
	 * Lock and check the tables of the stage; returns the one that is swept.
	 * From here on the backfill is that of the stage.
	 */
	Relation (*open)(const EcJob *job, EcBackfill *backfill, int stage);

	/* Make the backfill of a table that of its leaf; NULL: it is the same. */
	void (*set_leaf)(Relation root, Relation leaf, EcBackfill *backfill);

	/* How the rows get locked, by locks_first or by what is written. */
	LockTupleMode (*lock_mode)(const EcBackfill *backfill);

	/*
	 * What writes those of the rows (a WHERE clause) for which the predicate
	 * holds.
	 */
	char *(*write_statement)(Relation leaf, const EcBackfill *backfill,
							 const char *rows, bool are_locked);

	/* Of tables other than the leaf, while it is planned; NULL: none. */
	EcPathRule *(*path_rule)(const EcBackfill *backfill);

	/* After locked rows were written, and so many of them; may be NULL. */
	void (*check_written)(Relation leaf, const EcBackfill *backfill,
						  const EcBatchRows *locked, int64 written);

	/* Before the look at all rows, with SPI connected; may be NULL. */
	void (*check_all)(const EcBackfill *backfill);

	/* A batch of a foreign table; NULL: there are none. */
	bool (*write_from_foreign)(EcJob *job, const EcBackfill *backfill,
							   struct EcChunk *chunk);

	/* Raises EC_ERRCODE_NOT_CONVERGING: triggers keep so many rows as they are. */
	void (*refuse_suppressed)(const EcBackfill *backfill, int64 rows,
							  const char *example);
};

/* The parameters of a job. */
extern Jsonb *
ec_backfill_to_json(const EcBackfill *backfill, const EcJobSpec *spec);
extern void ec_backfill_from_json(const Jsonb *parameters,
								  const EcSweepKind *kind, EcBackfill *backfill);

/* The backfill of the root as that of one of its leaves. */
extern void ec_leaf_backfill(Relation root, Relation leaf,
							 const EcBackfill *backfill, EcBackfill *result);

#endif
