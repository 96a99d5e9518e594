/*
 * named.h
 *		Finds out which columns the inserting statement names.
 *
 * INSERT and COPY name the columns in their column list; without a list, those
 * for which they give values.  A statement that names a column knows the value
 * of that column, even if it is NULL, DEFAULT, or equal to the default.
 */
#ifndef EC_DUALWRITE_COLUMNS_NAMED_H
#define EC_DUALWRITE_COLUMNS_NAMED_H

#include "postgres.h"

#include "commands/trigger.h"
#include "utils/palloc.h"

#include "dualwrite/columns/compiled.h"

typedef enum EcSource
{
	EC_SOURCE_UNKNOWN, /* rows applied by a subscription or inserted by
					    * other code */
	EC_SOURCE_INSERT,  /* INSERT, COPY, or MERGE with one INSERT action */
	EC_SOURCE_INSERTS, /* MERGE with several INSERT actions: the union of
					    * what they name */
	EC_SOURCE_UPDATE   /* an UPDATE that moves a row to another partition */
} EcSource;

/* the same for all rows that a statement writes to one table */
typedef struct EcNamed
{
	EcSource source;
	bool may_move; /* MERGE: its UPDATE action may have moved the row here */

	/* true if the statement names at least one of: */
	bool forward;  /* the columns that forward writes */
	bool backward; /* the columns that backward writes */
	bool new_side; /* the columns of the new side, other than the key's */
	bool old_side;
} EcNamed;

/*
 * Examines the statement that has fired a BEFORE ROW trigger.  rows is the
 * parent of the memory context in which the trigger was called.
 */
extern void ec_find_named(const TriggerData *data, MemoryContext rows,
						  const EcCompiled *compiled, EcNamed *named);

/*
 * Returns the command ID with which the statement stores its rows: 0 for COPY,
 * where it is unknown, and InvalidCommandId if the statement is not known.
 */
extern CommandId ec_running_command(MemoryContext rows);

#endif
