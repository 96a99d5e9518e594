/*
 * transaction.h
 *		The transactions of a piece of work that takes several.
 */
#ifndef EC_CORE_TRANSACTION_H
#define EC_CORE_TRANSACTION_H

#include "postgres.h"

/*
 * Begins a transaction with a snapshot, and ends it.  Call outside of a
 * transaction, with the memory context of the work, which is the current one
 * afterwards.
 */
extern void ec_begin_transaction(MemoryContext memory);
extern void ec_commit_transaction(MemoryContext memory);

#endif
