/*
 * table.c
 *		Checks whether a table supports dual writes.
 *
 * Locks: the caller has locked the table, its partitions and its children.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/catalog.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

#include "core/distributed.h"
#include "core/index_parts.h"
#include "core/hint.h"
#include "core/unique_key.h"
#include "dualwrite/table.h"
#include "expand_contract.h"

static void
refuse_kind(Relation relation, const char *detail, const char *hint)
{
	ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
					errmsg("\"%s\" cannot have dual writes",
						   RelationGetRelationName(relation)),
					errdetail("%s", detail), errhint("%s", ec_qualified(hint))));
}

void
ec_check_dual_write_table(Relation relation)
{
	char kind = relation->rd_rel->relkind;

	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		refuse_kind(relation,
					kind == RELKIND_VIEW      ? "It is a view."
					: kind == RELKIND_MATVIEW ? "It is a materialized view."
					: kind == RELKIND_FOREIGN_TABLE ? "It is a foreign table."
													: "It is not a table.",
					"Name the table whose columns change.");
	if (relation->rd_rel->relispartition)
		refuse_kind(relation, "It is a partition.",
					"Use ec_expand on the partitioned table: the change goes for all partitions.");
	if (IsCatalogRelation(relation))
		refuse_kind(relation, "It is a system catalog.",
					"Name a table of your own.");
	if (RelationUsesLocalBuffers(relation))
		refuse_kind(relation,
					"It is a temporary table, which ends with its session.",
					"Name a permanent table.");
	ec_refuse_distributed(RelationGetRelid(relation));
	if (!has_privs_of_role(GetUserId(), relation->rd_rel->relowner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of table %s",
						RelationGetRelationName(relation)),
				 errdetail("Dual writes put a trigger on the table."),
				 errhint("Ask the table's owner, or a member of that role.")));
}

AttrNumber
ec_leaf_attnum(Relation leaf, Relation root, AttrNumber attnum)
{
	Form_pg_attribute column;

	if (attnum < 1 || attnum > RelationGetNumberOfAttributes(root))
		return InvalidAttrNumber;
	column = TupleDescAttr(RelationGetDescr(root), attnum - 1);
	if (column->attisdropped)
		return InvalidAttrNumber;
	if (RelationGetRelid(leaf) == RelationGetRelid(root))
		return attnum;
	return get_attnum(RelationGetRelid(leaf), NameStr(column->attname));
}

/*
 * Converts columns of the root to a bitmap of the leaf, offset by
 * FirstLowInvalidHeapAttributeNumber.
 */
static Bitmapset *
leaf_columns(Relation leaf, Relation root, Bitmapset *columns)
{
	Bitmapset *result = NULL;
	int member = -1;

	while ((member = bms_next_member(columns, member)) >= 0)
		result = bms_add_member(result, ec_leaf_attnum(leaf, root, member) -
											FirstLowInvalidHeapAttributeNumber);
	return result;
}

/* Calls check for the relation and each of its descendants. */
static void
for_each_leaf(Relation root, Bitmapset *columns,
			  void (*check)(Relation leaf, Bitmapset *columns))
{
	List *leaves = find_all_inheritors(RelationGetRelid(root), NoLock, NULL);
	ListCell *cell;

	foreach (cell, leaves)
	{
		Relation leaf = table_open(lfirst_oid(cell), NoLock);

		check(leaf, leaf_columns(leaf, root, columns));
		table_close(leaf, NoLock);
	}
}

static char *
a_column(Relation relation, Bitmapset *columns)
{
	return get_attname(RelationGetRelid(relation),
					   bms_next_member(columns, -1) + FirstLowInvalidHeapAttributeNumber,
					   false);
}

static void
check_no_partition_key(Relation relation, Bitmapset *columns)
{
	bool in_expression;
	int member = -1;

	if (relation->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		return;
	while ((member = bms_next_member(columns, member)) >= 0)
		if (has_partition_attrs(relation, bms_make_singleton(member), &in_expression))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("column \"%s\" of a partition key cannot be written by dual writes",
							a_column(relation, bms_make_singleton(member))),
					 errdetail("Table \"%s\" is partitioned by it, and a trigger cannot move a row to another partition.",
							   RelationGetRelationName(relation)),
					 errhint("Register a change with a target table that is partitioned by another column.")));
}

void
ec_check_no_partition_key(Relation relation, Bitmapset *columns)
{
	for_each_leaf(relation, columns, check_no_partition_key);
}

static void
tell_of_check(int level, Relation relation, Bitmapset *columns,
			  const char *what, const char *name)
{
	ereport(level,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("on_error \"record\" cannot be kept for column \"%s\"",
					a_column(relation, columns)),
			 errdetail("Table \"%s\" has the %s \"%s\", which the server checks after the trigger: a value that violates it would fail the legacy write.",
					   RelationGetRelationName(relation), what, name),
			 errhint("Add it after the backfill, or use on_error => 'raise'.")));
}

