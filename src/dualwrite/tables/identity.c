/*
 * identity.c
 *		A hash that identifies a row of a change's table.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "common/pg_prng.h"
#include "fmgr.h"
#include "utils/datum.h"

#include "dualwrite/tables/identity.h"
#include "expand_contract.h"

/* random for each session, so that collisions cannot be provoked */
static uint64 seeds[2] = {0};

static void
add_bytes(EcIdentity *identity, const void *bytes, Size length)
{
	identity->high = hash_combine64(identity->high,
									hash_bytes_extended(bytes, length, seeds[0]));
	identity->low = hash_combine64(identity->low,
								   hash_bytes_extended(bytes, length, seeds[1]));
}

static void
add_value(EcIdentity *identity, Form_pg_attribute attribute, Datum value)
{
	if (attribute->attbyval)
		add_bytes(identity, &value, sizeof(value));
	else if (attribute->attlen == -1)
	{
		struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);

		add_bytes(identity, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
		if ((Pointer) bytes != DatumGetPointer(value))
			pfree(bytes);
	}
	else
		add_bytes(identity, DatumGetPointer(value),
				  datumGetSize(value, false, attribute->attlen));
}

static void
choose_seeds(void)
{
	seeds[0] = pg_prng_uint64(&pg_global_prng_state) | 1;
	seeds[1] = pg_prng_uint64(&pg_global_prng_state);
}

/* The columns are hashed in the order of their names. */
EcIdentity
ec_identity_of(const EcRoute *route, Relation relation, TupleTableSlot *slot)
{
	const EcQueueKey *queue = &route->queue;
	EcIdentity identity = {0};

	if (seeds[0] == 0)
		choose_seeds();
	add_bytes(&identity, queue->change, strlen(queue->change));
	add_bytes(&identity, &route->is_forward, sizeof(bool));
	for (int i = 0; i < queue->count; i++)
	{
		AttrNumber attnum = queue->columns[i].attnum;
		bool isnull;
		Datum value = slot_getattr(slot, attnum, &isnull);

		if (isnull)
			add_bytes(&identity, "", 0);
		else
			add_value(&identity,
					  TupleDescAttr(RelationGetDescr(relation), attnum - 1), value);
	}
	return identity;
}
