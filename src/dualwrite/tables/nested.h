/*
 * nested.h
 *		Rows of a statement that its own triggers have written again.
 *
 * A statement's AFTER ROW triggers may write the rows that the statement has
 * just written.  Statement triggers fire last.  So those of the inner
 * statement fire before those of the outer statement, whose transition tables
 * are outdated by then.  The inner statement records its rows here, until the
 * end of the transaction.  The outer statement reads the current version of
 * each row that it finds here.  An obsolete record (of an earlier statement,
 * or rolled back) only costs that read.
 */
#ifndef EC_DUALWRITE_TABLES_NESTED_H
#define EC_DUALWRITE_TABLES_NESTED_H

#include "postgres.h"

/* a 128-bit hash that identifies a row of a change's table */
typedef struct EcIdentity
{
	uint64 high;
	uint64 low;
} EcIdentity;

/* Records a write, if the statement runs inside a trigger of another one. */
extern void ec_note_nested_write(EcIdentity identity);

/* True if a statement at a deeper level has written any row, or this row. */
extern bool ec_any_nested_writes(void);
extern bool ec_was_written_deeper(EcIdentity identity);

#endif
