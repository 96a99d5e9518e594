/*
 * twins.c
 *		Columns that take over the names of others, with all that hangs on
 *		these: what is still to be built, and the swap.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/pg_rusage.h"
#include "utils/timestamp.h"

#include "core/catalog.h"
#include "core/hint.h"
#include "core/json.h"
#include "core/lock_retry.h"
#include "core/own.h"
#include "core/pinned.h"
#include "core/query.h"
#include "core/rights.h"
#include "core/subtransaction.h"
#include "model/owner.h"
#include "twins/foreign.h"
#include "twins/function.h"
#include "twins/grants.h"
#include "twins/view.h"
#include "twins/twins.h"

/* The order is that of the steps. */
static const EcTwinKind *const kinds[] = {
	&ec_twin_unknown,  &ec_twin_view,       &ec_twin_body,
	&ec_twin_index,    &ec_twin_check,      &ec_twin_foreign,
	&ec_twin_column,   &ec_twin_default,    &ec_twin_trigger,
	&ec_twin_policy,   &ec_twin_statistics, &ec_twin_publication,
	&ec_twin_function,
};

static const EcChangeColumn *
column_known_as(const EcChange *change, const char *name)
{
	ListCell *cell;

	foreach (cell, change->columns)
	{
		const EcChangeColumn *column = lfirst(cell);

		if (column->expression != NULL && strcmp(column->name, name) == 0 &&
			column->attnum > 0)
			return column;
	}
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
					errmsg("column \"%s\" of change \"%s\" does not exist any more",
						   name, change->name),
					errdetail("Table \"%s\" has lost it since ec_change_type.",
							  get_rel_name(change->relation)),
					ec_errhint("Undo that, or end the change with ec_revert.")));
	return NULL; /* not reached */
}

static void
add_pair(const EcChange *change, EcRetype *retype, bool is_back,
		 const char *old, const char *new)
{
	EcTwinPair *pair = palloc0(sizeof(EcTwinPair));
	const EcChangeColumn *from = column_known_as(change, is_back ? new : old);
	const EcChangeColumn *to = column_known_as(change, is_back ? old : new);

	pair->from = from->attnum;
	pair->to = to->attnum;
	pair->from_name = get_attname(change->relation, pair->from, false);
	pair->to_name = get_attname(change->relation, pair->to, false);
	retype->pairs = lappend(retype->pairs, pair);
	retype->from = bms_add_member(retype->from, pair->from);
	retype->to = bms_add_member(retype->to, pair->to);
}

void
ec_retype_of(const EcChange *change, EcRetype *retype)
{
	bool is_back = !ec_old_is_authority(change);
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue part;
	char *old = NULL;

	memset(retype, 0, sizeof(*retype));
	retype->change = change->name;
	retype->relation = change->relation;
	retype->space = get_rel_namespace(change->relation);
	retype->table = ec_relation_name(change->relation);
	retype->label = is_back ? "_old" : "_new";
	retype->old_label = is_back ? "_new" : "_old";
	iterator = JsonbIteratorInit(&change->kept_names->root);
	while ((token = JsonbIteratorNext(&iterator, &part, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			old = pnstrdup(part.val.string.val, part.val.string.len);
		else if (token == WJB_VALUE && part.type == jbvString)
			add_pair(change, retype, is_back, old,
					 pnstrdup(part.val.string.val, part.val.string.len));
	}
}

static EcTwinPlan *
look(const EcRetype *retype, bool for_swap)
{
	EcTwinPlan *plan = palloc0(sizeof(EcTwinPlan));
	/* texts are run under the settings under which they are written */
	int guc_level = ec_pin_text();

	plan->for_swap = for_swap;
	for (int i = 0; i < lengthof(kinds); i++)
		kinds[i]->look(retype, plan);
	AtEOXact_GUC(false, guc_level);
	return plan;
}

EcTwinPlan *
ec_twins_look(const EcRetype *retype)
{
	return look(retype, false);
}

char *
ec_twins_list(List *strings, const char *separator)
{
	StringInfoData text;
	ListCell *cell;

	initStringInfo(&text);
	foreach (cell, strings)
		appendStringInfo(&text, "%s%s", text.len > 0 ? separator : "",
						 (char *) lfirst(cell));
	return text.data;
}

List *
ec_twins_missing(const EcTwinPlan *plan)
{
	List *missing = NIL;
	ListCell *cell;

	foreach (cell, plan->steps)
		missing = lappend(missing, ((EcTwinStep *) lfirst(cell))->what);
	return missing;
}

/* Several statements, which the kinds have made of quoted names. */
static void
run(const char *sql)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute(sql, false, 0) < 0)
		elog(ERROR, "could not run \"%s\"", sql);
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
}

