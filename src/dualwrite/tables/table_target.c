/*
 * table_target.c
 *		ec_expand for a change to another table.
 *
 * Each row of the source has one row in the target.  The key of the target is
 * computed from columns that identify the source's rows, so that two rows of
 * the source never have the same row in the target.  With a backward mapping
 * the same holds in the other direction.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "commands/trigger.h"
#include "nodes/bitmapset.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "core/catalog.h"
#include "core/query.h"
#include "core/unique_key.h"
#include "dualwrite/mapping.h"
#include "dualwrite/mutable.h"
#include "dualwrite/old_columns.h"
#include "dualwrite/table.h"
#include "dualwrite/tables/existing.h"
#include "dualwrite/tables/temporary.h"
#include "dualwrite/tables/table_target.h"
#include "expand_contract.h"

static void
check_tables(const EcChange *change, Relation source, Relation target)
{
	List *below = find_all_inheritors(change->relation, NoLock, NULL);

	ec_check_dual_write_table(target);
	if (list_member_oid(below, change->target) ||
		list_member_oid(find_all_inheritors(change->target, NoLock, NULL),
						change->relation))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("table \"%s\" cannot be the target of a change of \"%s\"",
						RelationGetRelationName(target),
						RelationGetRelationName(source)),
				 errdetail("It is the same table, or one inherits from the other."),
				 errhint("Leave the argument \"target\" out for a change between columns of one table.")));
}

/*
 * Finds the columns that forward reads and that are not in a key.  Generated
 * columns do not count, because they hold no data of their own.
 */
static void
find_moved(EcTableMappings *mappings, Relation source, List *key)
{
	Bitmapset *keys = bms_copy(
		RelationGetIndexAttrBitmap(source, INDEX_ATTR_BITMAP_PRIMARY_KEY));
	Bitmapset *reads = NULL;
	ListCell *cell;

	foreach (cell, mappings->forward)
	{
		reads = bms_add_members(reads, ((EcMappedColumn *) lfirst(cell))->reads);
	}
	foreach (cell, key)
	{
		keys = bms_add_member(keys, lfirst_int(cell) -
										FirstLowInvalidHeapAttributeNumber);
	}
	mappings->moved = NULL;
	mappings->moves_all = true;
	for (int attnum = 1; attnum <= RelationGetNumberOfAttributes(source); attnum++)
	{
		Form_pg_attribute column =
			TupleDescAttr(RelationGetDescr(source), attnum - 1);

		if (column->attisdropped)
			continue;
		if (!bms_is_member(attnum, reads))
			mappings->moves_all &= column->attgenerated != '\0';
		else if (!bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber, keys))
			mappings->moved = bms_add_member(mappings->moved, attnum);
	}
}

/*
 * A foreign partition has no transition tables, and a table with rules does
 * not support upserts.
 */
static void
check_below(Oid table)
{
	ListCell *cell;

	foreach (cell, find_all_inheritors(table, NoLock, NULL))
	{
		Relation relation = table_open(lfirst_oid(cell), NoLock);
		bool is_foreign = relation->rd_rel->relkind == RELKIND_FOREIGN_TABLE;

		if (is_foreign || relation->rd_rules != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("\"%s\" cannot have dual writes", get_rel_name(table)),
					 is_foreign
						 ? errdetail("Its partition \"%s\" is a foreign table.",
									 RelationGetRelationName(relation))
						 : errdetail("Table \"%s\" has rules, which ON CONFLICT does not work with.",
									 RelationGetRelationName(relation)),
					 is_foreign ? errhint("Detach the partition first.")
								: errhint("Replace the rules by triggers.")));
		table_close(relation, NoLock);
	}
}

/* Statement triggers do not fire for changes applied by a subscription. */
static void
check_no_subscription(Relation relation)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	bool found;

	ec_catalog_begin(&scope);
	ec_arg_oid(&args, RelationGetRelid(relation));
	found =
		ec_query("SELECT FROM pg_subscription_rel s"
				 "  JOIN pg_partition_tree($1::regclass) t ON t.relid = s.srrelid"
				 " UNION ALL SELECT FROM pg_subscription_rel WHERE srrelid = $1",
				 &args) > 0;
	ec_catalog_end(&scope);
	if (found)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"%s\" cannot have dual writes to another table",
						RelationGetRelationName(relation)),
				 errdetail("A subscription writes to it, and triggers for each statement do not fire for that."),
				 errhint("Make the change where the rows come from, and publish both tables.")));
}

