/*
 * leaves.c
 *		The tables that contain the rows of a relation: itself, or its
 *		partitions.
 *
 * A plain table is its own and only leaf.  The leaves of a partitioned table
 * are its partitions at all levels that have storage.  Those of a table with
 * inheritance children are the table and its children.  They can be attached,
 * detached and dropped while a job runs.  Their columns may have other numbers
 * than the root's, so columns are matched by name.
 *
 * Locking protocol.  In each transaction a worker holds RowExclusiveLock on
 * the root, as an UPDATE of the root would, and on the one leaf that it
 * updates.  Other leaves are locked only while they are examined.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "backfill/explain.h"
#include "backfill/key_index.h"
#include "backfill/leaves.h"
#include "backfill/target.h"
#include "core/catalog.h"

static bool
is_leaf_kind(char relkind)
{
	return relkind != RELKIND_PARTITIONED_TABLE;
}

/* Fills in a leaf that cannot be locked now; its size is an estimate. */
static bool
guess_leaf(Oid relation, EcLeaf *leaf)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Form_pg_class form;
	bool found;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_class) GETSTRUCT(tuple);
	found = is_leaf_kind(form->relkind) &&
			form->relpersistence != RELPERSISTENCE_TEMP;
	leaf->relation = relation;
	leaf->filenode = form->relfilenode;
	leaf->blocks = Max(form->relpages, 1);
	ReleaseSysCache(tuple);
	return found;
}

/*
 * For access methods other than heap, the number of blocks does not show
 * whether there are rows.
 */
BlockNumber
ec_leaf_blocks(Relation leaf)
{
	if (leaf->rd_rel->relkind == RELKIND_FOREIGN_TABLE)
		return Max(leaf->rd_rel->relpages, 1);
	if (leaf->rd_rel->relam != HEAP_TABLE_AM_OID)
		return Max(RelationGetNumberOfBlocks(leaf), 1);
	return RelationGetNumberOfBlocks(leaf);
}

static bool
look_at_leaf(Relation root, const EcSweepKind *kind, Oid relation, EcLeaf *leaf)
{
	Relation opened;
	bool found;

	if (relation == RelationGetRelid(root))
		opened = relation_open(relation, NoLock);
	else if (!ConditionalLockRelationOid(relation, AccessShareLock))
		return guess_leaf(relation, leaf);
	else
		opened = try_relation_open(relation, NoLock);
	if (opened == NULL)
	{
		UnlockRelationOid(relation, AccessShareLock);
		return false;
	}
	found = is_leaf_kind(opened->rd_rel->relkind) &&
			!RELATION_IS_OTHER_TEMP(opened);
	if (found)
	{
		if (kind != NULL && relation != RelationGetRelid(root))
			ec_check_leaf(opened, root, kind);
		leaf->relation = relation;
		leaf->filenode = opened->rd_rel->relfilenode;
		leaf->blocks = ec_leaf_blocks(opened);
	}
	relation_close(opened, relation == RelationGetRelid(root) ? NoLock
															  : AccessShareLock);
	return found;
}

int
ec_leaves(Relation root, const EcSweepKind *kind, EcLeaf **leaves)
{
	List *relations = find_all_inheritors(RelationGetRelid(root), NoLock, NULL);
	int count = 0;
	ListCell *cell;

	list_sort(relations, list_oid_cmp);
	*leaves = palloc(list_length(relations) * sizeof(EcLeaf));
	foreach (cell, relations)
	{
		CHECK_FOR_INTERRUPTS();
		if (look_at_leaf(root, kind, lfirst_oid(cell), *leaves + count))
			count++;
	}
	return count;
}

Relation
ec_open_leaf(Relation root, const EcSweepKind *kind, Oid relation, bool no_wait,
			 bool *is_locked)
{
	Relation leaf;

	if (relation == RelationGetRelid(root))
		return table_open(relation, NoLock);
	if (!no_wait)
		leaf = try_table_open(relation, RowExclusiveLock);
	else
	{
		*is_locked = !ConditionalLockRelationOid(relation, RowExclusiveLock);
		if (*is_locked)
			return NULL;
		leaf = try_table_open(relation, NoLock);
		if (leaf == NULL)
			UnlockRelationOid(relation, RowExclusiveLock);
	}
	if (leaf == NULL)
		return NULL;
	if (!typeInheritsFrom(leaf->rd_rel->reltype, root->rd_rel->reltype))
	{
		table_close(leaf, RowExclusiveLock);
		return NULL;
	}
	ec_check_leaf(leaf, root, kind);
	return leaf;
}

Bitmapset *
ec_columns_by_name(Relation from, Relation to, Bitmapset *columns)
{
	Bitmapset *result = NULL;
	int member = -1;

	while ((member = bms_next_member(columns, member)) >= 0)
	{
		AttrNumber number = member + FirstLowInvalidHeapAttributeNumber;
		char *name = get_attname(RelationGetRelid(from), number, true);

		if (name == NULL)
			continue;
		number = get_attnum(RelationGetRelid(to), name);
		if (number != InvalidAttrNumber)
			result = bms_add_member(result,
									number - FirstLowInvalidHeapAttributeNumber);
	}
	return result;
}

