/*
 * no_change.c
 *		What a trigger of ours does that finds no change.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_inherits.h"
#include "storage/lockdefs.h"
#include "utils/lsyscache.h"

#include "core/catalog.h"
#include "core/hint.h"
#include "core/query.h"
#include "dualwrite/no_change.h"
#include "dualwrite/queue/discrepancy.h"
#include "dualwrite/safe.h"
#include "model/change.h"

#define REASON "no change"

typedef struct Gap
{
	EcQueueKey queue;
	bool once; /* one that is open is enough */
} Gap;

static bool
has_open_gap(const char *change)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	bool found;

	ec_arg_text(&args, change);
	ec_arg_text(&args, REASON);
	ec_catalog_begin(&scope);
	found = ec_query("SELECT FROM expand_contract.gaps WHERE change = $1"
					 " AND reason = $2 AND repaired_by IS NULL LIMIT 1",
					 &args) > 0;
	ec_catalog_end(&scope);
	return found;
}

static void
record(void *arg)
{
	Gap *gap = arg;

	if (!gap->once || !has_open_gap(gap->queue.change))
		ec_gap_record(&gap->queue, REASON);
}

static bool
is_in_tree(Oid relation, Oid root)
{
	return OidIsValid(root) && get_rel_name(root) != NULL &&
		   list_member_oid(find_all_inheritors(root, NoLock, NULL), relation);
}

/* Were the writes of this table to be carried over, as far as we know? */
static bool
was_expanded(const EcChange *change, Oid relation)
{
	if (ec_change_is_over(change))
		return false;
	return is_in_tree(relation, change->relation) ||
		   is_in_tree(relation, change->target) ||
		   get_rel_name(change->relation) == NULL ||
		   (OidIsValid(change->target) && get_rel_name(change->target) == NULL);
}

static const char *
change_argument(const Trigger *trigger)
{
	return trigger->tgnargs > 0 ? trigger->tgargs[0] : "";
}

static void
report(int level, const Trigger *trigger, Relation relation, const char *what,
	   const char *detail)
{
	ereport(level,
			(errcode(level == ERROR ? ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE
									: ERRCODE_WARNING),
			 errmsg("trigger \"%s\" of table \"%s\" finds no change, and %s",
					trigger->tgname, RelationGetRelationName(relation), what),
			 errdetail("Change \"%s\" is not registered for this table, or a table or column of it is gone.%s%s",
					   change_argument(trigger), detail ? "\n" : "",
					   detail ? detail : ""),
			 ec_errhint("Register the change with ec_expand, or drop the trigger.")));
}

static void
warn_once(bool *has_warned, const Trigger *trigger, Relation relation,
		  const char *what)
{
	if (*has_warned)
		return;
	*has_warned = true;
	report(WARNING, trigger, relation, what, NULL);
}

void
ec_pass_without_change(const Trigger *trigger, Relation relation,
					   bool *has_warned, FullTransactionId *gap_transaction)
{
	Gap gap = {{.change = change_argument(trigger)}};
	EcChange change;
	bool is_known = ec_change_load(gap.queue.change, &change);
	ErrorData *error;

	/* a gap is recorded in a subtransaction, which has another number */
	if (FullTransactionIdEquals(*gap_transaction, GetCurrentFullTransactionId()))
		return;
	/* ec_expand makes triggers with one argument */
	if (trigger->tgnargs != 1 ||
		(is_known && !was_expanded(&change, RelationGetRelid(relation))))
	{
		warn_once(has_warned, trigger, relation, "lets rows pass");
		return;
	}
	gap.once = !is_known;
	error = ec_try(record, &gap);
	if (error != NULL)
	{
		report(is_known && change.records ? WARNING : ERROR, trigger, relation,
			   "cannot record a gap",
			   psprintf("The gap could not be recorded: %s.",
						error->message ? error->message : ""));
		return;
	}
	*gap_transaction = GetCurrentFullTransactionId();
	warn_once(has_warned, trigger, relation, "leaves a gap");
}
