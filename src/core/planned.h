/*
 * planned.h
 *		Statements of ours that set off the user's code.
 *
 * What a statement of ours means must not depend on the search_path of whoever
 * runs it, and rows must not be missing from it because of a policy that
 * applies to him.  What it sets off (triggers, functions) is to run as if the
 * user had sent the statement, with his search_path and his row_security.  So
 * it is parsed and planned under our settings, and executed under his.
 */
#ifndef EC_CORE_PLANNED_H
#define EC_CORE_PLANNED_H

#include "postgres.h"

#include "executor/spi.h"
#include "executor/tuptable.h"
#include "nodes/params.h"
#include "tcop/dest.h"

/* Where our own statements look names up. */
#define EC_OWN_SEARCH_PATH "pg_catalog, pg_temp"

/*
 * From here on statements are parsed and planned: with row_security off, so
 * that a policy that would hide rows is an error (42501), and with the
 * search_path, or the session's if NULL.  Until ec_planning_end.
 */
extern int ec_planning_begin(const char *search_path);
extern void ec_planning_end(int guc_level);

/* SPI_prepare in between the two. */
extern SPIPlanPtr ec_prepare_planned(const char *sql, int count, Oid *types,
									 int cursor_options, const char *search_path);

/*
 * Execute the plan of one statement, planned again with that search_path if
 * need be: as a generic plan, with a new snapshot, in an SPI connection.  dest
 * may be NULL.  Returns the rows that it gave or changed.
 */
extern uint64 ec_execute_planned(SPIPlanPtr plan, ParamListInfo parameters,
								 const char *search_path, DestReceiver *dest);

/*
 * The same of a statement without parameters, once: its first row, in memory of
 * the caller's; NULL if it gives none.
 */
extern TupleTableSlot *
ec_first_row_planned(const char *sql, const char *search_path);

/* A column of it as text; NULL if it is null. */
extern char *ec_planned_text(TupleTableSlot *row, int column);

#endif
