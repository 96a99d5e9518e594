/*
 * version.h
 *		Versions of migrations: their syntax and their order.
 */
#ifndef EC_MIGRATE_VERSION_H
#define EC_MIGRATE_VERSION_H

#include "postgres.h"

/*
 * A version's key is longer than the version, and both must fit into an index.
 */
#define EC_MAX_VERSION_BYTES 255
/* Of one number in a version, such as 20260101120000123456. */
#define EC_MAX_VERSION_DIGITS 20

/*
 * Raises 22023 unless this can be a version: not empty, not too long, no white
 * space around it, no control characters.  Everything else is allowed: 001,
 * v1.10, 20260101120000, 2026-01-01_add-email.
 */
extern void ec_check_version(const char *version);

/*
 * The natural order of versions as a string for COLLATE "C": 9 < 10, v1.9 <
 * v1.10, and timestamps of any length by their value.  Different versions have
 * different keys ("1" and "01" are adjacent).
 */
extern char *ec_version_key(const char *version);

#endif
