/*
 * plan_table.h
 *		Plans an ALTER TABLE command by command.
 */
#ifndef EC_LINT_PLAN_PLAN_TABLE_H
#define EC_LINT_PLAN_PLAN_TABLE_H

#include "lint/plan/planner.h"

/*
 * Lets the lint look at the commands of the current statement, in the order in
 * which the server runs them, and adds the steps to the plan.
 */
extern void ec_plan_alter_table(EcPlanner *planner);

#endif
