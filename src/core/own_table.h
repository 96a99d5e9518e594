/*
 * own_table.h
 *		The extension's own tables, for C that reads them without the executor.
 *
 * The name expand_contract.usage alone says nothing: whoever may create schemas
 * can have a view or a table of that name before the extension comes, and the
 * row in pg_extension is there while its script still runs.  So a table is ours
 * if it is an ordinary table that depends on the extension, while no script of
 * the extension runs in this session; and its columns are found by name and
 * type, whatever else it has.
 *
 * Locking protocol.  ec_own_table takes no lock that lasts.  Whoever locks the
 * table afterwards asks ec_own_columns of what he has opened.
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
 * The numbers of an open table's columns, in the order asked for; false if it
 * is not an ordinary table or lacks one of them.
 */
extern bool ec_own_columns(Relation table, const EcOwnColumn *columns,
						   int count, AttrNumber *numbers);

/*
 * An error: whoever has written a row of that table by hand, or restored half
 * of it, has written one that the extension would not.  what says which.
 */
ec_noreturn extern void ec_refuse_row(const char *table, const char *what);

#endif
