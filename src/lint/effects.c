/*
 * effects.c
 *		Determines what a statement locks, scans and rewrites.
 *
 * A transaction keeps its locks.  So a scan under a weak lock blocks others if
 * an earlier statement of the same transaction has taken a strong lock.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/sysattr.h"
#include "catalog/pg_class.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "core/distributed.h"
#include "lint/lint_rules.h"

/* 8 MB: read, or given an index, within moments */
#define SMALL_BLOCKS 1024

/*
 * Returns the current number of blocks of the relation's file, unless the
 * relation is locked by another session.
 */
static uint64
present_blocks(Oid relation)
{
	uint64 blocks = 0;
	Relation opened;

	if (!ConditionalLockRelationOid(relation, AccessShareLock))
		return 1; /* for all that one knows */
	opened = try_relation_open(relation, NoLock);
	if (opened != NULL)
	{
		if (RELKIND_HAS_STORAGE(opened->rd_rel->relkind))
			blocks = RelationGetNumberOfBlocks(opened);
		relation_close(opened, NoLock);
	}
	UnlockRelationOid(relation, AccessShareLock);
	return blocks;
}

/*
 * At least the size in the statistics, so that the size is not underestimated.
 */
static uint64
blocks_of(Oid relation, Oid *toast)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Form_pg_class form;
	uint64 blocks;

	*toast = InvalidOid;
	if (!HeapTupleIsValid(tuple))
		return 0;
	form = (Form_pg_class) GETSTRUCT(tuple);
	*toast = form->reltoastrelid;
	blocks =
		form->relkind == RELKIND_PARTITIONED_TABLE ? 0 : Max(0, form->relpages);
	if (form->relkind != RELKIND_PARTITIONED_TABLE && form->reltuples > 0)
		blocks = Max(blocks, (uint64) (form->reltuples / MaxHeapTuplesPerPage));
	ReleaseSysCache(tuple);
	return Max(blocks, present_blocks(relation));
}

uint64
ec_lint_blocks(EcRelation *relation)
{
	Oid toast;
	Oid nothing;
	uint64 blocks;

	if (!OidIsValid(relation->oid))
		return 0;
	/* the rows are elsewhere, and nothing here tells how many there are */
	if (ec_is_distributed(relation->oid))
		return PG_UINT32_MAX;
	blocks = blocks_of(relation->oid, &toast);
	if (OidIsValid(toast))
		blocks += blocks_of(toast, &nothing);
	return blocks;
}

bool
ec_lint_is_small(List *relations)
{
	uint64 blocks = 0;
	ListCell *cell;

	foreach (cell, relations)
	{
		blocks += ec_lint_blocks(lfirst(cell));
		if (blocks > SMALL_BLOCKS)
			return false;
	}
	return true;
}

static bool
has_rows(const EcRelation *relation)
{
	return !ec_is_new(relation) && (relation->kind == RELKIND_RELATION ||
									relation->kind == RELKIND_MATVIEW);
}

void
ec_lint_effect(EcLint *lint, EcRelation *relation, LOCKMODE lock, bool rewrites,
			   bool scans)
{
	EcEffect *effect;

	if (relation == NULL || ec_is_new(relation))
		return;
	effect = relation->effect;
	if (effect == NULL || effect->statement != lint->statement)
	{
		effect = palloc0(sizeof(EcEffect));
		effect->statement = lint->statement;
		effect->relation = relation;
		relation->effect = effect;
		lint->effects = lappend(lint->effects, effect);
	}
	effect->lock = Max(effect->lock, lock);
	if (has_rows(relation))
	{
		effect->rewrites |= rewrites;
		effect->scans |= scans;
	}
}

void
ec_lint_effects(EcLint *lint, List *relations, LOCKMODE lock, bool rewrites,
				bool scans)
{
	ListCell *cell;

	foreach (cell, relations)
	{
		ec_lint_effect(lint, lfirst(cell), lock, rewrites, scans);
	}
}

