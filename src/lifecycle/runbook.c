/*
 * runbook.c
 *		ec_runbook: tells what to do next with a change, and when to go back.
 *
 * The result is Markdown, for a ticket or a terminal during an incident.  All
 * values in it are current, and every step is a command that can be copied.
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "lifecycle/gates.h"
#include "core/hint.h"
#include "core/catalog.h"
#include "core/guc.h"
#include "core/holders.h"
#include "core/query.h"
#include "dualwrite/queue/reconcile.h"

PG_FUNCTION_INFO_V1(ec_runbook);

/* the phases in their order, and what leads to the next one */
typedef struct Stage
{
	const char *phase;
	const char *meaning;
	const char *next; /* %s: the change's name as a literal */
} Stage;

static const Stage changing[] = {
	{EC_PHASE_DUAL_WRITE, "both shapes are written; old rows are not filled yet",
	 "SELECT ec_backfill_change(%s);"},
	{EC_PHASE_BACKFILLED, "every row has its new shape; not verified yet",
	 "SELECT * FROM ec_verify_change(%s);"},
	{EC_PHASE_VERIFIED,
	 "the new shape equals the mapped old one; readers still use the old one",
	 "SELECT ec_cutover(%s);"},
	{EC_PHASE_CUT_OVER,
	 "readers use the new shape; the old one is kept in step and tracked",
	 "SELECT ec_contract(%s);"},
	{EC_PHASE_QUARANTINED,
	 "the old shape is renamed, kept in step, and can be restored",
	 "SELECT ec_contract(%s);"},
	{EC_PHASE_CONTRACTED, "the old shape is gone", NULL},
	{NULL},
};

/* where the names of columns are kept */
static const Stage keeping[] = {
	{EC_PHASE_DUAL_WRITE, "both columns are written; old rows are not filled yet",
	 "SELECT ec_backfill_change(%s);"},
	{EC_PHASE_BACKFILLED,
	 "every row has the new column; its keys and indexes are to be built",
	 "SELECT ec_prepare(%s);"},
	{EC_PHASE_PREPARED,
	 "the new column has all that the old one has; nobody has checked",
	 "SELECT * FROM ec_verify_change(%s);"},
	{EC_PHASE_VERIFIED, "new equals mapped old; the old column has the name",
	 "SELECT ec_cutover(%s);"},
	{EC_PHASE_CUT_OVER, "the new column has the name; the old one is kept right",
	 "SELECT ec_contract(%s);"},
	{EC_PHASE_CONTRACTED, "the old column is gone", NULL},
	{NULL},
};

static const Stage *
stages_of(const EcChange *change)
{
	return change->kept_names != NULL ? keeping : changing;
}

static const Stage *
stage_of(const EcChange *change)
{
	for (const Stage *stage = stages_of(change); stage->phase != NULL; stage++)
		if (strcmp(stage->phase, change->phase) == 0)
			return stage;
	return NULL; /* the change is reverted */
}

static bool
is_cut_over(const EcChange *change)
{
	return strcmp(change->phase, EC_PHASE_CUT_OVER) == 0 ||
		   strcmp(change->phase, EC_PHASE_QUARANTINED) == 0;
}

/*
 * Escapes text for a table cell or a line: line breaks and vertical bars would
 * end it, and backticks and angle brackets would start other markup.
 */
static char *
as_cell(const char *text)
{
	StringInfoData cell;

	initStringInfo(&cell);
	for (const char *c = text ? text : ""; *c != '\0'; c++)
	{
		if (strchr("|`<", *c) != NULL)
			appendStringInfoChar(&cell, '\\');
		appendStringInfoChar(&cell, (unsigned char) *c < ' ' ? ' ' : *c);
	}
	return cell.data;
}

/*
 * Formats a name as code: the fence is longer than any run of backticks in the
 * name.
 */
