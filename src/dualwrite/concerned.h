/*
 * concerned.h
 *		Finds the changes that a statement concerns, using the system catalogs
 *		only.
 *
 * Event triggers fire for everybody's DDL.  Whether a statement concerns a
 * change follows from the change's triggers on its tables, and from the
 * objects on which these triggers depend.  Both are found by relation through
 * an index.  The extension's own tables are neither read nor locked.
 */
#ifndef EC_DUALWRITE_CONCERNED_H
#define EC_DUALWRITE_CONCERNED_H

#include "postgres.h"

#include "nodes/pg_list.h"

/*
 * True if a table of this database has dual writes.  Always false while a
 * script of the extension runs.
 */
extern bool ec_has_any_dual_writes(void);

/*
 * Returns the names (char *) of the changes whose triggers are on the relation
 * or depend on it; the target of a change without a backward mapping has no
 * trigger.  Anybody can create such triggers, so the caller must check in the
 * change that the relation belongs to it.
 */
extern List *ec_changes_about(Oid relation);

/* Returns only the changes that have triggers on the relation. */
extern List *ec_changes_at(Oid relation);

/*
 * Returns the relation and all its ancestors in partition or inheritance
 * trees.
 */
extern List *ec_with_ancestors(Oid relation);

/*
 * Returns the tables, and the tables of the indexes, on which the command of
 * an event trigger on ddl_command_end has acted.
 */
extern List *ec_relations_of_command(void);

#endif
