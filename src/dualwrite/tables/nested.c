/*
 * nested.c
 *		Rows of a statement that its own triggers have written again.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "dualwrite/tables/nested.h"
#include "expand_contract.h"

typedef struct NestedEntry
{
	EcIdentity identity;
	int depth; /* the deepest trigger depth that has written it */
	char status;
} NestedEntry;

#define SH_PREFIX             nested
#define SH_ELEMENT_TYPE       NestedEntry
#define SH_KEY_TYPE           EcIdentity
#define SH_KEY                identity
#define SH_HASH_KEY(table, i) ((uint32) (i).low)
#define SH_EQUAL(table, a, b) ((a).low == (b).low && (a).high == (b).high)
#define SH_SCOPE              static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* in the transaction's memory context, reset at its end */
static nested_hash *nested_writes = NULL;
static int deepest = 0;

static void
forget(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT ||
		event == XACT_EVENT_PREPARE)
	{
		nested_writes = NULL;
		deepest = 0;
	}
}

static int
trigger_depth(void)
{
	return DatumGetInt32(DirectFunctionCall1(pg_trigger_depth, (Datum) 0));
}

void
ec_note_nested_write(EcIdentity identity)
{
	static bool is_registered = false;
	int depth = trigger_depth();
	NestedEntry *entry;
	bool found;

	if (depth < 2)
		return;
	if (!is_registered)
		RegisterXactCallback(forget, NULL);
	is_registered = true;
	if (nested_writes == NULL)
		nested_writes = nested_create(TopTransactionContext, 64, NULL);
	entry = nested_insert(nested_writes, identity, &found);
	entry->depth = found ? Max(entry->depth, depth) : depth;
	deepest = Max(deepest, depth);
}

bool
ec_any_nested_writes(void)
{
	return deepest > trigger_depth();
}

bool
ec_was_written_deeper(EcIdentity identity)
{
	NestedEntry *entry =
		nested_writes == NULL ? NULL : nested_lookup(nested_writes, identity);

	return entry != NULL && entry->depth > trigger_depth();
}
