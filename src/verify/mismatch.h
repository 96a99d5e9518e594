/*
 * mismatch.h
 *		The record of a row that differs: its key, its values, and the SQL that
 *		would repair it.
 */
#ifndef EC_VERIFY_MISMATCH_H
#define EC_VERIFY_MISMATCH_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#include "verify/compare.h"

/*
 * The columns of EcComparison.mismatches, in this order.  All are text, except
 * for the last one, the row's number, which is a bigint.  The lines of one row
 * are adjacent.
 */
typedef struct EcMismatch
{
	char *key;         /* JSON */
	char *difference;  /* 'different', 'missing' or 'extra' */
	char *column_name; /* NULL: the whole row is missing or extra */
	char *source_value;
	char *target_value;
	char *repair; /* NULL if none is known */
	int64 row;
} EcMismatch;

#define EC_MISMATCH_COLUMNS 6

extern TupleDesc ec_mismatch_desc(void);
extern void
ec_mismatch_put(Tuplestorestate *mismatches, const EcMismatch *mismatch);

/*
 * The columns that identify a row: the named ones, or the primary key, or
 * ctid.  If several tables are read and these columns are not unique across
 * them, tableoid is added.  In a slot they are at position first or, if first
 * is negative, at the end.
 */
typedef struct EcRowKey
{
	int count;
	char **names;
	int first;
	Oid relation; /* a tableoid equal to this is not shown */
} EcRowKey;

extern EcRowKey *ec_row_key(Relation relation, List *names);
extern char *ec_row_key_json(const EcRowKey *key, TupleTableSlot *slot);

/*
 * A value as text, independent of settings; NULL for NULL.  Of a text longer
 * than this number of bytes only the beginning is shown, or only its length,
 * because a text datum cannot hold what is built from the longest values.
 */
#define EC_LONGEST_SHOWN 65536

extern char *ec_slot_text(TupleTableSlot *slot, int position);

/* Shown in place of a value whose expression has failed. */
extern char *ec_shown_failure(const char *message);

/* Is one of the values from first to first + count - 1 not shown in full? */
extern bool ec_slot_is_cut(TupleTableSlot *slot, int first, int count);

/*
 * Columns (EcMappedColumn) of a row, starting at a position, as a JSON object.
 */
extern char *ec_row_json(List *columns, TupleTableSlot *slot, int first);

/*
 * repair.c: statements that would repair a row.  NULL if the side that is
 * right cannot be mapped to the other one.  For two tables, the key's values
 * are in the slot, starting at position first.
 */
extern char *ec_repair_column(const EcSubject *subject, const EcRowKey *key,
							  TupleTableSlot *slot, const EcMappedColumn *column);
extern char *ec_repair_different(const EcSubject *subject, TupleTableSlot *slot,
								 int first, EcMappedColumn *column);
extern char *ec_repair_one_sided(const EcSubject *subject, EcRowSide side,
								 TupleTableSlot *slot, int first);

#endif
