/*
 * subtransaction.h
 *		Running something in a subtransaction, and keeping its error.
 *
 * The error is in the memory context of the caller, if he names no other; his
 * memory context and resource owner are current again.  Whatever it is, it is the caller's: one
 * that he does not expect, a cancel above all, he has to raise again with
 * ReThrowError.
 */
#ifndef EC_CORE_SUBTRANSACTION_H
#define EC_CORE_SUBTRANSACTION_H

#include "postgres.h"

/* Keeps what the work has done; NULL, or the error, with all rolled back. */
extern ErrorData *ec_subtransaction(void (*work)(void *arg), void *arg);

extern ErrorData *ec_subtransaction_with_error_in(void (*work)(void *arg),
												  void *arg, MemoryContext errors);

/* Rolls back in any case, which also gives up the locks. */
extern ErrorData *ec_subtransaction_undone(void (*work)(void *arg), void *arg);

#endif
