/*
 * own.h
 *		Marks what this process does on behalf of the extension itself.
 *
 * Column usage records which applications still use a column.  Reads and
 * writes by the extension itself must not count as such use.  Background
 * workers set ec_own_reads for their lifetime.  A session that runs something
 * for the extension (a verification, a dual write) sets it meanwhile:
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

/*
 * Set while columns swap their names: our event triggers do nothing, since the
 * swap does itself what they would do.
 */
extern bool ec_own_swap;

#endif
