/*
 * report.c
 *		ec_report: the life of a change as one HTML page.
 *
 * The page is for a ticket or a post-mortem.  It needs no other resource, and
 * holds only what is recorded.  The pictures are drawn by report_chart.c.
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "core/catalog.h"
#include "core/query.h"
#include "lifecycle/gates.h"
#include "lifecycle/report_chart.h"
#include "model/change.h"

PG_FUNCTION_INFO_V1(ec_report);

static const char style[] =
	"body{font:15px/1.5 system-ui,sans-serif;max-width:960px;margin:2em auto;padding:0 1em;color:#1f2933}"
	"h1{font-size:1.6em;margin-bottom:0}h2{font-size:1.15em;margin-top:2em}"
	"table{border-collapse:collapse;width:100%;font-size:13px}"
	"th,td{text-align:left;vertical-align:top;padding:4px 10px 4px 0;border-bottom:1px solid #e4e7eb}"
	"th{color:#52606d;font-weight:normal}td.n{text-align:right}"
	"code{font:13px ui-monospace,monospace}.no{color:#c2410c;font-weight:bold}.ok{color:#0f766e}"
	"figure{margin:1em 0}figcaption{color:#52606d;font-size:13px}";

static void
begin_table(StringInfo page, const char *title, const char *head)
{
	appendStringInfo(page, "<h2>%s</h2>\n<table><tr>%s</tr>\n", title, head);
}

/*
 * Appends the result of a query, whose parameter is the name of the change.  kinds
 * has a letter for each column: n for numbers, t for text.
 */
static void
append_table(StringInfo page, const EcChange *change, const char *title,
			 const char *head, const char *kinds, const char *sql)
{
	EcArgs args = {0};
	uint64 rows;

	ec_arg_text(&args, change->name);
	rows = ec_query(sql, &args);
	begin_table(page, title, head);
	for (uint64 row = 0; row < rows; row++)
	{
		appendStringInfoString(page, "<tr>");
		for (int column = 0; kinds[column] != '\0'; column++)
		{
			const char *value = ec_get_text(row, column + 1);

			appendStringInfo(page, "<td%s>", kinds[column] == 'n' ? " class=n" : "");
			ec_append_html(page, value ? value : "");
			appendStringInfoString(page, "</td>");
		}
		appendStringInfoString(page, "</tr>\n");
	}
	appendStringInfoString(page, "</table>\n");
}

static void
append_head(StringInfo page, const EcChange *change)
{
	appendStringInfo(page, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
						   "<title>Change ");
	ec_append_html(page, change->name);
	appendStringInfo(page, "</title><style>%s</style></head><body>\n<h1>Change ",
					 style);
	ec_append_html(page, change->name);
	appendStringInfoString(page, "</h1>\n<p>Table <code>");
	ec_append_html(page, get_rel_name(change->relation)
							 ? ec_relation_name(change->relation)
							 : "that is gone");
	if (OidIsValid(change->target))
	{
		appendStringInfoString(page, "</code>, new table <code>");
		ec_append_html(page, get_rel_name(change->target)
								 ? ec_relation_name(change->target)
								 : "that is gone");
	}
	appendStringInfo(page, "</code>. Phase <b>%s</b>. Printed %s.</p>\n",
					 change->phase, timestamptz_to_str(GetCurrentTimestamp()));
}

static void
append_mappings(StringInfo page, const EcChange *change)
{
	append_table(page, change, "Mapping",
				 "<th>column</th><th>is made of</th><th>direction</th>", "ttt",
				 "SELECT m.key, m.value, d.direction"
				 "  FROM expand_contract.changes c"
				 " CROSS JOIN LATERAL (VALUES (1, 'forward', c.forward), (2, 'backward', c.backward)) d (n, direction, mapping)"
				 " CROSS JOIN LATERAL jsonb_each_text(coalesce(d.mapping, '{}')) m"
				 " WHERE c.name = $1 ORDER BY d.n, m.key COLLATE \"C\"");
}

/* Errors can quote rows, so only their codes are shown. */
static void
append_jobs(StringInfo page, const EcChange *change)
{
	append_table(page, change, "Jobs",
				 "<th>job</th><th>kind</th><th>state</th><th>started</th><th>took</th><th>rows</th>"
				 "<th>rows/s</th><th>WAL</th><th>table grew</th><th>workers</th><th>by</th>",
				 "nttttnnnnnt",
				 "SELECT j.id, concat_ws(' ', j.kind, m.mode), concat_ws(' ', j.state, j.error_code),"
				 "       date_trunc('second', j.started_at),"
				 "       date_trunc('second', coalesce(j.finished_at, clock_timestamp()) - j.started_at),"
				 "       s.rows_done, round((s.rows_done / nullif(s.seconds, 0))::numeric),"
				 "       pg_size_pretty(s.wal_bytes), round(s.growth, 2), j.workers, pg_get_userbyid(j.owner)"
				 "  FROM expand_contract.jobs j"
				 "  LEFT JOIN expand_contract.change_jobs m ON m.job = j.id"
				 " CROSS JOIN LATERAL (SELECT sum(rows_done) AS rows_done, max(active_seconds) AS seconds,"
				 "       sum(wal_bytes)::bigint AS wal_bytes,"
				 "       max(bytes_now)::numeric / nullif(min(bytes_at_start), 0) AS growth"
				 "       FROM expand_contract.job_slots WHERE job = j.id) s"
				 " WHERE j.change = $1 ORDER BY j.id");
	ec_chart_jobs(page, change->name);
}