static void
check_can_record(int level, Relation relation, Bitmapset *columns)
{
	ListCell *cell;
	int member = -1;

	foreach (cell, RelationGetIndexList(relation))
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);
		Bitmapset *keys = NULL;

		for (int i = 0; i < index->rd_index->indnkeyatts; i++)
			if (index->rd_index->indkey.values[i] != 0)
				keys = bms_add_member(keys, index->rd_index->indkey.values[i] -
												FirstLowInvalidHeapAttributeNumber);
		pull_varattnos((Node *) ec_index_expressions(index), 1, &keys);
		if ((index->rd_index->indisunique || index->rd_index->indisexclusion) &&
			bms_overlap(keys, columns))
			tell_of_check(level, relation, bms_intersect(keys, columns),
						  index->rd_index->indisunique ? "unique index"
													   : "exclusion constraint",
						  RelationGetRelationName(index));
		index_close(index, NoLock);
	}
	foreach (cell, RelationGetFKeyList(relation))
	{
		ForeignKeyCacheInfo *key = lfirst_node(ForeignKeyCacheInfo, cell);
		Bitmapset *keys = NULL;

		for (int i = 0; i < key->nkeys; i++)
			keys = bms_add_member(keys, key->conkey[i] -
											FirstLowInvalidHeapAttributeNumber);
		if (bms_overlap(keys, columns))
			tell_of_check(level, relation, bms_intersect(keys, columns),
						  "foreign key", get_constraint_name(key->conoid));
	}
	while ((member = bms_next_member(columns, member)) >= 0)
	{
		AttrNumber attnum = member + FirstLowInvalidHeapAttributeNumber;

		if (TupleDescAttr(RelationGetDescr(relation), attnum - 1)->attnotnull &&
			build_column_default(relation, attnum) == NULL)
			ereport(level,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("on_error \"record\" cannot be kept for column \"%s\"",
							get_attname(RelationGetRelid(relation), attnum, false)),
					 errdetail("It is NOT NULL in table \"%s\" and has no default: if its expression fails, there is no value to store.",
							   RelationGetRelationName(relation)),
					 errhint("Add NOT NULL after the backfill, give the column a default, or use on_error => 'raise'.")));
	}
}

static void
require_can_record(Relation relation, Bitmapset *columns)
{
	check_can_record(ERROR, relation, columns);
}

static void
warn_of_checks(Relation relation, Bitmapset *columns)
{
	check_can_record(WARNING, relation, columns);
}

void
ec_check_can_record(Relation relation, Bitmapset *columns, bool is_known)
{
	for_each_leaf(relation, columns, is_known ? warn_of_checks : require_can_record);
}

static bool
same_columns(List *left, List *right)
{
	ListCell *cell;

	if (list_length(left) != list_length(right))
		return false;
	foreach (cell, left)
	{
		if (!list_member_int(right, lfirst_int(cell)))
			return false;
	}
	return true;
}

static List *
attnums_of(Relation relation, List *names)
{
	List *attnums = NIL;
	ListCell *cell;

	foreach (cell, names)
	{
		AttrNumber attnum = get_attnum(RelationGetRelid(relation), lfirst(cell));

		if (attnum <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of relation \"%s\" does not exist",
							(char *) lfirst(cell), RelationGetRelationName(relation)),
					 errdetail("It is named by argument \"key\"."),
					 errhint("Name columns of a unique index that are NOT NULL.")));
		attnums = lappend_int(attnums, attnum);
	}
	return attnums;
}

List *
ec_find_key(Relation relation, List *names)
{
	List *wanted = attnums_of(relation, names);
	List *keys = ec_find_keys(relation);
	ListCell *cell;

	if (wanted == NIL)
		return keys != NIL ? linitial(keys) : NIL;
	foreach (cell, keys)
		if (same_columns(lfirst(cell), wanted))
			return wanted;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
			 errmsg("argument \"key\" names no key of table \"%s\"",
					RelationGetRelationName(relation)),
			 errdetail("There is no valid unique index on just these columns, all of them NOT NULL."),
			 errhint("Leave the argument out to use the primary key, or create such an index.")));
	return NIL; /* not reached */
}

void
ec_warn_of_other_defaults(Relation relation, Bitmapset *columns)
{
	int member = -1;

	while ((member = bms_next_member(columns, member)) >= 0)
	{
		Node *value = build_column_default(relation, member);

		if (value != NULL && contain_mutable_functions(value))
			ereport(WARNING,
					(errmsg("default of column \"%s\" is treated as a value written by the application",
							get_attname(RelationGetRelid(relation), member, false)),
					 errdetail("It is not a constant, so in existing rows and in rows that a subscription applies it cannot be distinguished from a written value."),
					 errhint("Drop the default until the backfill is done.")));
	}
}

static bool
fires_always(Relation relation, const char *name)
{
	TriggerDesc *triggers = relation->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		if (strcmp(triggers->triggers[i].tgname, name) == 0)
			return triggers->triggers[i].tgenabled == TRIGGER_FIRES_ALWAYS;
	return false;
}

bool
ec_has_dual_writes(Oid relation, const char *name)
{
	List *leaves;
	bool found = true;
	ListCell *cell;

	/* find_all_inheritors locks only the descendants. */
	LockRelationOid(relation, AccessShareLock);
	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relation)))
		return false;
	leaves = find_all_inheritors(relation, AccessShareLock, NULL);
	foreach (cell, leaves)
	{
		Relation leaf = table_open(lfirst_oid(cell), NoLock);

		found = found && fires_always(leaf, name);
		table_close(leaf, NoLock);
	}
	return found;
}

void
ec_look_at_dual_write_table(Oid oid)
{
	Relation relation = try_table_open(oid, AccessShareLock);

	if (relation == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("relation with OID %u does not exist", oid)));
	ec_check_dual_write_table(relation);
	table_close(relation, AccessShareLock);
}
