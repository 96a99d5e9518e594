/*
 * compare.c
 *		Compares rows with a mapping, in one table or between two.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"

#include "core/own.h"
#include "verify/compare.h"

void
ec_compare(const EcSubject *subject, const EcCompareOptions *options,
		   EcComparison *comparison)
{
	bool own_before = ec_own_reads;

	comparison->snapshot = OidFunctionCall0(F_PG_CURRENT_SNAPSHOT);
	comparison->mismatches = tuplestore_begin_heap(false, false, work_mem);
	ec_own_reads = true;
	PG_TRY();
	{
		if (ec_is_one_table(subject))
			ec_compare_columns(subject, options, comparison);
		else
			ec_compare_tables(subject, options, comparison);
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
