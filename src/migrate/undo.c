/*
 * undo.c
 *		The down script of a migration that was given none, from its plan.
 *
 * The planner has stored with each step what takes it back.  A step that was
 * stopped half-way is taken back, too, if the catalog or a job shows that it
 * has had effects.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "core/catalog.h"
#include "core/query.h"
#include "migrate/created_indexes.h"
#include "migrate/job_step.h"
#include "migrate/steps.h"
#include "migrate/undo.h"

/* The number of the open step, if it has had effects; else 0. */
static int
half_done(const EcMigration *migration)
{
	EcScriptStep step;
	EcMade made;

	if (!ec_steps_next(migration->scope, migration->version, EC_UP, &step))
		return 0;
	if (ec_has_begun_job(migration->scope, migration->version))
		return step.number;
	ec_look_at_made(&step, &made);
	return made.left > 0 ? step.number : 0;
}

char *
ec_undo_script(const EcMigration *migration, char **missing)
{
	int open = half_done(migration);
	StringInfoData script;
	EcCatalogScope scope;
	EcArgs args = {0};
	bool is_planned = false;
	uint64 count;

	*missing = NULL;
	initStringInfo(&script);
	ec_catalog_begin(&scope);
	ec_arg_text(&args, migration->version);
	ec_arg_text(&args, migration->scope);
	ec_arg_int4(&args, open);
	count = ec_query("SELECT sql IS NOT NULL, undo, step, command,"
					 "       done_at IS NOT NULL OR step = $3"
					 "  FROM expand_contract.migration_steps"
					 " WHERE scope = $2 AND version = $1 AND direction = 'up'"
					 " ORDER BY step DESC",
					 &args);
	for (uint64 row = 0; row < count; row++)
	{
		char *undo = ec_get_text(row, 2);

		is_planned |= ec_get_bool(row, 1, false);
		if (!ec_get_bool(row, 5, false))
			continue;
		if (undo == NULL && *missing == NULL)
		{
			int number = ec_get_int4(row, 3, 0);

			*missing = SPI_palloc(strlen(ec_get_text(row, 4)) + 32);
			sprintf(*missing, "step %d, %s", number, ec_get_text(row, 4));
		}
		else if (undo != NULL && *undo != '\0')
			appendStringInfo(&script, "%s;\n", undo);
	}
	ec_catalog_end(&scope);
	if (!is_planned)
		*missing = NULL;
	return is_planned && *missing == NULL ? script.data : NULL;
}
