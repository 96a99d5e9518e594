/*
 * callers_path.h
 *		The search_path of the caller, also where ours is in force.
 */
#ifndef EC_CORE_CALLERS_PATH_H
#define EC_CORE_CALLERS_PATH_H

#include "postgres.h"

/* The search_path of our own statements: see catalog.h and pinned.h. */
#define EC_OWN_SEARCH_PATH "pg_catalog, pg_temp"

/*
 * Sets search_path to EC_OWN_SEARCH_PATH, up to the end of the caller's GUC nest
 * level, and notes the one that was in force.
 */
extern void ec_use_own_path(void);

/* Notes the search_path that is in force, unless it is ours. */
extern void ec_note_callers_path(void);

/*
 * True if the schema is named in the search_path that was in force before ours,
 * or, if that was not noted during this statement, in the session's default.
 */
extern bool ec_caller_finds(Oid schema);

#endif