/* Raises an error if rows would have to move to other partitions. */
static void
check_partition_key(Relation root, Oid partitioned, const EcBackfill *backfill)
{
	Relation relation = relation_open(partitioned, AccessShareLock);
	Bitmapset *columns = ec_columns_by_name(root, relation, backfill->columns);
	int member = -1;

	while (relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE &&
		   (member = bms_next_member(columns, member)) >= 0)
	{
		Bitmapset *column = bms_make_singleton(member);
		bool in_expression;

		if (has_partition_attrs(relation, column, &in_expression))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("backfill cannot assign a column of a partition key"),
					 errdetail("Column \"%s\" is part of the partition key of \"%s\", and rows would have to move to other partitions.",
							   get_attname(partitioned,
										   member + FirstLowInvalidHeapAttributeNumber,
										   false),
							   RelationGetRelationName(relation)),
					 errhint("Assign other columns, or move the rows with UPDATE.")));
	}
	relation_close(relation, AccessShareLock);
}

typedef struct LeafErrorContext
{
	char *detail;
	char *hint;
} LeafErrorContext;

static void
leaf_error_callback(void *arg)
{
	LeafErrorContext *context = arg;

	if (geterrcode() != ERRCODE_INSUFFICIENT_PRIVILEGE)
		return;
	errdetail("%s", context->detail);
	errhint("%s", context->hint);
}

static void
set_error_context(Relation root, Relation leaf, const EcSweepKind *kind,
				  LeafErrorContext *context)
{
	context->detail =
		psprintf("A job writes to partitions and children of \"%s\" by their own names, so rights on \"%s\" alone do not suffice.",
				 RelationGetRelationName(root), RelationGetRelationName(root));
	if (check_enable_rls(RelationGetRelid(leaf), InvalidOid, true) == RLS_ENABLED)
		context->hint =
			psprintf("Submit the job as the owner of \"%s\", or as a role with BYPASSRLS.",
					 RelationGetRelationName(leaf));
	else
		context->hint =
			psprintf("GRANT %s ON %s TO %s, and likewise on the others.",
					 kind->privileges, ec_relation_name(RelationGetRelid(leaf)),
					 quote_identifier(GetUserNameFromId(GetUserId(), false)));
}

void
ec_check_method(Relation leaf, EcMethod method)
{
	if (is_leaf_kind(leaf->rd_rel->relkind) && ec_walks_by_key(leaf, method))
		ec_key_check(leaf);
}

typedef struct LeafCheck
{
	Relation root;
	Oid leaf;
	const EcBackfill *backfill;
} LeafCheck;

static void
check_leaf(void *arg)
{
	LeafCheck *check = arg;
	Relation leaf = try_relation_open(check->leaf, AccessShareLock);
	ErrorContextCallback callback;
	LeafErrorContext context;
	EcBackfill backfill;

	if (leaf == NULL)
		return;
	if (is_leaf_kind(leaf->rd_rel->relkind) && !RELATION_IS_OTHER_TEMP(leaf))
	{
		ec_check_leaf(leaf, check->root, check->backfill->kind);
		ec_check_method(leaf, check->backfill->method);
		ec_leaf_backfill(check->root, leaf, check->backfill, &backfill);
		set_error_context(check->root, leaf, backfill.kind, &context);
		callback.callback = leaf_error_callback;
		callback.arg = &context;
		callback.previous = error_context_stack;
		error_context_stack = &callback;
		ec_check_statement(leaf, &backfill);
		error_context_stack = callback.previous;
	}
	relation_close(leaf, NoLock);
}

/* Locks every leaf, so it is run by ec_probe, too. */
static void
check_root(void *arg)
{
	const LeafCheck *check = arg;

	ec_check_any_statement(check->root, check->backfill);
}

void
ec_check_leaves(Relation root, const EcBackfill *backfill)
{
	Oid root_oid = RelationGetRelid(root);
	List *relations = find_all_inheritors(root_oid, NoLock, NULL);
	List *ancestors =
		root->rd_rel->relispartition ? get_partition_ancestors(root_oid) : NIL;
	ListCell *cell;

	if (root->rd_rel->relkind == RELKIND_RELATION && list_length(relations) == 1)
		return;
	if (backfill->uses_default)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("DEFAULT cannot be assigned in a backfill of several tables"),
				 errdetail("Each partition or child of \"%s\" may have a default of its own.",
						   RelationGetRelationName(root)),
				 errhint("Write the value instead of DEFAULT.")));
	foreach (cell, list_concat_copy(ancestors, relations))
	{
		Oid relation = lfirst_oid(cell);

		if (get_rel_relkind(relation) == RELKIND_PARTITIONED_TABLE)
			check_partition_key(root, relation, backfill);
	}
	foreach (cell, relations)
	{
		LeafCheck check = {root, lfirst_oid(cell), backfill};

		if (check.leaf != root_oid)
			ec_probe(check_leaf, &check);
	}
	ec_probe(check_root, &(LeafCheck){root, root_oid, backfill});
}
