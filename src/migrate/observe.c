/*
 * observe.c
 *		Observes the effects of a statement: locks and table rewrites.
 *
 * A lock is reported if the transaction holds it after the statement, and did
 * not hold it, or a weaker one, before.  A transaction keeps its locks, so
 * taking a lock again cannot be observed; but relations that a statement names
 * are always reported.  A relation was rewritten if it has a new relfilenode.
 * Relations that the rehearsal itself creates are left out, because no one
 * else uses them yet.  So are system catalogs, which every statement locks
 * briefly.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "migrate/observe.h"

typedef struct KnownRelation
{
	Oid oid; /* the hash key */
	Oid file;
	LOCKMASK locks;
} KnownRelation;

struct EcObserver
{
	HTAB *relations;
};

static void
remember_relations(HTAB *relations)
{
	Relation catalog = table_open(RelationRelationId, AccessShareLock);
	SysScanDesc scan =
		systable_beginscan(catalog, InvalidOid, false, NULL, 0, NULL);
	/* leave out our own tables, which our event trigger reads */
	Oid own_schema = get_namespace_oid("expand_contract", true);
	HeapTuple tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);

		if (form->oid >= FirstNormalObjectId &&
			form->relnamespace != PG_TOAST_NAMESPACE &&
			form->relnamespace != own_schema)
		{
			KnownRelation *known =
				hash_search(relations, &form->oid, HASH_ENTER, NULL);

			known->file = form->relfilenode;
			known->locks = 0;
		}
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
}

static Oid
present_file(Oid relation)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Oid file = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		file = ((Form_pg_class) GETSTRUCT(tuple))->relfilenode;
		ReleaseSysCache(tuple);
	}
	return file;
}

static LOCKMODE
strongest(LOCKMASK locks)
{
	LOCKMODE mode = NoLock;

	for (LOCKMODE candidate = 1; candidate <= MaxLockMode; candidate++)
	{
		if (locks & LOCKBIT_ON(candidate))
			mode = candidate;
	}
	return mode;
}

static int
compare_observations(const ListCell *a, const ListCell *b)
{
	const EcObservation *left = lfirst(a);
	const EcObservation *right = lfirst(b);

	return left->relation < right->relation ? -1 : left->relation > right->relation;
}

/*
 * A relation can have an entry for fast-path locks and one for regular locks.
 */
static HTAB *
present_locks(const EcObserver *observer)
{
	LockData *locks = GetLockStatusData();
	HASHCTL control = {0};
	HTAB *held;

	control.keysize = sizeof(Oid);
	control.entrysize = sizeof(KnownRelation);
	control.hcxt = CurrentMemoryContext;
	held = hash_create("expand_contract locks", 64, &control,
					   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (int i = 0; i < locks->nelements; i++)
	{
		LockInstanceData *lock = &locks->locks[i];
		Oid relation = lock->locktag.locktag_field2;
		KnownRelation *entry;
		bool found;

		if (lock->pid != MyProcPid || lock->locktag.locktag_type != LOCKTAG_RELATION ||
			lock->locktag.locktag_field1 != MyDatabaseId ||
			hash_search(observer->relations, &relation, HASH_FIND, NULL) == NULL)
			continue;
		entry = hash_search(held, &relation, HASH_ENTER, &found);
		entry->locks = lock->holdMask | (found ? entry->locks : 0);
	}
	return held;
}

List *
ec_observe(EcObserver *observer, List *named)
{
	HTAB *held = present_locks(observer);
	List *observations = NIL;
	HASH_SEQ_STATUS status;
	KnownRelation *now;

	/*
	 * a rewritten relation is locked, so looking at the locked ones is enough
	 */
	hash_seq_init(&status, held);
	while ((now = hash_seq_search(&status)) != NULL)
	{
		KnownRelation *known =
			hash_search(observer->relations, &now->oid, HASH_FIND, NULL);
		Oid file = present_file(now->oid);
		EcObservation *observation = palloc0(sizeof(EcObservation));

		observation->relation = now->oid;
		observation->lock = strongest(now->locks);
		observation->rewritten = OidIsValid(file) && file != known->file;
		if (observation->lock > strongest(known->locks) ||
			observation->rewritten || list_member_oid(named, now->oid))
			observations = lappend(observations, observation);
		known->locks |= now->locks;
		if (OidIsValid(file))
			known->file = file;
	}
	hash_destroy(held);
	list_sort(observations, compare_observations);
	return observations;
}

EcObserver *
ec_observe_begin(void)
{
	EcObserver *observer = palloc0(sizeof(EcObserver));
	HASHCTL control = {0};

	control.keysize = sizeof(Oid);
	control.entrysize = sizeof(KnownRelation);
	control.hcxt = CurrentMemoryContext;
	observer->relations = hash_create("expand_contract relations", 1024, &control,
									  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	remember_relations(observer->relations);
	(void) ec_observe(observer, NIL);
	return observer;
}
