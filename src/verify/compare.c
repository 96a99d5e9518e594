/*
 * compare.c
 *		Compares rows with a mapping, in one table or between two.
 *
 * If an expression of a change fails, the rows are compared again, and each
 * expression is evaluated so that it can fail (careful.h).
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"

#include "core/own.h"
#include "core/subtransaction.h"
#include "verify/compare.h"

typedef struct Comparing
{
	const EcSubject *subject;
	const EcCompareOptions *options;
	EcComparison *comparison;
} Comparing;

static void
compare(void *arg)
{
	const Comparing *comparing = arg;

	if (ec_is_one_table(comparing->subject))
		ec_compare_columns(comparing->subject, comparing->options,
						   comparing->comparison);
	else
		ec_compare_tables(comparing->subject, comparing->options,
						  comparing->comparison);
}

static void
begin(EcComparison *comparison)
{
	memset(comparison, 0, sizeof(*comparison));
	comparison->snapshot = OidFunctionCall0(F_PG_CURRENT_SNAPSHOT);
	comparison->mismatches = tuplestore_begin_heap(false, false, work_mem);
}

static void
compare_again(Comparing *comparing)
{
	EcCompareOptions *options = palloc_object(EcCompareOptions);

	*options = *comparing->options;
	options->tolerates = true;
	if (options->suspects != NULL)
		options->suspects->pending = 0;
	comparing->options = options;
	tuplestore_end(comparing->comparison->mismatches);
	begin(comparing->comparison);
	compare(comparing);
}

static void
compare_tolerantly(Comparing *comparing)
{
	ErrorData *error = ec_subtransaction(compare, comparing);

	if (error == NULL)
		return;
	if (!ec_may_swallow(error))
		ReThrowError(error);
	compare_again(comparing);
}

void
ec_compare(const EcSubject *subject, const EcCompareOptions *options,
		   EcComparison *comparison)
{
	Comparing comparing = {subject, options, comparison};
	bool own_before = ec_own_reads;

	begin(comparison);
	ec_own_reads = true;
	PG_TRY();
	{
		if (subject->is_of_change && !options->plan_only)
			compare_tolerantly(&comparing);
		else
			compare(&comparing);
	}
	PG_FINALLY();
	{
		ec_own_reads = own_before;
	}
	PG_END_TRY();
}

/*
 * Even without reading a row, a comparison analyses and plans its queries and
 * checks the privileges.
 */
void
ec_compare_check(const EcSubject *subject)
{
	EcCompareOptions options = {.plan_only = true};
	EcComparison comparison = {0};

	ec_compare(subject, &options, &comparison);
	tuplestore_end(comparison.mismatches);
}
