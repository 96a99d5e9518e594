/*
 * gates_dependents.c
 *		Gate: does a catalog object still name the old shape, and does the new
 *		shape lack something that the old one has?
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/array.h"

#include "lifecycle/gates.h"
#include "lifecycle/lacks.h"
#include "lifecycle/old_shape.h"
#include "core/catalog.h"
#include "core/clip.h"
#include "core/lock_retry.h"
#include "core/query.h"
#include "dualwrite/safe.h"

/* number of objects that are named; further ones are only counted */
#define MAX_NAMED 10

typedef struct Named
{
	StringInfoData list;
	int count;
} Named;

static void
add(Named *named, const char *object)
{
	if (named->count++ < MAX_NAMED)
		appendStringInfo(&named->list, "%s%s", named->list.len > 0 ? ", " : "",
						 ec_clip(object, EC_MAX_NAMED));
}

static const char *
list_of(Named *named)
{
	if (named->count > MAX_NAMED)
		appendStringInfo(&named->list, ", and %d more", named->count - MAX_NAMED);
	return named->list.data;
}

/* The mappings may call what is not there any more. */
typedef struct Lacking
{
	const EcChange *change;
	List *lacks;
} Lacking;

static void
find_lacks(void *arg)
{
	Lacking *lacking = arg;

	lacking->lacks = ec_lacks(lacking->change);
}

/* Returns the statements that give them to the new shape. */
static char *
add_lacks(const EcChange *change, Named *blocking)
{
	Lacking lacking = {.change = change};
	ErrorData *error = ec_try(find_lacks, &lacking);
	StringInfoData statements;
	ListCell *cell;

	if (error != NULL && ec_is_lock_error(error))
		ReThrowError(error);
	if (error != NULL)
	{
		add(blocking,
			psprintf("the mappings (they cannot be read: %s)", error->message));
		return "";
	}
	initStringInfo(&statements);
	foreach (cell, lacking.lacks)
	{
		EcLack *lack = lfirst(cell);

		add(blocking, psprintf("%s (%s)", lack->what, lack->because));
		if (lack->statements != NULL)
			appendStringInfo(&statements, "\n%s", lack->statements);
	}
	return statements.data;
}

void
ec_gate_dependents(const EcChange *change, EcGate *gate)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	Named blocking = {0};
	Named unsure = {0};
	char *statements;
	bool names_old;
	uint64 found;

	initStringInfo(&blocking.list);
	initStringInfo(&unsure.list);
	ec_arg_oid(&args, change->relation);
	ec_arg(&args, INT2ARRAYOID, ec_old_column_numbers(change), change->whole_table);
	ec_arg_bool(&args, change->kept_names != NULL);
	ec_catalog_begin(&scope);
	found = ec_query("SELECT kind || ' ' || object || ' (' || because || ')', blocks"
					 "  FROM expand_contract.dependents($1, $2)"
					 " WHERE (blocks OR kind = 'function' AND NOT falls)"
					 /* nobody names such columns: they are for the way back */
					 "   AND NOT ($3 AND kind = 'table constraint')",
					 &args);
	for (uint64 row = 0; row < found; row++)
		add(ec_get_bool(row, 2, true) ? &blocking : &unsure, ec_get_text(row, 1));
	ec_catalog_end(&scope);
	names_old = blocking.count > 0;
	statements = add_lacks(change, &blocking);

	gate->required =
		"no object that uses the old shape and would not be dropped with it, and the new shape lacks nothing that the old one has";
	gate->passed = blocking.count == 0;
	gate->observed =
		psprintf("%s%s%s", gate->passed ? "nothing" : list_of(&blocking),
				 unsure.count > 0 ? "; look at " : "",
				 unsure.count > 0 ? list_of(&unsure) : "");
	gate->hint =
		psprintf("%s%s%s",
				 names_old
					 ? "Change or drop the objects that use it. Or override this gate: then dependent objects are dropped with the old shape, and functions whose bodies use it fail."
					 : "Override this gate if the new shape does not need that.",
				 statements[0] != '\0' ? " Add what the new shape lacks:" : "",
				 statements);
}
