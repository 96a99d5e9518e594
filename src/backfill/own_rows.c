/*
 * own_rows.c
 *		Detects that a job creates new rows to be done by its own writes,
 *		through triggers, so that it would never end.
 *
 * For example, a history trigger may keep old versions in the same table.
 * Then each row that the job writes creates another row that is to be
 * written.  In the first sweep this may be harmless, because writing those
 * rows need not create others.  If a later sweep still creates as many rows as
 * it writes, the job has no end.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/pg_proc.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "backfill/own_rows.h"
#include "backfill/statement.h"
#include "core/catalog.h"
#include "core/expression.h"
#include "core/planned.h"
#include "expand_contract.h"

PG_FUNCTION_INFO_V1(ec_made_here);

/*
 * expand_contract.made_here(xid) → boolean
 *
 * Has the current transaction, or a subtransaction of it, created the row
 * version with this xmin?
 */
Datum
ec_made_here(PG_FUNCTION_ARGS)
{
	TransactionId xmin = PG_GETARG_TRANSACTIONID(0);

	PG_RETURN_BOOL(TransactionIdIsNormal(xmin) &&
				   TransactionIdIsCurrentTransactionId(xmin));
}

/*
 * The triggers of changes do not insert rows into the swept table.  They are
 * known by their function, since a user may give any name to his own.
 */
static bool
is_of_user(const Trigger *trigger)
{
	EcExtension extension;

	return !trigger->tgisinternal &&
		   !(ec_extension_lookup(&extension) &&
			 getExtensionOfObject(ProcedureRelationId, trigger->tgfoid) ==
				 extension.oid);
}

bool
ec_may_make_rows(Relation leaf, const EcBackfill *backfill)
{
	const TriggerDesc *triggers = leaf->trigdesc;

	/*
	 * triggers of the table that is written may insert into the one that is
	 * swept
	 */
	if (!backfill->kind->writes_swept_rows)
		return true;
	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		if (is_of_user(&triggers->triggers[i]))
			return true;
	return false;
}

void
ec_refuse_own_rows(Relation root, const EcBackfill *backfill, int64 written)
{
	int64 made;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	made =
		ec_execute_planned(ec_prepare_planned(ec_any_statement(root, backfill,
															   "expand_contract.made_here(xmin) AND ",
															   written),
											  0, NULL, 0, backfill->search_path),
						   NULL, backfill->search_path, NULL);
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	if (made < written)
		return;
	ereport(ERROR,
			(errcode(EC_ERRCODE_NOT_CONVERGING),
			 errmsg("%s does not converge: its own writes create as many rows to be updated as they finish",
					backfill->kind->noun),
			 errdetail("A batch of a later sweep wrote " INT64_FORMAT
					   " rows, and its triggers created as many in table %s that satisfy the predicate.",
					   written, ec_relation_name(RelationGetRelid(root))),
			 errhint("%s", backfill->kind->own_rows_hint)));
}
