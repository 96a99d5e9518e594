/*
 * subtransaction.c
 *		Runs a function in a subtransaction and returns its error.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "core/subtransaction.h"

static ErrorData *
run(void (*work)(void *arg), void *arg, bool keeps, MemoryContext errors)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;

	/*
	 * outside of PG_TRY: if it fails, there is no subtransaction to roll back
	 */
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		work(arg);
		if (keeps)
			ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(errors);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	if (error != NULL || !keeps)
		RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return error;
}

ErrorData *
ec_subtransaction(void (*work)(void *arg), void *arg)
{
	return run(work, arg, true, CurrentMemoryContext);
}

ErrorData *
ec_subtransaction_undone(void (*work)(void *arg), void *arg)
{
	return run(work, arg, false, CurrentMemoryContext);
}

ErrorData *
ec_subtransaction_with_error_in(void (*work)(void *arg), void *arg,
								MemoryContext errors)
{
	return run(work, arg, true, errors);
}

bool
ec_may_swallow(const ErrorData *error)
{
	switch (ERRCODE_TO_CATEGORY(error->sqlerrcode))
	{
		case ERRCODE_TRANSACTION_ROLLBACK:
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_SYSTEM_ERROR:
			return false;
	}
	return error->sqlerrcode != ERRCODE_DATA_CORRUPTED &&
		   error->sqlerrcode != ERRCODE_INDEX_CORRUPTED && error->elevel < FATAL;
}
