/*
 * moved.h
 *		Rows that a MERGE moves to another partition.
 *
 * The server inserts such a row there, and nothing tells it from one that an
 * INSERT of the same MERGE has made; but that it follows its own UPDATE.
 */
#ifndef EC_DUALWRITE_COLUMNS_MOVED_H
#define EC_DUALWRITE_COLUMNS_MOVED_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/palloc.h"

#include "dualwrite/columns/compiled.h"

/* The row that the statement, known by its memory, has updated last. */
extern void ec_note_updated_row(MemoryContext statement,
								const EcCompiled *compiled, TupleTableSlot *slot);

/* Has the row in slot the key, and the columns of the change, of that one? */
extern bool ec_is_moved_row(MemoryContext statement, const EcCompiled *compiled,
							TupleTableSlot *slot);

#endif
