/*
 * table_mapping.c
 *		Returns a mapping between two tables, with their current column names.
 */
#include "postgres.h"

#include "access/table.h"

#include "core/json.h"
#include "dualwrite/mapping.h"
#include "dualwrite/tables/route.h"
#include "dualwrite/columns/statement.h"
#include "dualwrite/tables/table_mapping.h"
#include "expand_contract.h"

static void
refuse_missing(const EcChange *change)
{
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
					errmsg("a table or column of change \"%s\" does not exist any more",
						   change->name),
					errdetail("It was dropped since ec_expand."),
					errhint("Restore it, or end the change.")));
}

static Jsonb *
read_mapping(const EcRoute *route, Relation source, Relation target)
{
	EcJsonWriter writer;

	ec_json_begin(&writer);
	for (int i = 0; i < route->column_count; i++)
	{
		const EcRouteColumn *column = &route->columns[i];
		Node *expression = ec_mapping_reparse(source, route->names, target,
											  column->attnum, column->known);

		ec_json_text(&writer, column->name,
					 ec_mapping_write(source, expression, column->name));
	}
	return ec_json_end(&writer);
}

Jsonb *
ec_table_mapping(const EcChange *change, bool forward, List **key)
{
	Relation source = try_table_open(forward ? change->relation : change->target,
									 AccessShareLock);
	Relation target = try_table_open(forward ? change->target : change->relation,
									 AccessShareLock);
	EcRoute *route;
	Jsonb *mapping;

	if (source == NULL || target == NULL)
		refuse_missing(change);
	route = ec_route(source, change->name);
	if (!route->is_found)
		refuse_missing(change);
	mapping = read_mapping(route, source, target);
	*key = NIL;
	for (int i = 0; i < route->key_count; i++)
		*key = lappend(*key, pstrdup(route->columns[i].name));
	/* Locks are kept until commit, so that the mapping stays valid. */
	table_close(source, NoLock);
	table_close(target, NoLock);
	return mapping;
}
