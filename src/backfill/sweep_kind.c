/*
 * sweep_kind.c
 *		What a sweep does with the rows of a table.
 */
#include "postgres.h"

#include "backfill/sweep_kind.h"

Jsonb *
ec_backfill_to_json(const EcBackfill *backfill, const EcJobSpec *spec)
{
	EcJsonWriter writer;

	ec_json_begin(&writer);
	ec_json_int8(&writer, "method", backfill->method);
	if (OidIsValid(spec->role))
		ec_json_int8(&writer, "role", spec->role);
	if (spec->skips_failures)
		ec_json_int8(&writer, "skips_failures", 1);
	if (spec->fills)
		ec_json_int8(&writer, "fills", 1);
	if (spec->is_backward)
		ec_json_int8(&writer, "is_backward", 1);
	backfill->kind->save(backfill, &writer);
	return ec_json_end(&writer);
}

void
ec_backfill_from_json(const Jsonb *parameters, const EcSweepKind *kind,
					  EcBackfill *backfill)
{
	memset(backfill, 0, sizeof(*backfill));
	backfill->kind = kind;
	backfill->method = ec_json_get_int8(parameters, "method", EC_METHOD_AUTO);
	kind->load(backfill, parameters);
}

void
ec_leaf_backfill(Relation root, Relation leaf, const EcBackfill *backfill,
				 EcBackfill *result)
{
	*result = *backfill;
	if (RelationGetRelid(leaf) != RelationGetRelid(root) &&
		backfill->kind->set_leaf != NULL)
		backfill->kind->set_leaf(root, leaf, result);
}
