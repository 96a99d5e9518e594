/*
 * drift.h
 *		Shows where a changed script differs from the one that was applied.
 */
#ifndef EC_MIGRATE_DRIFT_H
#define EC_MIGRATE_DRIFT_H

#include "postgres.h"

/*
 * Returns the lines that differ, for the end of a DETAIL: "", or a line break
 * and the first few lines, with - for the applied script and + for the given
 * one.
 */
extern char *ec_drift_lines(const char *applied, const char *given);

#endif
