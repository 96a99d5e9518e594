/*
 * named.h
 *		What the statement that inserts a row names.
 *
 * An INSERT or COPY names the columns of its list; without a list, those that
 * it gives values for.  Who names a column knows its value, also where that is
 * NULL, DEFAULT, or what the default gives.
 */
#ifndef EC_DUALWRITE_COLUMNS_NAMED_H
#define EC_DUALWRITE_COLUMNS_NAMED_H

#include "postgres.h"

#include "commands/trigger.h"
#include "utils/palloc.h"

#include "dualwrite/columns/compiled.h"

typedef enum EcSource
{
	EC_SOURCE_UNKNOWN, /* rows of a subscription, and of code that we do not know */
	EC_SOURCE_INSERT,  /* INSERT, COPY, or MERGE with one INSERT */
	EC_SOURCE_INSERTS, /* MERGE with several: what all of them name together */
	EC_SOURCE_UPDATE   /* which moves rows to another partition */
} EcSource;

/* The same for all rows that a statement writes to one table. */
typedef struct EcNamed
{
	EcSource source;
	bool may_move; /* MERGE: an UPDATE of it may have moved the row here */

	/* named are: */
	bool forward;  /* columns that forward writes */
	bool backward; /* columns that backward writes */
	bool new_side; /* columns of the side, other than the key's */
	bool old_side;
} EcNamed;

/*
 * Asks the statement that has fired a BEFORE ROW trigger.  rows: the parent of
 * the memory context in which the trigger was called.
 */
extern void ec_find_named(const TriggerData *data, MemoryContext rows,
						  const EcCompiled *compiled, EcNamed *named);

/*
 * The command that the rows of the statement are stored with: 0 for COPY, which
 * does not say, and InvalidCommandId where there is no statement that we know.
 */
extern CommandId ec_running_command(MemoryContext rows);

#endif