/* No other change may write the target, or use it as its source. */
static void
check_target_is_free(const EcChange *change)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_catalog_begin(&scope);
	ec_arg_oid(&args, change->relation);
	ec_arg_oid(&args, change->target);
	ec_arg_text(&args, change->name);
	if (ec_query("SELECT name, CASE WHEN target = $1 THEN target ELSE $2::regclass END::text"
				 "  FROM expand_contract.changes"
				 " WHERE phase NOT IN ('contracted', 'reverted')"
				 "   AND (target IN ($1, $2) OR relation = $2) AND name <> $3"
				 " ORDER BY name LIMIT 1",
				 &args) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("table \"%s\" belongs to change \"%s\" already",
						ec_get_text(0, 2), ec_get_text(0, 1)),
				 errdetail("The target of a change is written by that change alone, and no other change goes on from it."),
				 errhint("End that change first.")));
	ec_catalog_end(&scope);
}

static EcMappedColumn *
entry_of(List *entries, AttrNumber attnum)
{
	ListCell *cell;

	foreach (cell, entries)
	{
		if (((EcMappedColumn *) lfirst(cell))->attnum == attnum)
			return lfirst(cell);
	}
	return NULL;
}

/*
 * Returns the columns that the expressions of a key read.  Those expressions
 * must always give the same result.
 */
static Bitmapset *
reads_of_key(Relation target, List *entries, List *key)
{
	Bitmapset *reads = NULL;
	ListCell *cell;

	foreach (cell, key)
	{
		EcMappedColumn *entry = entry_of(entries, lfirst_int(cell));

		if (ec_looks_up(entry->analysed))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
					 errmsg("expression for key column \"%s\" is not immutable",
							entry->name),
					 errdetail("The row of table \"%s\" that it names would be another from time to time.",
							   RelationGetRelationName(target)),
					 errhint("Compute keys from the row's columns, with immutable functions.")));
		reads = bms_add_members(reads, entry->reads);
	}
	return reads;
}

static bool
maps_all(List *entries, List *key)
{
	ListCell *cell;

	foreach (cell, key)
	{
		if (entry_of(entries, lfirst_int(cell)) == NULL)
			return false;
	}
	return true;
}

static bool
contains_all(Bitmapset *columns, List *key)
{
	ListCell *cell;

	foreach (cell, key)
	{
		if (!bms_is_member(lfirst_int(cell), columns))
			return false;
	}
	return true;
}

static List *
find_target_key(const EcChange *change, Relation target, List *forward)
{
	List *key = ec_find_key(target, change->key);
	ListCell *cell;

	if (key == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" has no key", RelationGetRelationName(target)),
				 errdetail("Its rows are found by a unique index whose columns are NOT NULL."),
				 errhint("Add a primary key to it.")));
	foreach (cell, key)
	{
		if (entry_of(forward, lfirst_int(cell)) == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"forward\" does not map key column \"%s\"",
							get_attname(change->target, lfirst_int(cell), false)),
					 errdetail("Rows of table \"%s\" are found by it.",
							   RelationGetRelationName(target)),
					 errhint("Map it, or name another key with the argument \"key\".")));
	}
	return key;
}

static void
refuse_meeting(Relation from, Relation into)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("key of table \"%s\" is not computed from a key of table \"%s\"",
					RelationGetRelationName(into), RelationGetRelationName(from)),
			 errdetail("Two rows of \"%s\" could have one row in \"%s\".",
					   RelationGetRelationName(from), RelationGetRelationName(into)),
			 errhint("The expressions for the key must read all columns of a unique index of \"%s\" that are NOT NULL.",
					 RelationGetRelationName(from))));
}

/*
 * The backward mapping is checked too.  If two rows of the target had the same
 * row in the source, the one written last would overwrite it, and deleting
 * either would delete it.
 */
static void
check_backward_key(Relation source, Relation target,
				   const EcTableMappings *mappings, List *source_key)
{
	Bitmapset *reads = reads_of_key(source, mappings->backward, source_key);
	ListCell *cell;

	foreach (cell, ec_find_keys(target))
	{
		if (contains_all(reads, lfirst(cell)))
			return;
	}
	refuse_meeting(target, source);
}

