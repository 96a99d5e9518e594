/*
 * column_change.c
 *		ec_expand for a change within one table: its checks and its columns.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "dualwrite/columns/column_change.h"
#include "dualwrite/mapping.h"
#include "dualwrite/old_columns.h"
#include "dualwrite/table.h"

static Bitmapset *
targets_of(List *entries)
{
	Bitmapset *targets = NULL;
	ListCell *cell;

	foreach (cell, entries)
	{
		targets =
			bms_add_member(targets, ((EcMappedColumn *) lfirst(cell))->attnum);
	}
	return targets;
}

static Bitmapset *
reads_of(List *entries)
{
	Bitmapset *reads = NULL;
	ListCell *cell;

	foreach (cell, entries)
	{
		reads = bms_add_members(reads, ((EcMappedColumn *) lfirst(cell))->reads);
	}
	return reads;
}

static char *
first_name(Relation relation, Bitmapset *columns)
{
	return get_attname(RelationGetRelid(relation), bms_next_member(columns, -1),
					   false);
}

static void
refuse_chain(Relation relation, Bitmapset *both, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("column \"%s\" cannot be on both sides of a mapping",
					first_name(relation, both)),
			 errdetail("%s", detail),
			 errhint("Old columns are read by \"forward\" and written by \"backward\"; new columns the other way round.")));
}

static void
check_sides(Relation relation, List *forward, List *backward)
{
	Bitmapset *both = bms_intersect(targets_of(forward), reads_of(forward));

	if (!bms_is_empty(both))
		refuse_chain(relation, both, "The mapping \"forward\" reads and writes it.");
	both = bms_intersect(targets_of(backward), reads_of(backward));
	if (!bms_is_empty(both))
		refuse_chain(relation, both,
					 "The mapping \"backward\" reads and writes it.");
	both = bms_intersect(targets_of(forward), targets_of(backward));
	if (!bms_is_empty(both))
		refuse_chain(relation, both, "Both \"forward\" and \"backward\" write it.");
	if (backward != NIL && !bms_overlap(reads_of(backward), targets_of(forward)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"backward\" reads no column that \"forward\" writes"),
				 errdetail("A write to the new columns of table \"%s\" would change nothing in the old ones.",
						   RelationGetRelationName(relation)),
				 errhint("Compute old columns from new ones, as in {\"legacy_email\": \"email\"}, or leave the argument out.")));
}

static EcChangeColumn *
add_column(EcChange *change, Relation relation, EcSide side, AttrNumber attnum)
{
	EcChangeColumn *column;
	ListCell *cell;

	foreach (cell, change->columns)
	{
		column = lfirst(cell);
		if (column->attnum == attnum)
			return column;
	}
	column = palloc0_object(EcChangeColumn);
	column->side = side;
	column->attnum = attnum;
	column->name = get_attname(RelationGetRelid(relation), attnum, false);
	change->columns = lappend(change->columns, column);
	return column;
}

static void
add_target(EcChange *change, Relation relation, EcSide side,
		   const EcMappedColumn *entry)
{
	EcChangeColumn *column = add_column(change, relation, side, entry->attnum);

	column->expression = entry->stored;
	column->tree = entry->tree;
	column->calls = entry->calls;
}

/*
 * Targets come first, so that a column that is written and also read gets the
 * side of its target.
 */
static void
collect_columns(EcChange *change, Relation relation, List *forward,
				List *backward, List *key)
{
	ListCell *cell;
	int member = -1;
	int position = 0;

	change->columns = NIL;
	foreach (cell, forward)
	{
		add_target(change, relation, EC_SIDE_NEW, lfirst(cell));
	}
	foreach (cell, backward)
	{
		add_target(change, relation, EC_SIDE_OLD, lfirst(cell));
	}
	while ((member = bms_next_member(reads_of(forward), member)) >= 0)
		(void) add_column(change, relation, EC_SIDE_OLD, member);
	member = -1;
	while ((member = bms_next_member(reads_of(backward), member)) >= 0)
		(void) add_column(change, relation, EC_SIDE_NEW, member);
	foreach (cell, key)
	{
		add_column(change, relation, EC_SIDE_KEY, lfirst_int(cell))->key_position =
			++position;
	}
}

List *
ec_check_column_change(EcChange *change, Relation relation, bool is_known)
{
	List *forward =
		ec_mapping_analyse(relation, relation, change->forward, "forward", false);
	List *backward =
		change->backward == NULL
			? NIL
			: ec_mapping_analyse(relation, relation, change->backward,
								 "backward", change->kept_names != NULL);
	List *key = ec_find_key(relation, change->key);

	check_sides(relation, forward, backward);
	ec_check_old_columns(change, relation, targets_of(forward));
	ec_check_no_partition_key(relation, bms_union(targets_of(forward),
												  targets_of(backward)));
	if (change->records)
	{
		if (key == NIL)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("on_error \"record\" needs a key"),
					 errdetail("Table \"%s\" has no unique index whose columns are NOT NULL, so a row whose modern write fails could not be identified.",
							   RelationGetRelationName(relation)),
					 errhint("Add a primary key, or use on_error => 'raise'.")));
		ec_check_can_record(relation, targets_of(forward), is_known);
	}
	/* the defaults of names that are kept go to the new columns */
	if (change->kept_names == NULL)
		ec_warn_of_other_defaults(relation, bms_union(targets_of(forward),
													  targets_of(backward)));
	collect_columns(change, relation, forward, backward, key);
	ec_mark_old_columns(change, relation, targets_of(backward), false);
	return list_concat_copy(forward, backward);
}
