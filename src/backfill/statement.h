/*
 * statement.h
 *		Builds the statements of one batch.
 *
 * They are for a range of row identifiers, $1 to $2, or for a list of them,
 * $1.
 */
#ifndef EC_BACKFILL_STATEMENT_H
#define EC_BACKFILL_STATEMENT_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/rel.h"

#include "backfill/sweep_kind.h"

/*
 * Writes the rows that are to be done.  An UPDATE returns whether the
 * predicate still holds for the new row, its TID, and its key.  The rows of a
 * list have been locked before.
 */
extern char *
ec_write_statement(Relation leaf, const EcBackfill *backfill, bool is_list);

/* Returns true, the TID and the key for each row that is to be done. */
extern char *
ec_count_statement(Relation leaf, const EcBackfill *backfill, bool is_list);

/* Locks the rows that are to be done, and returns their TIDs. */
extern char *ec_lock_statement(Relation leaf, const EcBackfill *backfill,
							   bool is_list, bool skip_locked);

/*
 * Returns true for each row of the table and its leaves for which the predicate
 * holds, at most so many; condition is empty, or a condition before it and AND.
 */
extern char *ec_any_statement(Relation root, const EcBackfill *backfill,
							  const char *condition, int64 most);

/*
 * For the kinds: appends the table with the name that the caller's text uses
 * for it, which for a partition is that of the partitioned table.
 */
extern void
ec_append_target(StringInfo sql, Relation relation, const EcBackfill *backfill);

/* Appends a WHERE clause for the rows that are still to be done. */
extern void
ec_append_condition(StringInfo sql, const EcBackfill *backfill, const char *rows);

/*
 * Appends ", id, region": the primary key's columns, to describe rows in
 * errors.
 */
extern void ec_append_key_columns(StringInfo sql, Relation relation);

#endif
