/*
 * gates_dependents.c
 *		Gate: does a catalog object still name the old shape?
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/array.h"

#include "lifecycle/gates.h"
#include "lifecycle/old_shape.h"
#include "core/catalog.h"
#include "core/clip.h"
#include "core/query.h"

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

void
ec_gate_dependents(const EcChange *change, EcGate *gate)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	Named blocking = {0};
	Named unsure = {0};
	uint64 found;

	initStringInfo(&blocking.list);
	initStringInfo(&unsure.list);
	ec_arg_oid(&args, change->relation);
	ec_arg(&args, INT2ARRAYOID, ec_old_column_numbers(change), change->whole_table);
	ec_catalog_begin(&scope);
	found = ec_query("SELECT kind || ' ' || object || ' (' || because || ')', blocks"
					 "  FROM expand_contract.dependents($1, $2)"
					 " WHERE blocks OR kind = 'function' AND NOT falls",
					 &args);
	for (uint64 row = 0; row < found; row++)
		add(ec_get_bool(row, 2, true) ? &blocking : &unsure, ec_get_text(row, 1));
	ec_catalog_end(&scope);

	gate->required = "nothing that names the old shape and would not go with it";
	gate->passed = blocking.count == 0;
	gate->observed =
		psprintf("%s%s%s", gate->passed ? "nothing" : list_of(&blocking),
				 unsure.count > 0 ? "; look at " : "",
				 unsure.count > 0 ? list_of(&unsure) : "");
	gate->hint =
		"Change or drop them. Or override this gate: what depends on the old shape is dropped with it then, and functions whose bodies use it fail.";
}
