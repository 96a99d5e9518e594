/*
 * copy_statement.h
 *		Builds the statements of a copy.
 */
#ifndef EC_BACKFILL_COPY_COPY_STATEMENT_H
#define EC_BACKFILL_COPY_COPY_STATEMENT_H

#include "postgres.h"

#include "utils/rel.h"

#include "backfill/copy/copy_definition.h"
#include "backfill/sweep_kind.h"

/*
 * Sets the predicate of a stage.  The first stage sweeps the source and writes
 * into the target; the second sweeps the target and deletes rows.  Called for
 * each batch, because tables can be renamed.
 */
#define EC_COPY_WRITE  0
#define EC_COPY_DELETE 1
extern void ec_copy_begin_stage(EcBackfill *backfill, int stage);

extern int ec_copy_last_stage(const EcBackfill *backfill);

/*
 * The statement that writes the rows of a batch: those of the table, or its
 * leaf, that satisfy the condition, which is a WHERE clause.
 */
extern char *ec_copy_write_statement(Oid swept, const EcBackfill *backfill,
									 const char *condition);

/*
 * Raises an error if rows of the source have the same key.  With SPI
 * connected.
 */
extern void ec_refuse_duplicates(const EcCopy *copy);

/*
 * Raises the error that a row is still to be done although it was just
 * written.
 */
extern void ec_refuse_unstable_copy(const EcCopy *copy, const char *example);

#endif
