/*
 * analyse.c
 *		Analyses a statement into which the caller's text was inserted.
 */
#include "postgres.h"

#include "parser/analyze.h"
#include "parser/parser.h"
#include "tcop/tcopprot.h"

#include "backfill/analyse.h"

/*
 * Shows the position of an error in our statement as one in an internal query.
 */
void
ec_statement_error_callback(void *arg)
{
	int position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery((const char *) arg);
	}
}

Query *
ec_analyse_statement(const char *sql)
{
	ErrorContextCallback callback;
	List *parsed;
	List *queries;

	callback.callback = ec_statement_error_callback;
	callback.arg = unconstify(char *, sql);
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	parsed = raw_parser(sql, RAW_PARSE_DEFAULT);
	queries = pg_analyze_and_rewrite_fixedparams(linitial_node(RawStmt, parsed),
												 sql, NULL, 0, NULL);
	error_context_stack = callback.previous;
	if (list_length(queries) != 1)
		elog(ERROR, "unexpected number of queries");
	return linitial_node(Query, queries);
}
