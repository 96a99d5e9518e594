/*
 * lint_online.h
 *		What becomes of a script's findings by its online plan.
 */
#ifndef EC_LINT_LINT_ONLINE_H
#define EC_LINT_LINT_ONLINE_H

#include "postgres.h"

#include "lint/finding.h"

/*
 * Sets the recipes, which are the plan's SQL, and the severities.  What blocks
 * others for long is harmless if the script runs online and there is an online
 * way; otherwise it is an error.
 */
extern void ec_lint_settle(const EcScript *script, List *findings, bool online);

#endif
