/*
 * paths.h
 *		Rules that restrict the planner's choice of paths for a table.
 *
 * The planner chooses paths by statistics, which may be old, or from a time
 * when the table was small.  A batch must read only the rows that it is to
 * process.  So while our statements are planned, a rule keeps only certain
 * paths to one table.
 */
#ifndef EC_BACKFILL_PATHS_H
#define EC_BACKFILL_PATHS_H

#include "postgres.h"

#include "nodes/pathnodes.h"

typedef struct EcPathRule
{
	/* Does the rule apply to this table of the query? */
	bool (*applies)(PlannerInfo *root, RelOptInfo *rel, const RangeTblEntry *rte);

	/*
	 * Creates paths again, because the planner has removed those that seemed
	 * more expensive.  NULL if the wanted paths are always among the ones
	 * kept.
	 */
	void (*make)(PlannerInfo *root, RelOptInfo *rel);

	bool (*is_wanted)(const Path *path);

	bool is_on;
	bool has_failed; /* a table had no such path, so all its paths were kept */
} EcPathRule;

/*
 * Turns the rule on until ec_path_rules_end, which must be called after an
 * error, too.
 */
extern void ec_path_rule_begin(EcPathRule *rule);
extern void ec_path_rules_end(void);

#endif
