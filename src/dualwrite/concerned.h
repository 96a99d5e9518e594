/*
 * concerned.h
 *		Which statements are a change's business, from the server's catalogue
 *		alone.
 *
 * Event triggers fire for everybody's DDL.  What a statement has to do with a
 * change is told by the triggers that the change has on its tables, and by what
 * these triggers depend on: both are found by the relation, through an index.
 * The extension's own tables are neither read nor locked for it.
 */
#ifndef EC_DUALWRITE_CONCERNED_H
#define EC_DUALWRITE_CONCERNED_H

#include "postgres.h"

#include "nodes/pg_list.h"

/*
 * Has any table of this database dual writes?  False also while a script of the
 * extension runs.
 */
extern bool ec_has_any_dual_writes(void);

/*
 * The changes, of char *, whose triggers a relation has, or which are about it:
 * the other table of a change that goes one way has no trigger.  Anybody may
 * have made the triggers, so the change has to say whether the relation is its
 * own.
 */
extern List *ec_changes_about(Oid relation);

/* Of these, the changes that the relation has triggers of. */
extern List *ec_changes_at(Oid relation);

/* The relation, and all that it is a partition or a child of, at any level. */
extern List *ec_with_ancestors(Oid relation);

/*
 * The tables, and the tables of the indexes, that the command of an event
 * trigger on ddl_command_end was about.
 */
extern List *ec_relations_of_command(void);

#endif
