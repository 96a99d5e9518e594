/*
 * mismatch.h
 *		What is recorded of a row that differs: its key, its values, and the
 *		SQL that would repair it.
 */
#ifndef EC_VERIFY_MISMATCH_H
#define EC_VERIFY_MISMATCH_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#include "verify/compare.h"

/*
 * The columns of EcComparison.mismatches, in this order; all of them text, and
 * then the row's number, a bigint: lines of one row follow each other.
 */
typedef struct EcMismatch
{
	char *key;         /* JSON */
	char *difference;  /* 'different', 'missing' or 'extra' */
	char *column_name; /* NULL: the whole row, which only one side has */
	char *source_value;
	char *target_value;
	char *repair; /* NULL: none is known */
	int64 row;
} EcMismatch;

#define EC_MISMATCH_COLUMNS 6

extern TupleDesc ec_mismatch_desc(void);
extern void
ec_mismatch_put(Tuplestorestate *mismatches, const EcMismatch *mismatch);

/*
 * The columns that find a row again: those named, the primary key, else ctid; with tableoid
 * where rows of several tables are read and these columns do not tell them
 * apart.  In a slot they are at position first, or, if that is negative, at
 * the end.
 */
typedef struct EcRowKey
{
	int count;
	char **names;
	int first;
	Oid relation; /* tableoid is left out where it is this */
} EcRowKey;

extern EcRowKey *ec_row_key(Relation relation, List *names);
extern char *ec_row_key_json(const EcRowKey *key, TupleTableSlot *slot);

/*
 * A value as text that does not depend on settings; NULL for NULL.  Of one that
 * has more bytes than this there is the beginning, or but how long it is: text
 * cannot hold what is made of the longest.
 */
#define EC_LONGEST_SHOWN 65536

extern char *ec_slot_text(TupleTableSlot *slot, int position);

/* Is any of so many values, from a position on, not shown as it is? */
extern bool ec_slot_is_cut(TupleTableSlot *slot, int first, int count);

/* Columns (EcMappedColumn) of a row, from a position on, as a JSON object. */
extern char *ec_row_json(List *columns, TupleTableSlot *slot, int first);

/*
 * repair.c: statements that would put a row right; NULL where the side that is
 * right cannot be mapped to the other.  Of two tables, the key's values are in
 * the slot from position first on.
 */
extern char *ec_repair_column(const EcSubject *subject, const EcRowKey *key,
							  TupleTableSlot *slot, const EcMappedColumn *column);
extern char *ec_repair_different(const EcSubject *subject, TupleTableSlot *slot,
								 int first, EcMappedColumn *column);
extern char *ec_repair_one_sided(const EcSubject *subject, EcRowSide side,
								 TupleTableSlot *slot, int first);

#endif
