/*
 * temporary.h
 *		Temporary objects of a writer's session, and code that runs as another.
 *
 * A table target is written with the rights of its owner, in the session of
 * whoever writes the source.  Functions that run by that (triggers of the
 * target, functions in the mapping) and name tables without a schema would
 * find a temporary table of the session, which is the writer's: a view or a
 * trigger of his would run as the owner.  So where a session has temporary
 * objects, each such function must have a SET for its search_path that does not
 * lead to them.
 */
#ifndef EC_DUALWRITE_TABLES_TEMPORARY_H
#define EC_DUALWRITE_TABLES_TEMPORARY_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/rel.h"

/* Has this session temporary tables or types?  Cheap where it never had any. */
extern bool ec_session_has_temporary(void);

/*
 * The functions that a write to the target, and to what is below it, would run:
 * those of its triggers, and those called by the expressions (of Node *).  Of
 * the server's own, and of those that are not written in SQL or a procedural
 * language, none.
 */
extern List *ec_functions_of_write(Relation target, List *expressions);

/* 55000 if one of them could be led to a temporary object of the session. */
extern void ec_refuse_temporary(const char *change, Oid target, List *functions);

/* Warn of those that have no SET for their search_path. */
extern void ec_warn_of_open_functions(Oid target, List *functions);

#endif
