/*
 * compare.c
 *		Rows against a mapping: of one table, or of two.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"

#include "verify/compare.h"

void
ec_compare(const EcSubject *subject, const EcCompareOptions *options,
		   EcComparison *comparison)
{
	comparison->snapshot = OidFunctionCall0(F_PG_CURRENT_SNAPSHOT);
	comparison->mismatches = tuplestore_begin_heap(false, false, work_mem);
	if (ec_is_one_table(subject))
		ec_compare_columns(subject, options, comparison);
	else
		ec_compare_tables(subject, options, comparison);
}