static char *
as_code(const char *name)
{
	StringInfoData code;
	int fence = 1;
	int run = 0;

	for (const char *c = name; *c != '\0'; c++)
	{
		run = *c == '`' ? run + 1 : 0;
		fence = Max(fence, run + 1);
	}
	initStringInfo(&code);
	for (int i = 0; i < fence; i++)
		appendStringInfoChar(&code, '`');
	if (fence > 1)
		appendStringInfoChar(&code, ' ');
	for (const char *c = name; *c != '\0'; c++)
		appendStringInfoChar(&code, (unsigned char) *c < ' ' ? ' ' : *c);
	if (fence > 1)
		appendStringInfoChar(&code, ' ');
	for (int i = 0; i < fence; i++)
		appendStringInfoChar(&code, '`');
	return code.data;
}

/*
 * Returns a name as an SQL literal for use in code and in table cells.  The
 * characters that would end either are written as escapes of an E'' string.
 */
static char *
as_literal(const char *name)
{
	StringInfoData literal;
	bool is_plain = true;

	for (const char *c = name; *c != '\0'; c++)
		if ((unsigned char) *c < ' ' || *c == '`' || *c == '|')
			is_plain = false;
	if (is_plain)
		return quote_literal_cstr(name);
	initStringInfo(&literal);
	appendStringInfoString(&literal, "E'");
	for (const char *c = name; *c != '\0'; c++)
	{
		if ((unsigned char) *c < ' ' || *c == '`' || *c == '|')
			appendStringInfo(&literal, "\\x%02X", (unsigned char) *c);
		else if (*c == '\'' || *c == '\\')
			appendStringInfo(&literal, "%c%c", *c, *c);
		else
			appendStringInfoChar(&literal, *c);
	}
	appendStringInfoChar(&literal, '\'');
	return literal.data;
}

static void
append_cell(StringInfo page, const char *text)
{
	appendStringInfo(page, " %s |", as_cell(text));
}

static void
append_where(StringInfo page, const EcChange *change, const char *since)
{
	appendStringInfo(page, "# Runbook of change %s\n\n", as_code(change->name));
	appendStringInfo(page, "Table %s",
					 get_rel_name(change->relation)
						 ? as_code(ec_relation_name(change->relation))
						 : "that is gone");
	if (OidIsValid(change->target) && get_rel_name(change->target))
		appendStringInfo(page, ", new table %s",
						 as_code(ec_relation_name(change->target)));
	appendStringInfo(page, ". Phase **%s** since %s.\n\n", change->phase, since);
	for (const Stage *stage = stages_of(change); stage->phase != NULL; stage++)
	{
		bool here = strcmp(stage->phase, change->phase) == 0;

		appendStringInfo(page, "%d. %s%s%s: %s%s\n",
						 (int) (stage - stages_of(change)) + 1,
						 here ? "**" : "", stage->phase, here ? "**" : "",
						 stage->meaning, here ? " ← here" : "");
	}
}

static void
append_next(StringInfo page, const EcChange *change)
{
	const Stage *stage = stage_of(change);

	appendStringInfoString(page, "\n## Next\n\n");
	if (stage == NULL || stage->next == NULL)
	{
		appendStringInfoString(page, "Nothing: the change is over.\n");
		return;
	}
	appendStringInfoString(page, "```sql\n");
	appendStringInfoString(page, ec_hint(stage->next, as_literal(change->name)));
	appendStringInfoString(page, "\n```\n");
}

static void
append_gates(StringInfo page, const EcChange *change, EcTransition transition,
			 const char *title)
{
	ListCell *cell;

	appendStringInfo(page,
					 "\n## %s\n\n| gate | passed | observed | required | what to do |\n| --- | --- | --- | --- | --- |\n",
					 title);
	foreach (cell, ec_gates(change, transition, EC_LOOK))
	{
		EcGate *gate = lfirst(cell);

		appendStringInfoString(page, "|");
		append_cell(page, gate->name);
		append_cell(page, gate->passed ? "yes" : "**no**");
		append_cell(page, gate->observed);
		append_cell(page, gate->required);
		append_cell(page, gate->hint);
		appendStringInfoString(page, "\n");
	}
}

