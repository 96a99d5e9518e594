/*
 * recheck.c
 *		Counts a row as different only if it differs twice.
 */
#include "postgres.h"

#include "verify/recheck.h"

static HTAB *
new_set(MemoryContext memory)
{
	HASHCTL control = {0};

	control.keysize = sizeof(EcLanes);
	control.entrysize = sizeof(EcLanes);
	control.hcxt = memory;
	return hash_create("expand_contract suspects", 256, &control,
					   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

void
ec_suspects_init(EcSuspects *suspects, MemoryContext memory)
{
	suspects->before = NULL;
	suspects->now = new_set(memory);
	suspects->pending = 0;
}

void
ec_suspects_look(EcSuspects *suspects, MemoryContext memory)
{
	if (suspects->before != NULL)
		hash_destroy(suspects->before);
	suspects->before = suspects->now;
	suspects->now = new_set(memory);
	suspects->pending = 0;
}

void
ec_suspects_forget(EcSuspects *suspects, MemoryContext memory)
{
	if (suspects->before == NULL && hash_get_num_entries(suspects->now) == 0)
		return;
	if (suspects->before != NULL)
		hash_destroy(suspects->before);
	hash_destroy(suspects->now);
	ec_suspects_init(suspects, memory);
}

bool
ec_suspects_confirm(EcSuspects *suspects, const EcLanes *key)
{
	bool found;

	if (suspects == NULL)
		return true;
	(void) hash_search(suspects->now, key, HASH_ENTER, &found);
	if (suspects->before != NULL &&
		hash_search(suspects->before, key, HASH_FIND, NULL) != NULL)
		return true;
	suspects->pending++;
	return false;
}
