/*
 * statement.h
 *		The statements of one batch, as SQL.
 *
 * Over a range of row identifiers, $1 to $2, or over a list of them, $1.
 */
#ifndef EC_BACKFILL_STATEMENT_H
#define EC_BACKFILL_STATEMENT_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/rel.h"

#include "backfill/sweep_kind.h"

/*
 * Writes the rows that are to be done.  An UPDATE returns whether the predicate
 * still holds for the new row, where that is, and the row's key.  Those of a
 * list are locked already.
 */
extern char *
ec_write_statement(Relation leaf, const EcBackfill *backfill, bool is_list);

/* Returns true, where the row is, and its key, for those that are to be done. */
extern char *
ec_count_statement(Relation leaf, const EcBackfill *backfill, bool is_list);

/* Locks the rows that are to be done, and returns where they are. */
extern char *ec_lock_statement(Relation leaf, const EcBackfill *backfill,
							   bool is_list, bool skip_locked);

/* Does the predicate hold for any row of the table and its leaves? */
extern char *ec_any_statement(Relation root, const EcBackfill *backfill);

/*
 * For the kinds.  The table, under the name that the caller's text may know it
 * by: that of the partitioned table, if this is a partition.
 */
extern void
ec_append_target(StringInfo sql, Relation relation, const EcBackfill *backfill);

/* The rows, a WHERE clause, that are still to be done. */
extern void
ec_append_condition(StringInfo sql, const EcBackfill *backfill, const char *rows);

/* ", id, region": the primary key's columns, so that errors can name a row. */
extern void ec_append_key_columns(StringInfo sql, Relation relation);

#endif
