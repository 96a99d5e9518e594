/*
 * copy.c
 *		ec_copy: checks the arguments and inserts the job.
 *
 * A batch locks the rows of the source that are to be done (FOR SHARE) before
 * it writes rows into the target.  So no one can delete or change a row of the
 * source between the time when we read it and our commit.  Otherwise the
 * target could get a row that has been deleted in the source meanwhile, or
 * values from before an update.  The INSERT itself locks the rows of the
 * target.  ON CONFLICT handles rows that dual writes have inserted before;
 * later dual writes of the same row wait for our commit.
 *
 * The second stage of a repair locks rows of the target (FOR UPDATE).  Then it
 * checks again that the source has no such row, with a snapshot newer than the
 * locks, and deletes the rows.  If a session inserts such a row into the
 * source meanwhile, its dual write waits for our commit and then inserts the
 * row of the target again.
 */
#include "postgres.h"

#include "access/relation.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "core/arguments.h"
#include "backfill/copy/copy.h"
#include "backfill/copy/copy_foreign.h"
#include "backfill/copy/copy_kind.h"
#include "backfill/copy/copy_plan.h"
#include "backfill/copy/copy_statement.h"
#include "backfill/explain.h"
#include "backfill/leaves.h"
#include "backfill/target.h"
#include "core/catalog.h"
#include "core/planned.h"
#include "worker/jobs/pace.h"

typedef struct RightsContext
{
	char *detail;
	char *hint;
} RightsContext;

static void
rights_callback(void *arg)
{
	RightsContext *context = arg;

	if (geterrcode() != ERRCODE_INSUFFICIENT_PRIVILEGE)
		return;
	errdetail("%s", context->detail);
	errhint("%s", context->hint);
}

static bool
has_row_security(Oid table)
{
	return check_enable_rls(table, InvalidOid, true) == RLS_ENABLED;
}

static void
set_rights_context(const EcCopy *copy, RightsContext *context)
{
	const char *rights =
		copy->repair ? "SELECT, INSERT, UPDATE, DELETE" : "SELECT, INSERT";
	char *source = ec_relation_name(copy->source);
	char *target = ec_relation_name(copy->target);
	const char *role = quote_identifier(GetUserNameFromId(GetUserId(), false));

	context->detail =
		psprintf("A copy needs SELECT on the source and, to lock rows, UPDATE on a column of it, and %s on the target; where it goes over partitions, on each of these.",
				 rights);
	if (has_row_security(copy->source) || has_row_security(copy->target))
		context->hint =
			psprintf("Submit the job as the owner of %s and %s, or as a role with BYPASSRLS.",
					 source, target);
	else
		context->hint =
			psprintf("GRANT SELECT, UPDATE ON %s TO %s; GRANT %s ON %s TO %s.",
					 source, role, rights, target, role);
}

/* Without an index, the search for each row would take too long. */
static void
refuse_slow_search(Relation source)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("table \"%s\" has no index to look keys up by",
					RelationGetRelationName(source)),
			 errdetail("Mode \"repair\" deletes rows of the target whose key the source does not have."),
			 errhint("Create an index on what the mapping gives for the key, or use mode => 'fill'.")));
}

/*
 * Does what ec_check_statement does; returns false if the search has no index.
 */
static bool
has_fast_search(Relation swept, const EcBackfill *backfill)
{
	EcPathRule *rule = ec_copy_path_rule(backfill);

	ec_path_rule_begin(rule);
	PG_TRY();
	{
		ec_check_statement(swept, backfill);
	}
	PG_FINALLY();
	{
		ec_path_rules_end();
	}
	PG_END_TRY();
	return !rule->has_failed;
}

/* Checks both stages as the caller; keeps no lock on a leaf. */
static void
check_stages(Relation source, Relation target, EcBackfill *backfill)
{
	RightsContext context;
	ErrorContextCallback callback = {error_context_stack, rights_callback, &context};

	set_rights_context(backfill->copy, &context);
	error_context_stack = &callback;
	for (int stage = 0; stage <= ec_copy_last_stage(backfill); stage++)
	{
		Relation swept = stage == EC_COPY_WRITE ? source : target;

		ec_copy_begin_stage(backfill, stage);
		if (swept == source && backfill->copy->is_foreign)
			ec_check_copy_from_foreign(backfill);
		else
		{
			if (!has_fast_search(swept, backfill) && stage == EC_COPY_DELETE &&
				!backfill->copy->is_foreign)
				refuse_slow_search(source);
			ec_check_target(swept, backfill->kind);
			ec_check_method(swept, backfill->method);
		}
		ec_check_leaves(swept, backfill);
	}
	error_context_stack = callback.previous;
}

