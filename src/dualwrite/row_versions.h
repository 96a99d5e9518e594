/*
 * row_versions.h
 *		What one statement has done to a table, from its transition tables.
 */
#ifndef EC_ROW_VERSIONS_H
#define EC_ROW_VERSIONS_H

#include "postgres.h"

#include "commands/trigger.h"

#include "dualwrite/route_write.h"

/*
 * The rows of the statement or, for TRUNCATE, of the table as it is before.
 * all: as if every column had changed.
 */
extern EcRows *
ec_statement_rows(TriggerData *data, const EcRoute *route, bool all);

/* When it is done with; an error needs no end. */
extern void ec_rows_end(EcRows *rows);

/* Is there nothing to carry over? */
extern bool ec_rows_are_none(EcRows *rows);

#endif
