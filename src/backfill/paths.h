/*
 * paths.h
 *		Rules that leave the planner one way to read a table.
 *
 * Left to itself the planner chooses by statistics, which are of yesterday or
 * of a table that was small.  A batch must read what it is to read and no more,
 * so while our statements are planned, a rule keeps of the paths to one table
 * only those that it wants.
 */
#ifndef EC_BACKFILL_PATHS_H
#define EC_BACKFILL_PATHS_H

#include "postgres.h"

#include "nodes/pathnodes.h"

typedef struct EcPathRule
{
	/* Is it about this table of the query? */
	bool (*applies)(PlannerInfo *root, RelOptInfo *rel, const RangeTblEntry *rte);

	/*
	 * Makes paths again: the planner has dropped those that looked dearer than
	 * others.  NULL: what it has kept has those that are wanted.
	 */
	void (*make)(PlannerInfo *root, RelOptInfo *rel);

	bool (*is_wanted)(const Path *path);

	bool is_on;
	bool has_failed; /* a table had no such path, and keeps all of its own */
} EcPathRule;

/* The rule is on until ec_path_rules_end, be there an error or not. */
extern void ec_path_rule_begin(EcPathRule *rule);
extern void ec_path_rules_end(void);

#endif
