/*
 * nested.h
 *		Rows that triggers of a statement have written again.
 *
 * A statement's AFTER triggers may write the rows that it has just written.
 * Triggers for each statement fire last, and so those of the inner statement
 * come before those of the outer one, whose transition tables are out of date
 * by then.  The inner one leaves word of its rows here, for the rest of the
 * transaction; who finds one here looks at the row itself.  Word that is no
 * longer true (of an earlier statement, or rolled back) costs that look.
 */
#ifndef EC_DUALWRITE_TABLES_NESTED_H
#define EC_DUALWRITE_TABLES_NESTED_H

#include "postgres.h"

/* What tells rows of a change's table apart, as 128 bits that stand for it. */
typedef struct EcIdentity
{
	uint64 high;
	uint64 low;
} EcIdentity;

/* By a statement of this trigger depth, if there is one around it. */
extern void ec_note_nested_write(EcIdentity identity);

/* Has a deeper statement written anything; this row? */
extern bool ec_any_nested_writes(void);
extern bool ec_was_written_deeper(EcIdentity identity);

#endif
