/*
 * errcodes.h
 *		The extension's own SQLSTATEs, for conditions that have no standard
 *		code.
 *
 * They are in class XE: the SQL standard leaves classes that begin with I to Z
 * to the implementation.  Where a standard code fits (42501, 55000, 55P03 ...)
 * the standard code is used.  doc/errors.md lists these codes for users.
 */
#ifndef EC_CORE_ERRCODES_H
#define EC_CORE_ERRCODES_H

/* a migration's script differs from the one that was applied */
#define EC_ERRCODE_DRIFT MAKE_SQLSTATE('X', 'E', '0', '0', '1')
/* a migration older than the newest applied one */
#define EC_ERRCODE_OUT_OF_ORDER MAKE_SQLSTATE('X', 'E', '0', '0', '2')
/* a migration that another one requires, or that requires another */
#define EC_ERRCODE_REQUIRES MAKE_SQLSTATE('X', 'E', '0', '0', '3')
/* a statement that breaks running code, outside phase "contract" */
#define EC_ERRCODE_UNSAFE MAKE_SQLSTATE('X', 'E', '0', '0', '4')
/* a transition of a change whose gates are not passed */
#define EC_ERRCODE_GATE MAKE_SQLSTATE('X', 'E', '0', '2', '0')
/* a backfill whose predicate still holds for a row it has just written */
#define EC_ERRCODE_NOT_CONVERGING MAKE_SQLSTATE('X', 'E', '0', '1', '0')
/* a job that has lost its worker, and that nothing will restart */
#define EC_ERRCODE_INTERRUPTED MAKE_SQLSTATE('X', 'E', '0', '1', '1')
/* a job that somebody cancelled */
#define EC_ERRCODE_JOB_CANCELLED MAKE_SQLSTATE('X', 'E', '0', '1', '2')
/* CALL ec_wait gave up waiting; the job goes on */
#define EC_ERRCODE_WAIT_TIMEOUT MAKE_SQLSTATE('X', 'E', '0', '1', '3')

#endif
