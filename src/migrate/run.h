/*
 * run.h
 *		Runs a transactional script.
 */
#ifndef EC_RUN_H
#define EC_RUN_H

#include "postgres.h"

#include "migrate/script.h"

/* Called when the last statement has run, as the user who called. */
typedef void (*EcRecord)(void *arg);

/* Raise 55000 if a script is being run: ec_apply does not nest. */
extern void ec_run_check_nesting(const char *what);

/*
 * Run the statements one by one as the current user, then record(arg), all in
 * one subtransaction: an error leaves neither.  What the script SETs, ends
 * with it.  A wait for one lock ends after lock_timeout_ms, a statement after
 * expand_contract.statement_timeout; both errors get a hint, and the first
 * names who holds the lock.
 */
extern void ec_run_script(const EcScript *script, int lock_timeout_ms,
						  EcRecord record, void *arg);

#endif
