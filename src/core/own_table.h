/*
 * own_table.h
 *		Finds the extension's own tables for C code that reads them without the
 *		executor.
 *
 * The name expand_contract.usage alone proves nothing.  A role that may create
 * schemas can create a view or a table of that name before the extension is
 * created, and the row in pg_extension exists while the extension's script
 * still runs.  So a table counts as ours if it is an ordinary table that
 * depends on the extension, and no script of the extension runs in this
 * session.  Its columns are found by name and type; other columns do not
 * matter.
 *
 * Locking protocol.  ec_own_table keeps no lock.  A caller that locks the
 * table afterwards checks the opened relation with ec_own_columns.
 */
#ifndef EC_CORE_OWN_TABLE_H
#define EC_CORE_OWN_TABLE_H

#include "postgres.h"

#include "access/attnum.h"
#include "access/htup.h"
#include "utils/rel.h"

#include "core/compat.h"

typedef struct EcOwnColumn
{
	const char *name;
	Oid type;
} EcOwnColumn;

/* expand_contract.<name>; InvalidOid if that is not a table of the extension. */
extern Oid ec_own_table(const char *name);

/*
 * Sets numbers[] to the attribute numbers of these columns of an open table.
 * False if it is not an ordinary table or lacks one of them.
 */
extern bool ec_own_columns(Relation table, const EcOwnColumn *columns,
						   int count, AttrNumber *numbers);

/*
 * Raises an error: a row of that table does not look as the extension writes
 * it, because somebody has edited it or has restored a part of the table.
 * what says which row, and what is wrong.
 */
ec_noreturn extern void ec_refuse_row(const char *table, const char *what);

/*
 * Moves the sequence of an own table's column id past its rows, if it is about to
 * meet one.  A subscription or a restore can bring rows without the sequence's
 * value.  In scope; call
 * before an INSERT.
 */
extern void ec_pass_own_rows(const char *table);

#endif
