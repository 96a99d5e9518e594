/*
 * row_versions.h
 *		What one statement has done to a table, from its transition tables.
 */
#ifndef EC_DUALWRITE_TABLES_ROW_VERSIONS_H
#define EC_DUALWRITE_TABLES_ROW_VERSIONS_H

#include "postgres.h"

#include "commands/trigger.h"

#include "dualwrite/tables/route_write.h"

/*
 * The rows of the statement or, for TRUNCATE, of the table as it is before.
 * all: as if every column had changed.
 */
extern EcRowSet *
ec_statement_rows(TriggerData *data, const EcRoute *route, bool all);

/*
 * Rows that triggers of the statement have written again, and those that the
 * transition tables cannot be trusted for, are left out of each_gone and
 * each_put; they are here.
 */
extern void ec_row_set_each_stale(EcRowSet *rows, EcRowVisitor visit, void *arg);

/* Leave word of the rows, if this statement is a trigger's. */
extern void ec_row_set_note_nested(EcRowSet *rows);

/* When it is done with; an error needs no end. */
extern void ec_row_set_end(EcRowSet *rows);

/* Is there nothing to carry over? */
extern bool ec_row_set_are_none(EcRowSet *rows);

#endif
