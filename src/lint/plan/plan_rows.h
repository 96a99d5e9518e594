/*
 * plan_rows.h
 *		An UPDATE or DELETE that a job does in batches.
 *
 * The parts of the statement become arguments of ec_backfill or ec_delete, as
 * they were written.  There the table has its own name, so references by an
 * alias are changed; and functions that read the clock are replaced by the
 * time, which would otherwise be another one in each batch.
 *
 * A statement has a single snapshot, and writes each row once.  One whose
 * result could be another in batches gets no job, but a reason.
 */
#ifndef EC_LINT_PLAN_PLAN_ROWS_H
#define EC_LINT_PLAN_PLAN_ROWS_H

#include "postgres.h"

#include "lint/plan/planner.h"

/* A column that an UPDATE sets. */
typedef struct EcAssigned
{
	char *name;
	EcColumn *column; /* NULL: not known */
	Node *value;      /* NULL: DEFAULT */
	char *text;       /* of the value; NULL: it has none of its own */
	bool is_part;     /* of an array or a composite value */
} EcAssigned;

typedef struct EcRows
{
	EcPlanner *planner;
	EcRelation *relation;
	const RangeVar *name;
	List *targets; /* ResTarget of an UPDATE */
	List *from;    /* FROM of an UPDATE, USING of a DELETE */
	Node *condition;
	EcPieces *pieces;
	char **edits;   /* for each token: what replaces it, or NULL */
	List *sources;  /* EcRelation that are read, in FROM and in sub-selects */
	List *assigned; /* EcAssigned */
	char *reason;
} EcRows;

/* The name by which the statement refers to the table, and the table's own. */
extern const char *ec_rows_alias(const EcRows *rows);

/* Does an unqualified or qualified name mean a column of the table? */
extern bool ec_rows_is_own_column(const EcRows *rows, const ColumnRef *reference);

/* The last part of a column's name; NULL for "*". */
extern char *ec_rows_column_name(const Node *reference);

/* The conditions that are all to hold (Node). */
extern List *ec_rows_conditions(Node *condition);

/*
 * plan_rows_names.c: looks at all names of the statement, and notes what has
 * to be replaced.  Sets the reason if there is something that a job cannot
 * read, or would read in another way.
 */
extern void ec_rows_look_at_names(EcRows *rows);

/* The text of the tokens from ... until - 1, with what replaces them. */
extern char *ec_rows_text(const EcRows *rows, int from, int until);

/*
 * plan_rows_ends.c: the predicate of ec_backfill, made of the condition's text
 * (NULL: none); NULL if it needs none.  Sets the reason if a job could not
 * tell which rows are done.
 */
extern char *ec_rows_predicate(EcRows *rows, const char *condition);

#endif