static Relation
open_table(Oid oid, LOCKMODE mode)
{
	Relation relation = try_relation_open(oid, mode);

	if (relation == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("relation with OID %u does not exist", oid)));
	return relation;
}

static EcMethod
check_method(Relation source, const char *text)
{
	EcMethod method = ec_parse_method(text);

	if (method == EC_METHOD_BLOCKS && source->rd_rel->relkind == RELKIND_FOREIGN_TABLE)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("a foreign table cannot be copied by blocks"),
						errdetail("\"%s\" is one.", RelationGetRelationName(source)),
						errhint("Use method => 'key'.")));
	return method;
}

int64
ec_submit_copy(const EcCopySpec *spec)
{
	EcJobSpec job = spec->job;
	Relation source = open_table(spec->source, RowShareLock);
	Relation target = open_table(spec->target, RowExclusiveLock);
	EcBackfill backfill = {.kind = &ec_copy_sweep};

	backfill.copy = ec_define_copy(source, target, spec);
	backfill.search_path = EC_OWN_SEARCH_PATH;
	backfill.method = check_method(source, spec->method);
	check_stages(source, target, &backfill);

	job.kind = "copy";
	job.relation = spec->source;
	job.parameters = ec_backfill_to_json(&backfill, &spec->job);
	job.rows_estimate = ec_estimate_rows(source, NULL);
	/*
	 * keep the locks until commit, so that the tables stay as they were
	 * checked
	 */
	relation_close(source, NoLock);
	relation_close(target, NoLock);
	return ec_job_submit(&job);
}

#define EXAMPLE                                                                \
	"As in SELECT ec_copy('users', 'users_new', '{\"id\": \"id\", \"email\": \"lower(email)\"}')."

PG_FUNCTION_INFO_V1(ec_copy);

/*
 * ec_copy(source, target, mapping, key, mode, batch_size, delay_ms, workers,
 *		   method, start_at, run_window, max_lag) → the job's number
 *
 * Copies the rows of source into target in a background worker, as the
 * caller.  mapping has an expression over a row of source for each column of
 * target to be set.  key names columns of target that have a unique index
 * (NULL: the primary key).  mode 'fill' inserts rows whose key is missing in
 * target.  'repair' also updates rows that differ, and then deletes rows whose
 * key is missing in source.  The other arguments are those of ec_backfill.
 *
 * Needs SELECT and UPDATE on source (UPDATE to lock rows), SELECT and INSERT
 * on target, and for 'repair' UPDATE and DELETE on target.  Errors: 42809 if
 * an argument is not a table, 22023 if it is not a mapping, 42703 and 428C9
 * for columns that cannot be mapped to, 42P10, 42P17 and 55000 for a key that
 * cannot be used, 0A000 for what is not supported, and the server's errors for
 * the expressions and statements.  The job fails with 23505 if two rows of
 * source have the same key, and with XE010 if a trigger prevents its
 * completion.
 */
Datum
ec_copy(PG_FUNCTION_ARGS)
{
	EcCopySpec spec = {0};

	ec_require_argument(fcinfo, 0, "source", EXAMPLE);
	ec_require_argument(fcinfo, 1, "target", EXAMPLE);
	ec_require_argument(fcinfo, 2, "mapping", EXAMPLE);
	spec.source = PG_GETARG_OID(0);
	spec.target = PG_GETARG_OID(1);
	spec.mapping = PG_GETARG_JSONB_P(2);
	spec.key = ec_key_argument(fcinfo, 3);
	spec.repair = ec_is_second_choice(fcinfo, 4, "mode", "fill", "repair");
	ec_read_pace_arguments(fcinfo, 5, true, &spec.job, &spec.method);
	PG_RETURN_INT64(ec_submit_copy(&spec));
}