static void
append_verifications(StringInfo page, const EcChange *change)
{
	append_table(page, change, "Verifications",
				 "<th>started</th><th>result</th><th>rows</th><th>different</th><th>missing</th><th>extra</th>"
				 "<th>checksum</th><th>by</th>",
				 "ttnnnntt",
				 "SELECT date_trunc('second', started_at),"
				 "       CASE WHEN finished_at IS NULL THEN 'not finished'"
				 "            WHEN missing + extra + different = 0 THEN 'equal' ELSE 'not equal' END,"
				 "       rows_source, different, missing, extra, checksum_source, verified_by_name"
				 "  FROM expand_contract.verifications WHERE change = $1 ORDER BY id");
}

static void
append_events(StringInfo page, const EcChange *change)
{
	append_table(page, change, "Who did what",
				 "<th>at</th><th>event</th><th></th><th>by</th>", "tttt",
				 "SELECT date_trunc('second', at), event, value, by_role"
				 "  FROM expand_contract.change_events WHERE change = $1 ORDER BY id, salt");
}

static void
append_troubles(StringInfo page, const EcChange *change)
{
	append_table(page, change, "What was not carried over",
				 "<th>what</th><th>since</th><th>state</th>", "ttt",
				 "SELECT 'gap: ' || reason, date_trunc('second', at),"
				 "       coalesce('repaired ' || date_trunc('second', repaired_at), 'open')"
				 "  FROM expand_contract.gaps WHERE change = $1"
				 " UNION ALL"
				 " SELECT count(DISTINCT key) || ' rows in the queue: ' || error_code,"
				 "        date_trunc('second', min(coalesce(first_at, at))), 'open'"
				 "   FROM expand_contract.discrepancies WHERE change = $1 GROUP BY error_code"
				 " ORDER BY 2, 1");
}

static void
append_gates(StringInfo page, const EcChange *change)
{
	bool is_cut_over = strcmp(change->phase, EC_PHASE_CUT_OVER) == 0 ||
					   strcmp(change->phase, EC_PHASE_QUARANTINED) == 0;
	ListCell *cell;

	begin_table(page,
				is_cut_over ? "Gates of the contraction" : "Gates of the cutover",
				"<th>gate</th><th></th><th>observed</th><th>required</th>");
	foreach (cell, ec_gates(change,
							is_cut_over ? EC_TRANSITION_CONTRACT : EC_TRANSITION_CUTOVER,
							EC_LOOK_AT_A_GLANCE))
	{
		const EcGate *gate = lfirst(cell);

		appendStringInfo(page, "<tr><td>%s</td><td class=%s</td><td>",
						 gate->name, gate->passed ? "ok>open" : "no>closed");
		ec_append_html(page, gate->observed ? gate->observed : "");
		appendStringInfoString(page, "</td><td>");
		ec_append_html(page, gate->required ? gate->required : "");
		appendStringInfoString(page, "</td></tr>\n");
	}
	appendStringInfoString(page, "</table>\n");
}

/*
 * ec_report(change) -> text
 *
 * Returns an HTML page: where the change stands, its phases and jobs over time,
 * what each job waited for, verifications, gaps, gates of the next step, and who
 * did what.  Raises 42704 if there is no such change; 42501 unless the caller is
 * the owner of its table or a member of pg_monitor.
 */
Datum
ec_report(PG_FUNCTION_ARGS)
{
	StringInfoData page;
	EcCatalogScope scope;
	EcChange change;

	ec_change_get_to_see(ec_change_argument(fcinfo, 0), &change);
	initStringInfo(&page);
	append_head(&page, &change);
	ec_catalog_begin(&scope);
	ec_chart_phases(&page, change.name);
	append_mappings(&page, &change);
	append_jobs(&page, &change);
	append_verifications(&page, &change);
	append_troubles(&page, &change);
	ec_catalog_end(&scope);
	if (get_rel_name(change.relation) != NULL && !ec_change_is_over(&change))
		append_gates(&page, &change);
	ec_catalog_begin(&scope);
	append_events(&page, &change);
	ec_catalog_end(&scope);
	appendStringInfoString(&page, "</body></html>\n");
	PG_RETURN_TEXT_P(cstring_to_text_with_len(page.data, page.len));
}
