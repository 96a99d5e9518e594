/*
 * mutable.c
 *		Checks what a mapping's expression depends on besides its row.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_proc.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "core/function_path.h"
#include "dualwrite/mutable.h"

/*
 * STABLE functions of all server versions that depend on nothing but their
 * arguments and settings; sorted by strcmp.
 */
static const char *const settled[] = {
	"age",
	"anyarray_out",
	"anycompatiblearray_out",
	"anycompatiblemultirange_out",
	"anycompatiblerange_out",
	"anyenum_out",
	"anymultirange_out",
	"anyrange_out",
	"anytextcat",
	"array_in",
	"array_out",
	"array_to_json",
	"array_to_string",
	"cash_in",
	"cash_out",
	"concat",
	"concat_ws",
	"convert",
	"convert_from",
	"convert_to",
	"date",
	"date_add",
	"date_cmp_timestamptz",
	"date_eq_timestamptz",
	"date_ge_timestamptz",
	"date_gt_timestamptz",
	"date_in",
	"date_le_timestamptz",
	"date_lt_timestamptz",
	"date_ne_timestamptz",
	"date_out",
	"date_part",
	"date_subtract",
	"date_trunc",
	"domain_in",
	"enum_in",
	"enum_out",
	"extract",
	"format",
	"in_range",
	"interval_in",
	"interval_out",
	"interval_pl_timestamptz",
	"json_build_array",
	"json_build_object",
	"json_populate_record",
	"json_to_tsvector",
	"jsonb_build_array",
	"jsonb_build_object",
	"jsonb_path_exists_tz",
	"jsonb_path_match_tz",
	"jsonb_path_query_array_tz",
	"jsonb_path_query_first_tz",
	"jsonb_populate_record",
	"jsonb_populate_record_valid",
	"jsonb_to_tsvector",
	"length",
	"make_timestamptz",
	"money",
	"multirange_in",
	"multirange_out",
	"numeric",
	"overlaps",
	"phraseto_tsquery",
	"plainto_tsquery",
	"quote_literal",
	"quote_nullable",
	"range_in",
	"range_out",
	"record_in",
	"record_out",
	"row_to_json",
	"textanycat",
	"time",
	"time_in",
	"timestamp",
	"timestamp_cmp_timestamptz",
	"timestamp_eq_timestamptz",
	"timestamp_ge_timestamptz",
	"timestamp_gt_timestamptz",
	"timestamp_in",
	"timestamp_le_timestamptz",
	"timestamp_lt_timestamptz",
	"timestamp_ne_timestamptz",
	"timestamp_out",
	"timestamptz",
	"timestamptz_cmp_date",
	"timestamptz_cmp_timestamp",
	"timestamptz_eq_date",
	"timestamptz_eq_timestamp",
	"timestamptz_ge_date",
	"timestamptz_ge_timestamp",
	"timestamptz_gt_date",
	"timestamptz_gt_timestamp",
	"timestamptz_in",
	"timestamptz_le_date",
	"timestamptz_le_timestamp",
	"timestamptz_lt_date",
	"timestamptz_lt_timestamp",
	"timestamptz_mi_interval",
	"timestamptz_ne_date",
	"timestamptz_ne_timestamp",
	"timestamptz_out",
	"timestamptz_pl_interval",
	"timetz",
	"timetz_in",
	"timezone",
	"to_char",
	"to_date",
	"to_json",
	"to_jsonb",
	"to_number",
	"to_timestamp",
	"to_tsquery",
	"to_tsvector",
	"ts_headline",
	"ts_match_tq",
	"ts_match_tt",
	"websearch_to_tsquery",
	"xml",
	"xml_in",
	"xml_is_well_formed",
};

static int
by_text(const void *left, const void *right)
{
	return strcmp(*(const char *const *) left, *(const char *const *) right);
}

/* age() with one argument depends on the current date or transaction. */
static bool
is_settled(Oid function)
{
	const char *name = get_func_name(function);

	return name != NULL &&
		   !(strcmp(name, "age") == 0 && get_func_nargs(function) == 1) &&
		   bsearch(&name, settled, lengthof(settled), sizeof(settled[0]),
				   by_text) != NULL;
}

typedef struct Mutable
{
	Oid is_volatile; /* a VOLATILE function */
	Oid reads_more;  /* a server function that reads the clock, the catalog
					  * or the like */
	bool reads_session;
	bool is_sequence;
} Mutable;

static bool
note_function(Oid function, void *context)
{
	Mutable *found = context;
	char volatility = func_volatile(function);

	if (volatility == PROVOLATILE_VOLATILE)
		found->is_volatile = function;
	else if (volatility == PROVOLATILE_STABLE &&
			 function < FirstNormalObjectId && !is_settled(function))
		found->reads_more = function;
	return false;
}

static bool
find_mutable(Node *node, void *context)
{
	Mutable *found = context;

	if (node == NULL)
		return false;
	(void) check_functions_in_node(node, note_function, context);
	if (IsA(node, SQLValueFunction))
		found->reads_session = true;
	if (IsA(node, NextValueExpr))
		found->is_sequence = true;
	return expression_tree_walker(node, find_mutable, context);
}

void
ec_refuse_mutable(Node *expression, const char *column)
{
	Mutable found = {0};

	(void) find_mutable(expression, &found);
	if (OidIsValid(found.is_volatile) || found.is_sequence)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("volatile functions are not allowed in a mapping"),
				 found.is_sequence
					 ? errdetail("The expression for column \"%s\" takes a value from a sequence.",
								 column)
					 : errdetail("The expression for column \"%s\" calls %s, which gives another value each time.",
								 column, format_procedure(found.is_volatile)),
				 errhint("Use an expression over the row's columns, with immutable functions, or stable ones of your own.")));
	if (OidIsValid(found.reads_more) || found.reads_session)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("expression of a mapping depends on more than its row"),
				 found.reads_session
					 ? errdetail("The expression for column \"%s\" reads the clock or the session's user.",
								 column)
					 : errdetail("The expression for column \"%s\" calls %s, which reads the clock, the session, the transaction or the catalog.",
								 column, format_procedure(found.reads_more)),
				 errhint("Compute the value from the row's columns, or wrap a look-up in a STABLE function of your own.")));
}

static bool
is_look_up(Oid function, void *context)
{
	return function >= FirstNormalObjectId &&
		   func_volatile(function) != PROVOLATILE_IMMUTABLE;
}

static bool
find_look_up(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return check_functions_in_node(node, is_look_up, NULL) ||
		   expression_tree_walker(node, find_look_up, context);
}

bool
ec_looks_up(Node *expression)
{
	return find_look_up(expression, NULL);
}

static bool
lacks_path(Oid function, void *context)
{
	return function >= FirstNormalObjectId && ec_function_path(function) == NULL;
}

static bool
find_without_path(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return check_functions_in_node(node, lacks_path, NULL) ||
		   expression_tree_walker(node, find_without_path, context);
}

bool
ec_needs_path(Node *expression)
{
	return find_without_path(expression, NULL);
}
