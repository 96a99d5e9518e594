/*
 * gates_dependents.c
 *		Does anything in the catalogue still name the old shape?
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/array.h"

#include "lifecycle/gates.h"
#include "lifecycle/old_shape.h"
#include "core/catalog.h"
#include "core/query.h"

/* More of them are only counted. */
#define MAX_NAMED 10

void
ec_gate_dependents(const EcChange *change, EcGate *gate)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	StringInfoData observed;
	uint64 found;

	gate->required = "nothing that names the old shape and would not go with it";
	initStringInfo(&observed);
	ec_arg_oid(&args, change->relation);
	ec_arg(&args, INT2ARRAYOID, ec_old_column_numbers(change),
		   ec_old_is_whole_table(change));
	ec_catalog_begin(&scope);
	found = ec_query("SELECT kind || ' ' || object || ' (' || because || ')'"
					 "  FROM expand_contract.dependents($1, $2) WHERE NOT goes",
					 &args);
	for (uint64 row = 0; row < Min(found, MAX_NAMED); row++)
		appendStringInfo(&observed, "%s%s", row > 0 ? ", " : "",
						 ec_get_text(row, 1));
	if (found > MAX_NAMED)
		appendStringInfo(&observed, ", and " UINT64_FORMAT " more",
						 found - MAX_NAMED);
	ec_catalog_end(&scope);
	gate->passed = found == 0;
	gate->observed = found == 0 ? pstrdup("nothing") : observed.data;
	gate->hint =
		"Change or drop them; or override this gate, and what depends on the old shape is dropped with it.";
}