static void
run_part(const EcTwinPlan *plan, EcSwapPart part)
{
	int guc_level = NewGUCNestLevel();
	ListCell *cell;

	/* a function without its body returns nothing */
	if (part == EC_SWAP_VIEWS_AWAY)
		(void) set_config_option("check_function_bodies", "off", PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	foreach (cell, plan->swap[part])
		run(lfirst(cell));
	AtEOXact_GUC(false, guc_level);
}

/*
 * The columns of all changes of the table have other names now.  The new column
 * identifies rows from now on, where the old one did.
 */
static void
note_swap(const EcRetype *retype)
{
	EcCatalogScope scope;
	ListCell *cell;

	ec_catalog_begin(&scope);
	foreach (cell, retype->pairs)
	{
		const EcTwinPair *pair = lfirst(cell);
		EcArgs args = {0};

		ec_arg_oid(&args, retype->relation);
		ec_arg_int4(&args, pair->from);
		ec_arg_int4(&args, pair->to);
		ec_arg_text(&args, retype->change);
		ec_query("UPDATE expand_contract.change_columns o SET present_name = a.attname"
				 "  FROM expand_contract.changes c"
				 "  JOIN pg_attribute a ON a.attrelid = c.relation"
				 " WHERE c.relation = $1 AND c.relation_oid = c.relation AND c.name = o.change"
				 "   AND NOT (o.side = 'new' AND c.target IS NOT NULL)"
				 "   AND a.attnum = o.attnum AND a.attnum IN ($2, $3) AND $4 IS NOT NULL",
				 &args);
		ec_query("UPDATE expand_contract.change_columns o SET key_position = n.key_position"
				 "  FROM expand_contract.change_columns n"
				 " WHERE o.change = $4 AND n.change = $4 AND $1 IS NOT NULL"
				 "   AND o.attnum IN ($2, $3) AND n.attnum IN ($2, $3) AND o.attnum <> n.attnum",
				 &args);
	}
	ec_catalog_end(&scope);
}

static void
swap(const EcChange *change, const EcRetype *retype, const EcTwinPlan *plan)
{
	int guc_level = ec_pin_text();
	EcRights outer;
	ListCell *cell;

	/* nobody need be told that an index is renamed along with its constraint */
	if (client_min_messages == NOTICE)
		(void) set_config_option("client_min_messages", "warning", PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	ec_become(&outer, ec_change_require_role(change));
	for (EcSwapPart part = 0; part < EC_SWAP_PARTS; part++)
		run_part(plan, part);
	foreach (cell, plan->privileges)
		ec_twin_put_privileges(lfirst(cell));
	foreach (cell, retype->pairs)
	{
		const EcTwinPair *pair = lfirst(cell);

		ec_twin_move_grants(retype->relation, pair->from, pair->to);
	}
	ec_become_caller(&outer);
	AtEOXact_GUC(false, guc_level);
	ec_twin_renew_functions(plan);
	note_swap(retype);
}

typedef struct Rehearsal
{
	const EcRetype *retype;
	const EcTwinPlan *plan;
	const char *statement; /* the present one */
} Rehearsal;

static void
rehearse_views(void *arg)
{
	Rehearsal *rehearsal = arg;
	int guc_level = ec_pin_text();
	EcRights outer;
	ListCell *cell;

	ec_become(&outer, ec_relation_owner(rehearsal->retype->relation));
	run_part(rehearsal->plan, EC_SWAP_VIEWS_AWAY);
	foreach (cell, rehearsal->retype->pairs)
	{
		const EcTwinPair *pair = lfirst(cell);
		char *name = pstrdup(quote_identifier(pair->from_name));

		run(psprintf("ALTER TABLE %s RENAME COLUMN %s TO %s", rehearsal->retype->table,
					 name, quote_identifier(pair->free_name)));
		run(psprintf("ALTER TABLE %s RENAME COLUMN %s TO %s", rehearsal->retype->table,
					 quote_identifier(pair->to_name), name));
	}
	foreach (cell, rehearsal->plan->swap[EC_SWAP_VIEWS])
	{
		rehearsal->statement = lfirst(cell);
		run(lfirst(cell));
	}
	ec_become_caller(&outer);
	AtEOXact_GUC(false, guc_level);
}

void
ec_twins_try_views(const EcRetype *retype, EcTwinPlan *plan)
{
	Rehearsal rehearsal = {retype, plan, NULL};
	bool before = ec_own_swap;
	ErrorData *error;
	const char *end;
	size_t length;

	if (plan->swap[EC_SWAP_VIEWS] == NIL || plan->refused != NIL)
		return;
	ec_own_swap = true;
	error = ec_subtransaction_undone(rehearse_views, &rehearsal);
	ec_own_swap = before;
	/* one may group by the primary key, which has no twin yet */
	if (error == NULL || error->sqlerrcode == ERRCODE_GROUPING_ERROR)
		return;
	if (rehearsal.statement == NULL || !ec_may_swallow(error) ||
		ec_is_lock_error(error))
		ReThrowError(error);
	/* its first line, or less */
	end = strstr(rehearsal.statement, " AS ");
	length = strcspn(rehearsal.statement, "\n");
	if (end != NULL)
		length = Min(length, end - rehearsal.statement);
	ec_twin_refuse(plan,
				   psprintf("%s, says the server to %s … (drop it before, and create another after)",
							error->message, pnstrdup(rehearsal.statement, length)));
}

void
ec_twins_build(const EcChange *change, const EcRetype *retype)
{
	EcRights outer;

	ec_become(&outer, ec_change_require_role(change));
	for (;;)
	{
		EcTwinPlan *plan = look(retype, false);
		int guc_level;

		if (plan->steps == NIL || plan->refused != NIL)
			break;
		guc_level = ec_pin_text();
		ec_run_ddl(((EcTwinStep *) linitial(plan->steps))->blocking);
		AtEOXact_GUC(false, guc_level);
		CommandCounterIncrement();
	}
	ec_become_caller(&outer);
}

/* since when others wait for the locks of ec_twins_lock */
static PGRUsage locked_since;

/* One limit covers all of them: who waits behind one waits for all. */
void
ec_twins_lock(const EcRetype *retype, int lock_wait_ms)
{
	TimestampTz give_up =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), lock_wait_ms);
	List *others = list_concat(list_concat(ec_twin_views(retype),
										   ec_twin_tables_of_rules(retype)),
							   ec_twin_tables(retype));
	ListCell *cell;

	pg_rusage_init(&locked_since);
	foreach (cell, others)
	{
		long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), give_up);

		ec_limit_lock_waits(Max(1, left));
		LockRelationOid(lfirst_oid(cell), AccessExclusiveLock);
	}
	ec_lock_whole_table(retype->relation, AccessExclusiveLock,
						Max(1, TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
															   give_up)));
}

