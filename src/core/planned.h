/*
 * planned.h
 *		Runs our statements that invoke code of users.
 *
 * The meaning of our statement must not depend on the search_path of the
 * session, and a row security policy of the user must not hide rows from it.
 * But the triggers and functions that it invokes must run as if the user had
 * sent the statement, with his search_path and his row_security.  So the
 * statement is parsed and planned under our settings, and executed under the
 * session's.
 */
#ifndef EC_CORE_PLANNED_H
#define EC_CORE_PLANNED_H

#include "postgres.h"

#include "executor/spi.h"
#include "executor/tuptable.h"
#include "nodes/params.h"
#include "tcop/dest.h"

#include "core/callers_path.h"

/*
 * Until ec_planning_end, statements are parsed and planned with row_security
 * off, so that a policy that would hide rows raises an error (42501), and with
 * this search_path, or the session's if it is NULL.
 */
extern int ec_planning_begin(const char *search_path);
extern void ec_planning_end(int guc_level);

/* Calls SPI_prepare_cursor between the two. */
extern SPIPlanPtr ec_prepare_planned(const char *sql, int count, Oid *types,
									 int cursor_options, const char *search_path);

/*
 * Executes the plan of one statement.  If the plan is no longer valid, the
 * statement is planned again with that search_path.  The plan is generic; the
 * snapshot is new; call within an SPI connection.  dest may be NULL.  Returns
 * the number of rows that the statement returned or changed.
 */
extern uint64 ec_execute_planned(SPIPlanPtr plan, ParamListInfo parameters,
								 const char *search_path, DestReceiver *dest);

/*
 * Plans and executes a statement without parameters, once.  Returns its first
 * row, in the current memory context; NULL if there is none.
 */
extern TupleTableSlot *
ec_first_row_planned(const char *sql, const char *search_path);

/* A column of that row as text; NULL if it is null. */
extern char *ec_planned_text(TupleTableSlot *row, int column);

#endif
