/*
 * temporary.h
 *		Protects code that runs as another role from temporary objects of the
 *		writer's session.
 *
 * A target table is written with the rights of its owner, in the session of
 * whoever writes the source.  Functions that run then (triggers of the target,
 * functions in the mapping) and name tables without a schema would find
 * temporary tables of that session.  A view or a trigger that the writer has
 * created there would run as the owner.  So if a session has temporary
 * objects, each such function must SET a search_path that does not find them.
 */
#ifndef EC_DUALWRITE_TABLES_TEMPORARY_H
#define EC_DUALWRITE_TABLES_TEMPORARY_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/rel.h"

/*
 * True if this session has temporary tables or types.  Cheap if it never had
 * any.
 */
extern bool ec_session_has_temporary(void);

/*
 * Returns the functions that a write to the target and its descendants would
 * run: those of its triggers, and those that the expressions (Node *) call.
 * Built-in functions, and functions not written in SQL or a procedural
 * language, are left out.
 */
extern List *ec_functions_of_write(Relation target, List *expressions);

/*
 * Raises 55000 if one of the functions could find a temporary object of the
 * session.
 */
extern void ec_refuse_temporary(const char *change, Oid target, List *functions);

/* Warns of functions that do not SET a search_path. */
extern void ec_warn_of_open_functions(Oid target, List *functions);

#endif