static double
milliseconds(const struct timeval *from, const struct timeval *until)
{
	return (until->tv_sec - from->tv_sec) * 1000.0 +
		   (until->tv_usec - from->tv_usec) / 1000.0;
}

/* What is left is the commit. */
static void
tell_duration(const EcRetype *retype)
{
	PGRUsage now;

	pg_rusage_init(&now);
	ereport(LOG,
			(errmsg("expand_contract swapped the names of change \"%s\" in %.1f ms, %.1f ms of CPU, since it asked for the first lock",
					retype->change, milliseconds(&locked_since.tv, &now.tv),
					milliseconds(&locked_since.ru.ru_utime, &now.ru.ru_utime) +
						milliseconds(&locked_since.ru.ru_stime, &now.ru.ru_stime))));
}

void
ec_twins_swap(const EcChange *change, const EcRetype *retype)
{
	EcTwinPlan *plan = look(retype, true);
	bool before = ec_own_swap;

	if (plan->steps != NIL || plan->refused != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("change \"%s\" is not prepared any more", change->name),
				 errdetail("Missing: %s.",
						   ec_twins_list(list_concat(ec_twins_missing(plan),
													 plan->refused),
										 ", ")),
				 ec_errhint("Use ec_prepare(%s).",
							quote_literal_cstr(change->name))));
	ec_own_swap = true;
	PG_TRY();
	{
		swap(change, retype, plan);
	}
	PG_FINALLY();
	{
		ec_own_swap = before;
	}
	PG_END_TRY();
	tell_duration(retype);
}
