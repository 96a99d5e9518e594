/*
 * drift.h
 *		Where an edited script differs from the one that was applied.
 */
#ifndef EC_MIGRATE_DRIFT_H
#define EC_MIGRATE_DRIFT_H

#include "postgres.h"

/*
 * The lines that differ, for the end of a DETAIL: "" or a line break and the
 * first few of them, with - for the applied script's and + for the given.
 */
extern char *ec_drift_lines(const char *applied, const char *given);

#endif
