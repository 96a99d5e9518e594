/*
 * version.h
 *		Versions of migrations: what one may look like, and their order.
 */
#ifndef EC_MIGRATE_VERSION_H
#define EC_MIGRATE_VERSION_H

#include "postgres.h"

/* The key of a version is longer than it; both have to fit an index. */
#define EC_MAX_VERSION_BYTES  255
#define EC_MAX_VERSION_DIGITS 20 /* of one number in it: 20260101120000123456 */

/*
 * Raise 22023 unless this can be a version: not empty, not too long, no white
 * space around it, no control characters in it.  Anything else is taken as it
 * is: 001, v1.10, 20260101120000, 2026-01-01_add-email.
 */
extern void ec_check_version(const char *version);

/*
 * The natural order of versions as a string for COLLATE "C": 9 < 10,
 * v1.9 < v1.10, and timestamps of any length by their value.  Two different
 * versions never have the same key ("1" and "01" follow each other).
 */
extern char *ec_version_key(const char *version);

#endif
