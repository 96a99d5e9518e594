/*
 * own.h
 *		What this process does on behalf of the extension itself.
 *
 * Column usage tells who still needs a column, and the backfill that empties
 * it is nobody.  Our workers set this for good; what a session runs for us (a
 * verification, a dual write) sets it while it runs:
 *
 *		bool before = ec_own_reads;
 *
 *		ec_own_reads = true;
 *		PG_TRY();
 *		...
 *		PG_FINALLY();
 *			ec_own_reads = before;
 *		PG_END_TRY();
 */
#ifndef EC_CORE_OWN_H
#define EC_CORE_OWN_H

#include "postgres.h"

extern bool ec_own_reads;

/* Likewise around DDL of ours, of which nobody need be warned. */
extern bool ec_own_ddl;

#endif
