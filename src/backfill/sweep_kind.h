/*
 * sweep_kind.h
 *		What a sweep does with the rows of a table.
 *
 * The sweep engine processes tables and their leaves in batches until no row
 * is left to be done.  A table of functions defines which rows these are, how
 * they are locked, what is written for them, and the error if the sweeps do
 * not end.  There is one for each kind: update_kind.c (ec_backfill),
 * delete_kind.c (ec_delete) and copy/copy_kind.c (ec_copy).
 */
#ifndef EC_BACKFILL_SWEEP_KIND_H
#define EC_BACKFILL_SWEEP_KIND_H

#include "postgres.h"

#include "nodes/bitmapset.h"
#include "nodes/lockoptions.h"
#include "nodes/nodes.h"
#include "utils/jsonb.h"
#include "utils/rel.h"

#include "backfill/paths.h"
#include "core/json.h"
#include "worker/jobs/job.h"

/* How to read a table; if a job has several tables, chosen for each. */
typedef enum EcMethod
{
	EC_METHOD_AUTO, /* heaps by blocks, other tables by key */
	EC_METHOD_BLOCKS,
	EC_METHOD_KEY
} EcMethod;

typedef struct EcSweepKind EcSweepKind;

/* The work to be done with the rows of a table. */
typedef struct EcBackfill
{
	const EcSweepKind *kind;
	EcMethod method;
	char *predicate;         /* holds for rows still to be done */
	char *any_predicate;     /* the same, for the check of all rows */
	const char *search_path; /* for planning, see planned.h; NULL: the
							  * session's */
	char *alias;             /* the table's alias; NULL: none */
	int stage;               /* index of the swept table, from 0 */
	const char *swept_name;  /* its name; NULL: that of the job's relation */

	/* for an update */
	char *assignments;  /* "a = b, c = lower(d)" */
	Bitmapset *columns; /* assigned columns, with the offset of Relation's
						 * bitmaps */
	bool updates_key;   /* it assigns a column that foreign keys may refer
						 * to */
	bool uses_default;  /* set only at submission */

	/* for a copy */
	struct EcCopy *copy;
} EcBackfill;

/*
 * The rows that a batch may write: all line pointers in a range, or a list of
 * them.
 */
typedef struct EcBatchRows
{
	bool is_list;
	ItemPointerData from; /* inclusive */
	ItemPointerData to;   /* exclusive */
	Datum list;           /* tid[] */
	int count;            /* length of the list */
	BlockNumber first;    /* first block of their chunk */
	BlockNumber end;      /* the block after its last one */
} EcBatchRows;

struct EcChunk;

struct EcSweepKind
{
	/*
	 * The command on the swept table.  Tables with rules on it are refused,
	 * and its BEFORE triggers can leave rows as they are.
	 */
	CmdType command;

	/*
	 * For messages: the SQL function that submits the job, "cannot be ..." for
	 * tables that are refused, what the job is called, and the privileges that
	 * it needs.
	 */
	const char *function;
	const char *refusal;
	const char *noun;
	const char *privileges;

	/* Rows are locked by a statement of their own before they are written. */
	bool locks_first;

	/* The swept rows themselves are written, not those of another table. */
	bool writes_swept_rows;

	/* A hint for the case that new rows to be done keep appearing. */
	const char *late_rows_hint;

	/* A hint for the case that the job's own writes make them. */
	const char *own_rows_hint;

	/*
	 * Store the work in the job's parameters, except for the method, and load
	 * it.
	 */
	void (*save)(const EcBackfill *backfill, EcJsonWriter *writer);
	void (*load)(EcBackfill *backfill, const Jsonb *parameters);

	/* Returns the last stage; NULL if there is only one. */
	int (*last_stage)(const EcBackfill *backfill);

	/*
	 * Locks and checks the tables of the stage, and sets the backfill to that
	 * stage.  Returns the table to sweep.
	 */
	Relation (*open)(const EcJob *job, EcBackfill *backfill, int stage);

	/* Adapts the backfill of a table to its leaf; NULL if it is the same. */
	void (*set_leaf)(Relation root, Relation leaf, EcBackfill *backfill);

	/*
	 * The lock that the rows get, by locks_first or by the statement that
	 * writes.
	 */
	LockTupleMode (*lock_mode)(const EcBackfill *backfill);

	/*
	 * The statement that writes those of the rows (a WHERE clause) for which
	 * the predicate holds.
	 */
	char *(*write_statement)(Relation leaf, const EcBackfill *backfill,
							 const char *rows, bool are_locked);

	/*
	 * A path rule for tables other than the leaf, while it is planned; may be
	 * NULL.
	 */
	EcPathRule *(*path_rule)(const EcBackfill *backfill);

	/*
	 * Called after locked rows have been written, with their number; may be
	 * NULL.
	 */
	void (*check_written)(Relation leaf, const EcBackfill *backfill,
						  const EcBatchRows *locked, int64 written);

	/* Called before the check of all rows, with SPI connected; may be NULL. */
	void (*check_all)(const EcBackfill *backfill);

	/* Processes a batch of a foreign table; NULL if there are none. */
	bool (*write_from_foreign)(EcJob *job, const EcBackfill *backfill,
							   struct EcChunk *chunk);

	/*
	 * Raises EC_ERRCODE_NOT_CONVERGING because triggers keep this many rows
	 * unchanged.
	 */
	void (*refuse_suppressed)(const EcBackfill *backfill, int64 rows,
							  const char *example);
};

/* Convert to and from the parameters of a job. */
extern Jsonb *
ec_backfill_to_json(const EcBackfill *backfill, const EcJobSpec *spec);
extern void ec_backfill_from_json(const Jsonb *parameters,
								  const EcSweepKind *kind, EcBackfill *backfill);

/* Adapts the backfill of the root to one of its leaves. */
extern void ec_leaf_backfill(Relation root, Relation leaf,
							 const EcBackfill *backfill, EcBackfill *result);

#endif
