/*
 * moves.c
 *		Rows of partitioned tables whose identity an UPDATE changes.
 *
 * Records are kept until the end of the transaction.  The record of a
 * statement that was rolled back to a savepoint is processed by the next
 * statement, which costs only a look at two rows.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "lib/ilist.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "dualwrite/tables/moves.h"
#include "expand_contract.h"

typedef struct Word
{
	dlist_node node;
	EcIdentity was;
	EcIdentity is;
	Oid root; /* root of the leaf, which determines the direction */
	int depth;
	EcMove move;
	char change[NAMEDATALEN];
} Word;

/* hash table by the old identity */
typedef struct WordEntry
{
	EcIdentity was;
	Word *word; /* the latest one with this old identity */
	char status;
} WordEntry;

#define SH_PREFIX             words
#define SH_ELEMENT_TYPE       WordEntry
#define SH_KEY_TYPE           EcIdentity
#define SH_KEY                was
#define SH_HASH_KEY(table, i) ((uint32) (i).low)
#define SH_EQUAL(table, a, b) ((a).low == (b).low && (a).high == (b).high)
#define SH_SCOPE              static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* in the transaction's memory context, reset at its end */
static MemoryContext memory = NULL;
static words_hash *by_old = NULL;
static dlist_head words = DLIST_STATIC_INIT(words);

static void
forget(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT &&
		event != XACT_EVENT_PREPARE)
		return;
	memory = NULL;
	by_old = NULL;
	dlist_init(&words);
}

static int
trigger_depth(void)
{
	return DatumGetInt32(DirectFunctionCall1(pg_trigger_depth, (Datum) 0));
}

static void
start(void)
{
	static bool is_registered = false;

	if (!is_registered)
		RegisterXactCallback(forget, NULL);
	is_registered = true;
	if (memory != NULL)
		return;
	dlist_init(&words);
	memory = AllocSetContextCreate(TopTransactionContext, "expand_contract moves",
								   ALLOCSET_DEFAULT_SIZES);
	by_old = words_create(memory, 64, NULL);
}

/* Copies only the identity columns. */
static MinimalTuple
copy_identity(const EcRoute *route, Relation leaf, TupleTableSlot *slot)
{
	TupleDesc description = RelationGetDescr(leaf);
	Datum *values = palloc0(sizeof(Datum) * description->natts);
	bool *nulls = palloc(sizeof(bool) * description->natts);
	MinimalTuple tuple;
	MemoryContext caller;
	int attnum = -1;

	memset(nulls, true, sizeof(bool) * description->natts);
	while ((attnum = bms_next_member(route->identity, attnum)) >= 0)
		values[attnum - 1] = slot_getattr(slot, attnum, &nulls[attnum - 1]);
	caller = MemoryContextSwitchTo(memory);
#if PG_VERSION_NUM >= 180000
	tuple = heap_form_minimal_tuple(description, values, nulls, 0);
#else
	tuple = heap_form_minimal_tuple(description, values, nulls);
#endif
	MemoryContextSwitchTo(caller);
	pfree(values);
	pfree(nulls);
	return tuple;
}

void
ec_note_move(const EcRoute *route, Relation leaf, TupleTableSlot *was,
			 TupleTableSlot *is)
{
	EcIdentity identities[2] = {ec_identity_of(route, leaf, was),
								ec_identity_of(route, leaf, is)};
	Word *word;
	bool found;

	if (memcmp(&identities[0], &identities[1], sizeof(EcIdentity)) == 0)
		return;
	start();
	word = MemoryContextAllocZero(memory, sizeof(Word));
	word->was = identities[0];
	word->is = identities[1];
	word->root = route->source_root;
	word->depth = trigger_depth();
	word->move.leaf = RelationGetRelid(leaf);
	word->move.was = copy_identity(route, leaf, was);
	word->move.is = copy_identity(route, leaf, is);
	strlcpy(word->change, route->queue.change, sizeof(word->change));
	dlist_push_tail(&words, &word->node);
	words_insert(by_old, word->was, &found)->word = word;
}

/* The memory is freed at the end of the transaction. */
static void
forget_word(Word *word)
{
	WordEntry *entry = words_lookup(by_old, word->was);

	if (entry != NULL && entry->word == word)
		(void) words_delete(by_old, word->was);
	dlist_delete(&word->node);
}

bool
ec_take_move(const EcRoute *route, EcIdentity was, EcIdentity is)
{
	WordEntry *entry = memory == NULL ? NULL : words_lookup(by_old, was);
	Word *word;

	if (entry == NULL)
		return false;
	word = entry->word;
	if (word->is.high != is.high || word->is.low != is.low ||
		word->depth < trigger_depth())
		return false;
	forget_word(word);
	pfree(word->move.was);
	pfree(word->move.is);
	pfree(word);
	return true;
}

List *
ec_take_moves(const EcRoute *route)
{
	List *moves = NIL;
	dlist_mutable_iter iter;

	if (memory == NULL)
		return NIL;
	dlist_foreach_modify(iter, &words)
	{
		Word *word = dlist_container(Word, node, iter.cur);

		if (word->root != route->source_root || word->depth < trigger_depth() ||
			strcmp(word->change, route->queue.change) != 0)
			continue;
		forget_word(word);
		moves = lappend(moves, &word->move);
	}
	return moves;
}
