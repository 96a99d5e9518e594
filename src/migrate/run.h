/*
 * run.h
 *		Runs a transactional script.
 */
#ifndef EC_MIGRATE_RUN_H
#define EC_MIGRATE_RUN_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "script/script.h"

/* Called after the last statement, as the caller. */
typedef void (*EcRecord)(void *arg);

/* Raises 55000 if a script is running: ec_apply cannot be nested. */
extern void ec_run_check_nesting(const char *what);

/*
 * Runs the statements one by one as the current user, then record(arg), all in
 * one subtransaction, so an error undoes both.  Settings that the script SETs
 * end with it.  Table locks are waited for in short, growing tries of the
 * whole script, until lock_timeout_ms is over.  A statement runs no longer
 * than expand_contract.statement_timeout.  Both errors get a hint, and the
 * former names the holders of the lock.
 */
extern void ec_run_script(const EcScript *script, int lock_timeout_ms,
						  EcRecord record, void *arg);

/*
 * The same for a step of a script: what it leaves set is in *settings when
 * record is called, see ec_settings_kept.
 */
extern void ec_run_step(const EcScript *script, int lock_timeout_ms,
						Jsonb **settings, EcRecord record, void *arg);

/*
 * The same for a script of one SELECT whose result is a number, which is set
 * before record is called.
 */
extern void ec_run_script_for_number(const EcScript *script, int lock_timeout_ms,
									 int64 *number, EcRecord record, void *arg);

/* The relations that are the objects of a statement (RangeVar). */
extern List *ec_named_relations(Node *node);

#endif