EcFinding *
ec_lint_stop(EcLint *lint, const char *rule, List *relations, LOCKMODE lock,
			 bool rewrites, bool scans)
{
	EcRelation *first = NULL;
	bool matters = false;
	EcFinding *finding;
	ListCell *cell;

	ec_lint_effects(lint, relations, lock, rewrites, scans);
	foreach (cell, relations)
	{
		EcRelation *relation = lfirst(cell);

		if (first == NULL && !ec_is_new(relation))
			first = relation;
		matters |= has_rows(relation);
	}
	if (!matters)
		return palloc0(sizeof(EcFinding));
	finding = ec_lint_add(lint, rule, first);
	finding->lock = Max(lock, first->held);
	finding->rewrites = rewrites;
	finding->scans = scans || rewrites;
	if (finding->is_about_time && ec_lint_is_small(relations))
		finding->severity = EC_SEVERITY_NOTICE;
	return finding;
}

static bool
is_told(const EcLint *lint, const EcRelation *relation)
{
	/* The findings of this statement are at the end of the list. */
	for (int i = list_length(lint->findings) - 1; i >= 0; i--)
	{
		const EcFinding *finding = list_nth(lint->findings, i);

		if (finding->statement != lint->statement)
			return false;
		if (finding->relation == relation->oid &&
			(finding->rewrites || finding->scans))
			return true;
	}
	return false;
}

static EcFinding *
add_held(EcLint *lint, EcRelation *relation, EcRelation *scanned)
{
	bool is_validation =
		relation == scanned && IsA(lint->statement->node, AlterTableStmt);
	EcFinding *finding =
		ec_lint_add(lint, is_validation ? "validate_constraint" : "hold_lock",
					relation);

	finding->lock = relation->held;
	finding->scans = relation == scanned;
	if (ec_lint_is_small(list_make1(scanned)))
		finding->severity = EC_SEVERITY_NOTICE;
	if (finding->recipe == NULL)
		finding->recipe =
			psprintf("-- in a migration of its own:\n%s;", lint->statement->text);
	return finding;
}

/*
 * A long scan also blocks sessions that wait for a lock which the transaction
 * already holds, on this relation or on another one.
 */
static void
lint_held(EcLint *lint, List *effects)
{
	EcRelation *longest = NULL;
	ListCell *cell;

	foreach (cell, effects)
	{
		EcEffect *effect = lfirst(cell);
		EcRelation *relation = effect->relation;

		if (!effect->scans && !effect->rewrites)
			continue;
		if (relation->held >= ShareLock && effect->lock < ShareLock &&
			!is_told(lint, relation))
			(void) add_held(lint, relation, relation);
		if (longest == NULL || ec_lint_blocks(relation) > ec_lint_blocks(longest))
			longest = relation;
	}
	if (longest == NULL || ec_lint_is_small(list_make1(longest)))
		return;
	/* The first one represents all of them. */
	foreach (cell, lint->held)
	{
		EcRelation *relation = lfirst(cell);

		if (relation->is_dropped || relation == longest ||
			(relation->effect != NULL &&
			 relation->effect->statement == lint->statement &&
			 relation->effect->lock >= ShareLock))
			continue;
		(void) add_held(lint, relation, longest);
		return;
	}
}

void
ec_lint_close_statement(EcLint *lint)
{
	List *effects = NIL;

	for (int i = list_length(lint->effects) - 1; i >= 0; i--)
	{
		EcEffect *effect = list_nth(lint->effects, i);

		if (effect->statement != lint->statement)
			break;
		effects = lcons(effect, effects);
	}
	if (lint->is_mixed || effects == NIL)
		return;
	lint_held(lint, effects);
	for (int i = 0; i < list_length(effects); i++)
	{
		EcEffect *effect = list_nth(effects, i);

		if (effect->lock >= ShareLock && effect->relation->held < ShareLock)
			lint->held = lappend(lint->held, effect->relation);
		effect->relation->held = Max(effect->relation->held, effect->lock);
	}
}