/* Lists the unfinished jobs of the change, and how to pause them. */
static void
append_jobs(StringInfo page, const EcChange *change)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	uint64 found;
	int64 *jobs;
	char **states;

	ec_arg_text(&args, change->name);
	ec_catalog_begin(&scope);
	found = ec_query("SELECT id, state FROM expand_contract.jobs"
					 " WHERE change = $1 AND state IN ('queued', 'running', 'paused', 'failed')"
					 " ORDER BY id",
					 &args);
	jobs = SPI_palloc(Max(1, found) * sizeof(int64));
	states = SPI_palloc(Max(1, found) * sizeof(char *));
	for (uint64 row = 0; row < found; row++)
	{
		jobs[row] = ec_get_int8(row, 1, 0);
		states[row] = ec_get_text(row, 2);
	}
	ec_catalog_end(&scope);
	for (uint64 row = 0; row < found; row++)
		appendStringInfoString(page, ec_hint("| the server suffers from job " INT64_FORMAT
											 " | it is %s | `SELECT ec_pause(" INT64_FORMAT
											 ");` |\n",
											 jobs[row], states[row], jobs[row]));
}

static void
append_rollback(StringInfo page, const EcChange *change)
{
	char *name = as_literal(change->name);
	bool can_revert = stage_of(change) != NULL &&
					  strcmp(change->phase, EC_PHASE_CONTRACTED) != 0;

	appendStringInfoString(page,
						   "\n## When to go back\n\n| if | now | then |\n| --- | --- | --- |\n");
	appendStringInfoString(page,
						   ec_hint("| modern writes fail and more are queued | " INT64_FORMAT
								   " in the queue | find the cause in `ec_discrepancies`, then `SELECT ec_reconcile(%s);` |\n",
								   ec_discrepancies_left(change->name), name));
	appendStringInfoString(page,
						   ec_hint("| dual writes slow the application down | they are %s | `SELECT ec_dual_write(%s, false);` (a repair is due afterwards) |\n",
								   change->dual_write ? "on" : "off", name));
	append_jobs(page, change);
	if (can_revert)
		appendStringInfoString(page, ec_hint("| applications fail, or read wrong data, since the last step | phase %s | `SELECT ec_revert(%s);` takes one step back |\n",
											 change->phase, name));
}

static void
append_blockers(StringInfo page, const EcChange *change)
{
	char *holders = ec_lock_holders(change->relation);

	appendStringInfoString(page, "\n## Who holds locks on the table\n\n");
	if (holders == NULL)
		appendStringInfoString(page, "Nobody.\n");
	else
		appendStringInfo(page, "```\n%s\n```\n", holders);
}

/*
 * ec_runbook(change) -> text
 *
 * Returns the state of the change, the next command, the gates of both
 * transitions with what they observe now, when and how to go back, which
 * sessions hold locks, and the text of the setting
 * expand_contract.escalation.  Raises 42704 if there is no such change; 42501
 * unless the caller is the owner of its table or a member of pg_monitor.
 */
Datum
ec_runbook(PG_FUNCTION_ARGS)
{
	StringInfoData page;
	EcCatalogScope scope;
	EcArgs args = {0};
	EcChange change;
	char *since;

	ec_change_get_to_see(ec_change_argument(fcinfo, 0), &change);
	ec_arg_text(&args, change.name);
	ec_catalog_begin(&scope);
	ec_query("SELECT to_char(since, 'YYYY-MM-DD HH24:MI:SSOF')"
			 "  FROM expand_contract.changes WHERE name = $1",
			 &args);
	since = ec_get_text(0, 1);
	ec_catalog_end(&scope);

	initStringInfo(&page);
	append_where(&page, &change, since);
	append_next(&page, &change);
	if (get_rel_name(change.relation) != NULL && stage_of(&change) != NULL &&
		stage_of(&change)->next != NULL)
	{
		if (!is_cut_over(&change))
			append_gates(&page, &change, EC_TRANSITION_CUTOVER,
						 "Criteria of the cutover");
		append_gates(&page, &change, EC_TRANSITION_CONTRACT,
					 "Criteria of the contraction");
		append_rollback(&page, &change);
		append_blockers(&page, &change);
	}
	appendStringInfo(&page, "\n## Escalation\n\n%s\n",
					 *ec_escalation
						 ? ec_escalation
						 : "No contact is set: see expand_contract.escalation.");
	PG_RETURN_TEXT_P(cstring_to_text_with_len(page.data, page.len));
}