/* Returns the key of the source from which the target's key is computed. */
static List *
find_source_key(const EcChange *change, Relation source, Relation target,
				const EcTableMappings *mappings, List *target_key)
{
	Bitmapset *reads = reads_of_key(target, mappings->forward, target_key);
	bool is_read = false;
	ListCell *cell;

	foreach (cell, ec_find_keys(source))
	{
		if (!contains_all(reads, lfirst(cell)))
			continue;
		is_read = true;
		if (mappings->backward == NIL || maps_all(mappings->backward, lfirst(cell)))
			return lfirst(cell);
	}
	if (is_read)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"backward\" maps no key of table \"%s\"",
						RelationGetRelationName(source)),
				 errdetail("A row that is written to table \"%s\" could not be found in the other.",
						   RelationGetRelationName(target)),
				 errhint("Map the primary key too, as in {\"id\": \"id\"}.")));
	refuse_meeting(source, target);
	return NIL; /* not reached */
}

/* An INSERT must be able to omit columns that are not mapped. */
static void
check_insertable(Relation relation, List *entries, const char *argument)
{
	for (int attnum = 1; attnum <= RelationGetNumberOfAttributes(relation); attnum++)
	{
		Form_pg_attribute column =
			TupleDescAttr(RelationGetDescr(relation), attnum - 1);

		if (column->attisdropped || !column->attnotnull || column->attgenerated ||
			column->attidentity || entry_of(entries, attnum) != NULL ||
			build_column_default(relation, attnum) != NULL)
			continue;
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"%s\" does not map column \"%s\"",
							   argument, NameStr(column->attname)),
						errdetail("It is NOT NULL in table \"%s\" and has no default, so no row could be inserted.",
								  RelationGetRelationName(relation)),
						errhint("Map it, or give it a default.")));
	}
}

/*
 * A failure of a deferred check, which is raised at commit, cannot be caught.
 */
static void
check_can_record(Oid table, bool is_known)
{
	ListCell *cell;

	foreach (cell, find_all_inheritors(table, NoLock, NULL))
	{
		Relation relation = table_open(lfirst_oid(cell), NoLock);
		TriggerDesc *description = relation->trigdesc;

		for (int i = 0; description != NULL && i < description->numtriggers; i++)
		{
			Trigger *trigger = &description->triggers[i];

			if (!trigger->tgdeferrable)
				continue;
			ereport(is_known ? WARNING : ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("on_error \"record\" cannot be kept for table \"%s\"",
							RelationGetRelationName(relation)),
					 errdetail("Its constraint or trigger \"%s\" is DEFERRABLE: it may fail the whole transaction at its commit.",
							   OidIsValid(trigger->tgconstraint)
								   ? get_constraint_name(trigger->tgconstraint)
								   : trigger->tgname),
					 errhint("Make it NOT DEFERRABLE, or use on_error => 'raise'.")));
		}
		table_close(relation, NoLock);
	}
}

/* True if deleting a row can cascade to other rows of the same table. */
static bool
cascades_within(Relation relation)
{
	ListCell *cell;

	foreach (cell, RelationGetFKeyList(relation))
	{
		ForeignKeyCacheInfo *key = lfirst_node(ForeignKeyCacheInfo, cell);
		HeapTuple tuple;
		bool cascades;

		if (key->confrelid != RelationGetRelid(relation))
			continue;
		tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(key->conoid));
		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "cache lookup failed for constraint %u", key->conoid);
		cascades = ((Form_pg_constraint) GETSTRUCT(tuple))->confdeltype ==
				   FKCONSTR_ACTION_CASCADE;
		ReleaseSysCache(tuple);
		if (cascades)
			return true;
	}
	return false;
}

/*
 * Rows that our DELETE on the target removes by a cascade cannot be told from
 * rows that it was meant to delete, so their removal is not carried back to
 * the source.  If both tables cascade alike, that is not needed.
 */
static void
check_cascades(Relation target, Relation source)
{
	if (cascades_within(target) && !cascades_within(source))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" cannot follow deletes from table \"%s\"",
						RelationGetRelationName(target),
						RelationGetRelationName(source)),
				 errdetail("A foreign key within it is ON DELETE CASCADE, so a delete removes rows that \"%s\" keeps.",
						   RelationGetRelationName(source)),
				 errhint("Give both tables such a foreign key, or neither.")));
}

