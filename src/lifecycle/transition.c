/*
 * transition.c
 *		Transitions of a change: serialized and atomic.
 */
#include "postgres.h"

#include "storage/lmgr.h"
#include "utils/lsyscache.h"

#include "lifecycle/transition.h"
#include "core/catalog.h"
#include "core/guc.h"
#include "core/holders.h"
#include "core/query.h"
#include "core/lock_retry.h"
#include "worker/jobs/registry.h"

/*
 * limit for the single attempt of a job; the worker's own limit may be lower
 */
#define LOCK_WAIT_OF_JOB_MS 100

typedef struct Transition
{
	const EcChange *change;
	EcTransitionWork work;
	void *arg;
	int lock_wait_ms;
} Transition;

void
ec_lock_tables_of_change(const EcChange *change, LOCKMODE mode, int lock_wait_ms)
{
	ec_lock_whole_table(change->relation, mode, lock_wait_ms);
	if (OidIsValid(change->target))
		ec_lock_whole_table(change->target, mode, lock_wait_ms);
}

static void
work(void *arg)
{
	Transition *transition = arg;

	transition->work(transition->change, transition->lock_wait_ms, transition->arg);
}

static ErrorData *
one_try(void *arg, int lock_wait_ms)
{
	Transition *transition = arg;

	transition->lock_wait_ms = lock_wait_ms;
	return ec_try_work(work, transition, lock_wait_ms);
}

void
ec_transition_with_locks(const EcChange *change,
						 EcTransitionWork work_of_transition, void *arg)
{
	Transition transition = {change, work_of_transition, arg, 0};
	ErrorData *error =
		ec_running_change() != NULL
			? one_try(&transition, LOCK_WAIT_OF_JOB_MS)
			: ec_try_for_locks(one_try, &transition, ec_lock_timeout);

	if (error != NULL)
		ec_raise_lock_timeout(error, change->relation, "Nothing has changed.");
}

static void
lock_for_looking(const EcChange *change, int lock_wait_ms, void *arg)
{
	LockRelationOid(change->relation, AccessShareLock);
	if (OidIsValid(change->target))
		LockRelationOid(change->target, AccessShareLock);
}

void
ec_change_lock(const char *name, EcChange *change)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_change_get(name, change);
	ec_arg_text(&args, name);
	ec_catalog_begin(&scope);
	ec_query("SELECT FROM expand_contract.changes WHERE name = $1 FOR UPDATE",
			 &args);
	ec_catalog_end(&scope);
	/* Another session may have changed it meanwhile. */
	ec_change_get(name, change);
	ec_transition_with_locks(change, lock_for_looking, NULL);
}
