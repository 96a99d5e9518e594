/*
 * copy_statement.h
 *		The statements of a copy.
 */
#ifndef EC_BACKFILL_COPY_COPY_STATEMENT_H
#define EC_BACKFILL_COPY_COPY_STATEMENT_H

#include "postgres.h"

#include "utils/rel.h"

#include "backfill/copy/copy_definition.h"
#include "backfill/sweep_kind.h"

/*
 * What is to be done for the rows of the table that is swept: in the first
 * stage those of the source, in the second those of the target, which get
 * deleted.  Made anew for each batch, since tables can be renamed.
 */
#define EC_COPY_WRITE  0
#define EC_COPY_DELETE 1
extern void ec_copy_begin_stage(EcBackfill *backfill, int stage);

extern int ec_copy_last_stage(const EcBackfill *backfill);

/*
 * What writes the rows of a batch: those of the table, or its leaf, for which
 * the condition holds, a WHERE clause.
 */
extern char *ec_copy_write_statement(Oid swept, const EcBackfill *backfill,
									 const char *condition);

/* Have rows of the source the same key?  With SPI connected. */
extern void ec_refuse_duplicates(const EcCopy *copy);

/* A row was written, and yet it is to be done. */
extern void ec_refuse_unstable_copy(const EcCopy *copy, const char *example);

#endif
