/*
 * lacks.c
 *		What the old shape of a change has and the new one lacks; here NOT NULL,
 *		and columns that were added to the old table later.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "core/pinned.h"
#include "lifecycle/lack_search.h"
#include "lifecycle/lacks.h"

static void
find_not_null(EcLackSearch *search)
{
	const EcShapes *shapes = &search->shapes;
	int attnum = -1;

	while ((attnum = bms_next_member(shapes->going, attnum)) >= 0)
	{
		Form_pg_attribute column =
			TupleDescAttr(RelationGetDescr(shapes->old_table), attnum - 1);
		Bitmapset *successors = ec_successors(shapes, attnum);
		AttrNumber successor = ec_successor(shapes, attnum);
		int other = -1;
		bool is_kept = false;

		while ((other = bms_next_member(successors, other)) >= 0)
			is_kept |= ec_new_column(search, other)->attnotnull ||
					   bms_is_member(other, search->not_null);
		if (!column->attnotnull || is_kept || successor == InvalidAttrNumber)
			continue;
		ec_add_lack(search,
					psprintf("NOT NULL of column %s",
							 ec_quoted_column(shapes->old_table, attnum)),
					psprintf("column %s of table %s may be NULL",
							 ec_quoted_column(shapes->new_table, successor),
							 ec_new_table_name(search)),
					ec_make_not_null(search, successor));
	}
}

/*
 * Where the whole table goes, columns that were added to it after ec_expand:
 * nothing copies them.
 */
static void
find_added_columns(EcLackSearch *search)
{
	const EcChange *change = search->shapes.change;
	List *known = list_concat_copy(change->columns, change->unmapped);
	Relation table = search->shapes.old_table;

	if (!change->whole_table)
		return;
	for (int i = 0; i < RelationGetNumberOfAttributes(table); i++)
	{
		Form_pg_attribute column = TupleDescAttr(RelationGetDescr(table), i);
		bool is_known = column->attisdropped || column->attgenerated != '\0';
		ListCell *cell;

		foreach (cell, known)
		{
			EcChangeColumn *one = lfirst(cell);

			is_known |= one->side != EC_SIDE_NEW && one->attnum == column->attnum;
		}
		if (!is_known)
			ec_add_lack(search,
						psprintf("column %s",
								 quote_identifier(NameStr(column->attname))),
						pstrdup("it was added after ec_expand, and is dropped with the table"),
						NULL);
	}
}

List *
ec_lacks(const EcChange *change)
{
	EcLackSearch search = {.lacks = NIL};

	if (ec_shapes_open(change, &search.shapes))
	{
		int guc_level = ec_pin_text();

		find_added_columns(&search);
		ec_find_lacking_indexes(&search);
		ec_find_lacking_defaults(&search);
		ec_find_lacking_sequences(&search);
		find_not_null(&search);
		AtEOXact_GUC(false, guc_level);
	}
	ec_shapes_close(&search.shapes);
	return search.lacks;
}