static EcChangeColumn *
add_column(EcChange *change, Oid table, EcSide side, AttrNumber attnum)
{
	EcChangeColumn *column;
	ListCell *cell;

	foreach (cell, change->columns)
	{
		column = lfirst(cell);
		if (column->side == side && column->attnum == attnum)
			return column;
	}
	column = palloc0_object(EcChangeColumn);
	column->side = side;
	column->attnum = attnum;
	column->name = get_attname(table, attnum, false);
	change->columns = lappend(change->columns, column);
	return column;
}

/*
 * Adds the columns that a mapping reads on one side and writes on the other.
 */
static void
add_mapping(EcChange *change, List *entries, Oid source, EcSide source_side,
			Oid target, EcSide target_side)
{
	ListCell *cell;

	foreach (cell, entries)
	{
		EcMappedColumn *entry = lfirst(cell);
		EcChangeColumn *written =
			add_column(change, target, target_side, entry->attnum);
		int member = -1;

		written->expression = entry->stored;
		written->tree = entry->tree;
		written->calls = entry->calls;
		while ((member = bms_next_member(entry->reads, member)) >= 0)
			(void) add_column(change, source, source_side, member);
	}
}

static void
add_key(EcChange *change, Oid table, EcSide side, List *key)
{
	int position = 0;
	ListCell *cell;

	foreach (cell, key)
	{
		add_column(change, table, side, lfirst_int(cell))->key_position = ++position;
	}
}

static void
warn_of_functions(Relation target, List *entries)
{
	List *expressions = NIL;
	ListCell *cell;

	foreach (cell, entries)
	{
		expressions =
			lappend(expressions, ((EcMappedColumn *) lfirst(cell))->analysed);
	}
	ec_warn_of_open_functions(RelationGetRelid(target),
							  ec_functions_of_write(target, expressions));
}

/* Checks the tables and the mappings; returns the target's key. */
static List *
analyse(const EcChange *change, Relation source, Relation target,
		EcTableMappings *mappings)
{
	check_tables(change, source, target);
	ec_check_old_columns(change, source, NULL);
	check_target_is_free(change);
	check_below(change->relation);
	check_below(change->target);
	check_no_subscription(source);
	mappings->forward =
		ec_mapping_analyse(source, target, change->forward, "forward", false);
	mappings->backward = NIL;
	if (change->backward != NULL)
	{
		check_no_subscription(target);
		mappings->backward = ec_mapping_analyse(target, source, change->backward,
												"backward", false);
	}
	return find_target_key(change, target, mappings->forward);
}

void
ec_check_target_rows(const EcChange *change, Relation source)
{
	Relation target = table_open(change->target, NoLock);
	EcTableMappings mappings;
	List *key = analyse(change, source, target, &mappings);

	ec_check_existing_rows(source, target, mappings.forward, mappings.backward, key);
	table_close(target, NoLock);
}

void
ec_check_table_change(EcChange *change, Relation source,
					  EcTableMappings *mappings, bool is_known)
{
	Relation target = table_open(change->target, NoLock);
	List *target_key = analyse(change, source, target, mappings);
	List *source_key;

	source_key = find_source_key(change, source, target, mappings, target_key);
	check_insertable(target, mappings->forward, "forward");
	check_cascades(target, source);
	if (change->records)
		check_can_record(change->target, is_known);
	if (mappings->backward != NIL)
	{
		check_backward_key(source, target, mappings, source_key);
		check_insertable(source, mappings->backward, "backward");
		check_cascades(source, target);
		if (change->records)
			check_can_record(change->relation, is_known);
	}

	warn_of_functions(target, mappings->forward);
	if (mappings->backward != NIL)
		warn_of_functions(source, mappings->backward);

	change->columns = NIL;
	add_mapping(change, mappings->forward, change->relation, EC_SIDE_OLD,
				change->target, EC_SIDE_NEW);
	add_mapping(change, mappings->backward, change->target, EC_SIDE_NEW,
				change->relation, EC_SIDE_OLD);
	add_key(change, change->target, EC_SIDE_NEW, target_key);
	add_key(change, change->relation, EC_SIDE_OLD, source_key);
	table_close(target, NoLock);
	find_moved(mappings, source, source_key);
}
