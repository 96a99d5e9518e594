/*
 * row_versions.h
 *		Determines what a statement has done to a table, from its transition
 *		tables.
 */
#ifndef EC_DUALWRITE_TABLES_ROW_VERSIONS_H
#define EC_DUALWRITE_TABLES_ROW_VERSIONS_H

#include "postgres.h"

#include "commands/trigger.h"

#include "dualwrite/tables/route_write.h"

/*
 * Returns the rows of the statement or, for TRUNCATE, all rows of the table.
 * all: treats every column as changed.
 */
extern EcRowSet *
ec_statement_rows(TriggerData *data, const EcRoute *route, bool all);

/*
 * each_gone and each_put skip rows that triggers of the statement have written
 * again, and rows for which the transition tables are unreliable.  This visits
 * those rows.
 */
extern void ec_row_set_each_stale(EcRowSet *rows, EcRowVisitor visit, void *arg);

/*
 * Records the rows for the outer statement, if this one runs inside a trigger.
 */
extern void ec_row_set_note_nested(EcRowSet *rows);

/* Frees the set; not needed after an error. */
extern void ec_row_set_end(EcRowSet *rows);

/* True if there is nothing to carry over. */
extern bool ec_row_set_are_none(EcRowSet *rows);

#endif
