/*
 * moved.h
 *		Recognizes rows that a MERGE moves to another partition.
 *
 * The server inserts such a row into the new partition.  Only one thing tells
 * it from a row inserted by an INSERT action of the same MERGE: it directly
 * follows its own UPDATE.
 */
#ifndef EC_DUALWRITE_COLUMNS_MOVED_H
#define EC_DUALWRITE_COLUMNS_MOVED_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/palloc.h"

#include "dualwrite/columns/compiled.h"

/*
 * Remembers the row that the statement updated last.  The statement is
 * identified by its memory context.
 */
extern void ec_note_updated_row(MemoryContext statement,
								const EcCompiled *compiled, TupleTableSlot *slot);

/*
 * True if the row in slot has the same values as the remembered row in the key
 * and in the columns of the change.
 */
extern bool ec_is_moved_row(MemoryContext statement, const EcCompiled *compiled,
							TupleTableSlot *slot);

#endif
