/*
 * left_out.c
 *		Queues rows that a job of a change skips because they fail.
 *
 * They get into the queue like rows whose dual write has failed: the gate
 * "discrepancies" is closed, and ec_reconcile brings them in step when the
 * cause has been removed.  A job may meet such a row in every sweep, but it
 * has only one entry.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "core/hint.h"
#include "core/catalog.h"
#include "core/json.h"
#include "core/query.h"
#include "dualwrite/columns/compiled.h"
#include "dualwrite/queue/discrepancy.h"
#include "dualwrite/queue/left_out.h"
#include "dualwrite/tables/route.h"
#include "model/change.h"

/* For a change within one table: uses the key of the change. */
static bool
key_of_columns(const EcChange *change, Relation leaf, EcQueueKey *queue)
{
	AttrNumber *attnums =
		palloc0(sizeof(AttrNumber) * (list_length(change->columns) + 1));
	ListCell *cell;

	if (!ec_change_find_columns(leaf, change, attnums))
		return false;
	queue->columns =
		palloc0(sizeof(EcQueueColumn) * (list_length(change->columns) + 1));
	foreach (cell, change->columns)
	{
		EcChangeColumn *column = lfirst(cell);

		if (column->key_position == 0)
			continue;
		queue->columns[column->key_position - 1].attnum =
			attnums[foreach_current_index(cell)];
		queue->columns[column->key_position - 1].known_as = column->name;
		queue->count++;
	}
	return queue->count > 0;
}

static bool
key_of_table(const EcChange *change, Relation leaf, EcQueueKey *queue)
{
	EcRoute *route = ec_route(leaf, change->name);

	if (!route->is_found)
		return false;
	ec_route_prepare(route, leaf);
	*queue = route->queue;
	return true;
}

static bool
is_queued(const char *change, const Jsonb *key)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	bool found;

	ec_arg_text(&args, change);
	ec_arg_jsonb(&args, key);
	ec_catalog_begin(&scope);
	found = ec_query("SELECT FROM expand_contract.discrepancies"
					 " WHERE change = $1 AND key = $2 LIMIT 1",
					 &args) > 0;
	ec_catalog_end(&scope);
	return found;
}

bool
ec_queue_row_left_out(const EcJob *job, Relation leaf, TupleTableSlot *slot,
					  const ErrorData *error)
{
	bool backward = ec_json_get_int8(job->parameters, "is_backward", 0) != 0;
	bool fills = ec_json_get_int8(job->parameters, "fills", 0) != 0;
	EcFailure failure = {error->sqlerrcode, error->message ? error->message : ""};
	EcQueueKey queue = {job->change};
	EcChange change;

	if (!ec_change_load(job->change, &change))
		return false;
	if (!(OidIsValid(change.target) ? key_of_table(&change, leaf, &queue)
									: key_of_columns(&change, leaf, &queue)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a row that fails cannot be put into the queue of change \"%s\"",
						job->change),
				 errdetail("It fails with: %s.", failure.message),
				 ec_errhint(
					 "The queue identifies rows by a key. Correct the row and use ec_resume.")));
	if (is_queued(job->change, ec_discrepancy_key(&queue, slot)))
		return false;
	ec_discrepancy_record(&queue, backward ? "backward" : "forward", slot,
						  "backfill", &failure, fills, NULL);
	return true;
}
