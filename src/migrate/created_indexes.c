/*
 * created_indexes.c
 *		Records the indexes that a top-level statement has created.
 *
 * A statement that failed half-way leaves an index, whose name does not prove
 * who created it.  So an object access hook records its OID in the transaction
 * that creates it; either both exist or neither.
 */
#include "postgres.h"

#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "pgstat.h"

#include "core/catalog.h"
#include "core/query.h"
#include "migrate/created_indexes.h"
#include "core/toplevel.h"

/*
 * The step whose statement runs; the relations that it creates are recorded.
 */
static const EcScriptStep *creating = NULL;
static object_access_hook_type previous_hook = NULL;
static bool is_hooked = false;

static void
note_created(ObjectAccessType access, Oid class_id, Oid object, int sub_id, void *arg)
{
	if (previous_hook != NULL)
		previous_hook(access, class_id, object, sub_id, arg);
	if (access == OAT_POST_CREATE && class_id == RelationRelationId &&
		sub_id == 0 && creating != NULL)
	{
		const EcScriptStep *step = creating;

		creating = NULL;
		ec_step_add_made(step, object);
		creating = step;
	}
}

void
ec_run_noting_made(const EcScriptStep *step, const char *sql)
{
	/* The hook stays, because a library loaded later may have set it, too. */
	if (!is_hooked)
	{
		previous_hook = object_access_hook;
		object_access_hook = note_created;
		is_hooked = true;
	}
	creating = step;
	PG_TRY();
	{
		ec_run_toplevel(sql);
	}
	PG_FINALLY();
	{
		creating = NULL;
	}
	PG_END_TRY();
}

void
ec_look_at_made(const EcScriptStep *step, EcMade *made)
{
	MemoryContext memory = CurrentMemoryContext;
	EcCatalogScope scope;
	EcArgs args = {0};
	uint64 count;

	memset(made, 0, sizeof(*made));
	ec_catalog_begin(&scope);
	ec_arg_text(&args, step->version);
	ec_arg_text(&args, step->direction);
	ec_arg_int4(&args, step->number);
	ec_arg_text(&args, step->scope);
	count =
		ec_query("WITH step AS ("
				 "   SELECT made, coalesce(target ->> 'invalid', '{}')::oid[] AS invalid"
				 "     FROM expand_contract.migration_steps"
				 "    WHERE scope = $4 AND version = $1 AND direction = $2 AND step = $3),"
				 " made AS ("
				 "   SELECT i.indexrelid, i.indrelid, m.value AS name,"
				 "          i.indisvalid AND i.indisready AND i.indislive AS valid"
				 "     FROM step, jsonb_each_text(step.made) m"
				 "     JOIN pg_index i ON i.indexrelid = m.key::oid)"
				 " SELECT indexrelid::regclass::text, valid, indexrelid::regclass::text = name"
				 "   FROM made"
				 " UNION ALL"
				 " SELECT i.indexrelid::regclass::text, NULL, true"
				 "   FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
				 "  WHERE NOT i.indisvalid AND c.relname ~ '_ccold[0-9]*$'"
				 "    AND i.indrelid IN (SELECT indrelid FROM made)"
				 "    AND i.indexrelid <> ALL ((SELECT invalid FROM step)::oid[])"
				 "    AND i.indexrelid NOT IN (SELECT indexrelid FROM made)",
				 &args);
	for (uint64 row = 0; row < count; row++)
	{
		bool same_name = ec_get_bool(row, 3, false);

		if (!ec_is_null(row, 2))
			made->left++;
		if (ec_get_bool(row, 2, false))
		{
			made->valid++;
			made->named += same_name;
		}
		else if (same_name)
		{
			MemoryContext spi = MemoryContextSwitchTo(memory);

			made->leftovers = lappend(made->leftovers, ec_get_text(row, 1));
			MemoryContextSwitchTo(spi);
		}
	}
	ec_catalog_end(&scope);
}

char *
ec_left_by_first_step(const char *scope_name, const char *version)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	char *names;

	ec_catalog_begin(&scope);
	ec_arg_text(&args, version);
	ec_arg_text(&args, scope_name);
	/* OIDs are not valid in a restored copy */
	(void) ec_query("SELECT string_agg(DISTINCT c.oid::regclass::text, ', ')"
					"  FROM expand_contract.migration_steps s"
					" CROSS JOIN LATERAL (SELECT s.target ->> 'system'"
					"         = (SELECT system_identifier::text FROM pg_control_system())"
					"   AND s.target ->> 'database' = (SELECT oid::text FROM pg_database"
					"         WHERE datname = current_database()) AS here) t"
					"  LEFT JOIN LATERAL jsonb_each_text(s.made) m ON true"
					"  JOIN pg_class c"
					"    ON c.oid = m.key::oid AND (t.here OR c.oid::regclass::text = m.value)"
					"    OR c.oid = (s.target ->> 'relation')::oid AND t.here"
					"   AND (EXISTS (SELECT FROM pg_index i"
					"                 WHERE i.indexrelid = c.oid AND NOT i.indisvalid)"
					"     OR EXISTS (SELECT FROM pg_inherits p"
					"                 WHERE p.inhrelid = c.oid AND p.inhdetachpending))"
					" WHERE s.scope = $2 AND s.version = $1 AND s.direction = 'up' AND s.step = 1"
					"   AND s.done_at IS NULL",
					&args);
	names = ec_get_text(0, 1);
	ec_catalog_end(&scope);
	return names;
}

void
ec_drop_leftovers(List *names)
{
	ListCell *cell;

	foreach (cell, names)
	{
		const char *sql = psprintf("DROP INDEX CONCURRENTLY IF EXISTS %s",
								   (char *) lfirst(cell));

		pgstat_report_activity(STATE_RUNNING, sql);
		ereport(LOG, (errmsg("expand_contract drops the invalid index that an attempt left: %s",
							 (char *) lfirst(cell))));
		ec_run_toplevel(sql);
	}
}
