/*
 * run.h
 *		Runs a transactional script.
 */
#ifndef EC_MIGRATE_RUN_H
#define EC_MIGRATE_RUN_H

#include "postgres.h"

#include "script/script.h"

/* Called when the last statement has run, as the user who called. */
typedef void (*EcRecord)(void *arg);

/* Raise 55000 if a script is being run: ec_apply does not nest. */
extern void ec_run_check_nesting(const char *what);

/*
 * Run the statements one by one as the current user, then record(arg), all in
 * one subtransaction: an error leaves neither.  What the script SETs, ends
 * with it.  Table locks are waited for in short, growing tries of the whole
 * script, until lock_timeout_ms is used up; a statement runs no longer than
 * expand_contract.statement_timeout.  Both errors get a hint, and the first
 * names who holds the lock.
 */
extern void ec_run_script(const EcScript *script, int lock_timeout_ms,
						  EcRecord record, void *arg);

/* The relations that a statement names as what it is about, of RangeVar. */
extern List *ec_named_relations(Node *node);

#endif
