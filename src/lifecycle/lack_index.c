/*
 * lack_index.c
 *		Primary keys, unique indexes and replica identities that the old shape of a
 *		change has and the new one lacks.
 *
 * An index of the new shape stands for one of the old if it is unique over some
 * of the columns that take the place of the old index's columns, since it then
 * allows no row that the old one would refuse.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/relcache.h"

#include "core/index_parts.h"
#include "core/catalog.h"
#include "lifecycle/lack_search.h"

static char *
goes_with(const EcShapes *shapes, Bitmapset *columns)
{
	Bitmapset *going = bms_intersect(columns, shapes->going);

	return psprintf("is dropped with column%s %s",
					bms_membership(going) == BMS_MULTIPLE ? "s" : "",
					ec_quoted_columns(shapes->old_table, going));
}

static bool
is_partitioned(Relation table)
{
	return table->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
}

static char *
make_all_not_null(EcLackSearch *search, Bitmapset *columns)
{
	char *sql = "";
	int attnum = -1;

	while ((attnum = bms_next_member(columns, attnum)) >= 0)
		sql = ec_append_sql(sql, ec_make_not_null(search, attnum));
	return sql;
}

/* The columns that an index uses. */
typedef struct IndexColumns
{
	Bitmapset *all; /* included ones too: dropping any of them drops the index */
	Bitmapset *keys; /* of the key, its expressions and the predicate */
	bool is_plain;   /* neither expressions nor a predicate */
} IndexColumns;

static IndexColumns
columns_of(Relation index)
{
	Form_pg_index form = index->rd_index;
	List *expressions = ec_index_expressions(index);
	List *predicate = ec_index_predicate(index);
	IndexColumns columns = {0};

	columns.keys = bms_union(ec_columns_read((Node *) expressions),
							 ec_columns_read((Node *) predicate));
	for (int i = 0; i < form->indnkeyatts; i++)
		if (form->indkey.values[i] > 0)
			columns.keys = bms_add_member(columns.keys, form->indkey.values[i]);
	columns.all = bms_copy(columns.keys);
	for (int i = form->indnkeyatts; i < form->indnatts; i++)
		columns.all = bms_add_member(columns.all, form->indkey.values[i]);
	columns.is_plain = expressions == NIL && predicate == NIL;
	return columns;
}

/* True if the index is dropped with a column of the old shape. */
static bool
index_goes(const EcShapes *shapes, Relation table, const IndexColumns *columns)
{
	int attnum = -1;

	/* A partition may have other attribute numbers. */
	while ((attnum = bms_next_member(columns->all, attnum)) >= 0)
	{
		const char *name = get_attname(RelationGetRelid(table), attnum, false);

		if (bms_is_member(table == shapes->old_table
							  ? attnum
							  : get_attnum(RelationGetRelid(shapes->old_table), name),
						  shapes->going))
			return true;
	}
	return false;
}

static Bitmapset *
successors_of_all(const EcShapes *shapes, Bitmapset *columns)
{
	Bitmapset *result = NULL;
	int attnum = -1;

	while ((attnum = bms_next_member(columns, attnum)) >= 0)
		result = bms_add_members(result, ec_successors(shapes, attnum));
	return result;
}

static bool
all_not_null(const EcLackSearch *search, Bitmapset *columns)
{
	int attnum = -1;

	while ((attnum = bms_next_member(columns, attnum)) >= 0)
		if (!ec_new_column(search, attnum)->attnotnull)
			return false;
	return true;
}

/*
 * True if an index of the new table refuses all rows that the old index would
 * refuse; successors are the columns that take the place of the old index's.
 */
static bool
is_as_strict(const EcLackSearch *search, Relation index, Relation old,
			 Bitmapset *successors)
{
	IndexColumns columns = columns_of(index);

	if (!index->rd_index->indisunique || !index->rd_index->indisvalid ||
		bms_is_empty(columns.keys) || !bms_is_subset(columns.keys, successors))
		return false;
	if (ec_index_predicate(index) != NIL && ec_index_predicate(old) == NIL)
		return false;
	return !old->rd_index->indnullsnotdistinct ||
		   index->rd_index->indnullsnotdistinct ||
		   all_not_null(search, columns.keys);
}

/*
 * Returns the first index of the new table that stays and is as strict as the old
 * one.  With "exactly", it is over just these columns and can become the index of
 * a primary key.
 */
static Oid
find_index(const EcLackSearch *search, Relation old, Bitmapset *successors,
		   bool exactly)
{
	const EcShapes *shapes = &search->shapes;
	Oid found = InvalidOid;
	ListCell *cell;

	foreach (cell, RelationGetIndexList(shapes->new_table))
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);
		IndexColumns columns = columns_of(index);
		bool fits = is_as_strict(search, index, old, successors) &&
					(shapes->old_table != shapes->new_table ||
					 !index_goes(shapes, shapes->new_table, &columns));

		if (exactly)
			fits = fits && columns.is_plain && index->rd_index->indimmediate &&
				   bms_equal(columns.all, successors);
		index_close(index, NoLock);
		if (fits)
		{
			found = lfirst_oid(cell);
			break;
		}
	}
	return found;
}

/* CREATE UNIQUE INDEX; "behind" is what follows the list of columns. */
static char *
create_index(EcLackSearch *search, const char *name, const char *columns,
			 const char *behind)
{
	return psprintf("CREATE UNIQUE INDEX %s%s ON %s (%s)%s;",
					is_partitioned(search->shapes.new_table) ? "" : "CONCURRENTLY ",
					quote_identifier(name), ec_new_table_name(search), columns,
					behind);
}

/*
 * Returns the columns of the new table that take the place of the key columns of
 * an old index, in its order, as SQL, and sets *columns to them.  NULL if they
 * cannot be derived from the mapping.
 */
static char *
successors_of_index(const EcLackSearch *search, Relation old, Bitmapset **columns)
{
	const EcShapes *shapes = &search->shapes;
	List *expressions = ec_index_expressions(old);
	ListCell *expression = list_head(expressions);
	StringInfoData text;

	initStringInfo(&text);
	*columns = NULL;
	for (int i = 0; i < old->rd_index->indnkeyatts; i++)
	{
		AttrNumber attnum = old->rd_index->indkey.values[i];
		Bitmapset *places = attnum > 0 ? ec_places_of(shapes, attnum) : NULL;
		int place = -1;

		if (attnum == 0)
		{
			Node *over_new = ec_over_new_columns(shapes, lfirst(expression));

			expression = lnext(expressions, expression);
			if (over_new == NULL)
				return NULL;
			appendStringInfo(&text, "%s(%s)", text.len > 0 ? ", " : "",
							 ec_deparse_over_new(search, over_new));
			continue;
		}
		if (bms_is_empty(places))
			return NULL;
		while ((place = bms_next_member(places, place)) >= 0)
		{
			if (bms_is_member(place, *columns))
				continue;
			appendStringInfo(&text, "%s%s", text.len > 0 ? ", " : "",
							 ec_quoted_column(shapes->new_table, place));
			*columns = bms_add_member(*columns, place);
		}
	}
	return text.len > 0 ? text.data : NULL;
}

/* True if each of the columns has a successor. */
static bool
all_have_successors(const EcShapes *shapes, Bitmapset *columns)
{
	int attnum = -1;

	while ((attnum = bms_next_member(columns, attnum)) >= 0)
		if (bms_is_empty(ec_successors(shapes, attnum)))
			return false;
	return true;
}

/*
 * Returns what follows the list of columns, " NULLS NOT DISTINCT WHERE ...", or
 * NULL if it cannot be derived from the mapping.
 */
static char *
behind_columns(const EcLackSearch *search, Relation old)
{
	List *predicate = ec_index_predicate(old);
	char *nulls = old->rd_index->indnullsnotdistinct ? " NULLS NOT DISTINCT" : "";
	Node *over_new;

	if (predicate == NIL)
		return nulls;
	over_new = ec_over_new_columns(&search->shapes,
								   (Node *) make_ands_explicit(predicate));
	return over_new == NULL ? NULL
							: psprintf("%s WHERE %s", nulls,
									   ec_deparse_over_new(search, over_new));
}

static char *
label_of(const EcLackSearch *search, Bitmapset *columns)
{
	return bms_is_empty(columns)
			   ? NULL
			   : get_attname(RelationGetRelid(search->shapes.new_table),
							 bms_next_member(columns, -1), false);
}

/*
 * Returns the statements that create a unique index over NOT NULL columns unless
 * there is one; sets *name to the index.
 */
static char *
give_index_for_key(EcLackSearch *search, Relation old, bool for_constraint,
				   char **name)
{
	Bitmapset *columns;
	char *text = successors_of_index(search, old, &columns);
	char *sql;
	Oid index;

	if (text == NULL || bms_is_empty(columns))
		return NULL;
	sql = make_all_not_null(search, columns);
	index = find_index(search, old, columns, true);
	if (OidIsValid(index) &&
		(!for_constraint || !OidIsValid(get_index_constraint(index))))
	{
		*name = get_rel_name(index);
		return sql;
	}
	*name = ec_free_name(search, search->shapes.new_table,
						 label_of(search, columns), "key");
	return ec_append_sql(sql, create_index(search, *name, text, ""));
}

static char *
give_primary_key(EcLackSearch *search, Relation old)
{
	const EcShapes *shapes = &search->shapes;
	bool is_same = shapes->old_table == shapes->new_table;
	char *constraint =
		is_same ? RelationGetRelationName(old)
				: ec_free_name(search, shapes->new_table, NULL, "pkey");
	const char *name = quote_identifier(constraint);
	char *head =
		psprintf("ALTER TABLE %s %sADD CONSTRAINT %s PRIMARY KEY",
				 ec_new_table_name(search),
				 is_same ? psprintf("DROP CONSTRAINT %s, ", name) : "", name);
	char *sql;
	char *index;

	if (is_partitioned(shapes->new_table))
	{
		Bitmapset *columns;
		char *text = successors_of_index(search, old, &columns);

		if (text == NULL)
			return NULL;
		return ec_append_sql(make_all_not_null(search, columns),
							 psprintf("%s (%s);", head, text));
	}
	sql = give_index_for_key(search, old, true, &index);
	if (sql == NULL)
		return NULL;
	return ec_append_sql(sql, psprintf("%s USING INDEX %s;", head,
									   quote_identifier(index)));
}

static void
look_at_primary_key(EcLackSearch *search, Relation old, const IndexColumns *columns)
{
	const EcShapes *shapes = &search->shapes;

	if (shapes->old_table != shapes->new_table && search->has_key)
		return;
	ec_add_lack(search,
				psprintf("primary key %s",
						 quote_identifier(RelationGetRelationName(old))),
				goes_with(shapes, columns->all), give_primary_key(search, old));
}

static void
look_at_unique_index(EcLackSearch *search, Relation old, const IndexColumns *columns)
{
	const EcShapes *shapes = &search->shapes;
	Bitmapset *successors;
	char *text;
	char *behind;
	char *sql = NULL;

	/* Without a successor of each column, no index could take its place. */
	if (!all_have_successors(shapes, columns->keys) ||
		OidIsValid(find_index(search, old,
							  successors_of_all(shapes, columns->keys), false)))
		return;
	text = successors_of_index(search, old, &successors);
	behind = behind_columns(search, old);
	if (text != NULL && behind != NULL)
		sql = create_index(search,
						   ec_free_name(search, shapes->new_table,
										label_of(search, successors), "key"),
						   text, behind);
	ec_add_lack(search,
				psprintf("unique index %s",
						 quote_identifier(RelationGetRelationName(old))),
				goes_with(shapes, columns->all), sql);
}

/* The index that is the table's replica identity, or InvalidOid. */
static Oid
replica_index(Relation table)
{
	Oid found = InvalidOid;
	ListCell *cell;

	if (table->rd_rel->relreplident != REPLICA_IDENTITY_INDEX)
		return InvalidOid;
	foreach (cell, RelationGetIndexList(table))
		if (get_index_isreplident(lfirst_oid(cell)))
			found = lfirst_oid(cell);
	return found;
}

/* The table stays; the old index is its replica identity. */
static void
look_at_replica_index(EcLackSearch *search, Relation table, Relation old)
{
	const EcShapes *shapes = &search->shapes;
	IndexColumns columns = columns_of(old);
	const char *name = ec_relation_name(RelationGetRelid(table));
	char *sql = NULL;
	char *index;

	if (!index_goes(shapes, table, &columns))
		return;
	if (shapes->old_table != shapes->new_table)
		sql = psprintf("ALTER TABLE %s REPLICA IDENTITY FULL;", name);
	else if (old->rd_index->indisprimary)
		sql = psprintf("ALTER TABLE %s REPLICA IDENTITY USING INDEX %s;", name,
					   quote_identifier(RelationGetRelationName(old)));
	else if (table == shapes->old_table && !is_partitioned(table))
	{
		sql = give_index_for_key(search, old, false, &index);
		if (sql != NULL)
			sql = ec_append_sql(sql, psprintf("ALTER TABLE %s REPLICA IDENTITY USING INDEX %s;",
											  name, quote_identifier(index)));
	}
	else
		sql = psprintf("ALTER TABLE %s REPLICA IDENTITY FULL;", name);
	ec_add_lack(search,
				psprintf("replica identity %s of table %s",
						 quote_identifier(RelationGetRelationName(old)), name),
				table == shapes->old_table ? goes_with(shapes, columns.all)
										   : pstrdup("is dropped with its columns"),
				sql);
}

/*
 * True if the table has a replica identity, so that logical replication can
 * apply its UPDATE and DELETE.
 */
static bool
has_identity(Relation table, bool has_key)
{
	switch (table->rd_rel->relreplident)
	{
		case REPLICA_IDENTITY_FULL:
			return true;
		case REPLICA_IDENTITY_INDEX:
			return OidIsValid(replica_index(table));
		case REPLICA_IDENTITY_DEFAULT:
			return has_key;
		default:
			return false;
	}
}

static bool
has_primary_key(Relation table)
{
	bool found = false;
	ListCell *cell;

	foreach (cell, RelationGetIndexList(table))
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);

		found |= index->rd_index->indisprimary && index->rd_index->indisvalid;
		index_close(index, NoLock);
	}
	return found;
}

static void
find_identity(EcLackSearch *search)
{
	const EcShapes *shapes = &search->shapes;
	Relation table = shapes->old_table;
	ListCell *cell;

	if (shapes->change->whole_table)
	{
		/* A missing primary key has been reported already. */
		if (has_identity(table, false) && !has_identity(shapes->new_table, true))
			ec_add_lack(search,
						psprintf("replica identity of table %s",
								 ec_relation_name(RelationGetRelid(table))),
						pstrdup("is dropped with the table"),
						psprintf("ALTER TABLE %s REPLICA IDENTITY %s;",
								 ec_new_table_name(search),
								 search->has_key ? "DEFAULT" : "FULL"));
		return;
	}
	foreach (cell,
			 find_all_inheritors(RelationGetRelid(table), AccessShareLock, NULL))
	{
		Relation member = lfirst_oid(cell) == RelationGetRelid(table)
							  ? table
							  : relation_open(lfirst_oid(cell), NoLock);
		Oid oid = replica_index(member);

		if (OidIsValid(oid))
		{
			Relation index = index_open(oid, AccessShareLock);

			look_at_replica_index(search, member, index);
			index_close(index, NoLock);
		}
		if (member != table)
			relation_close(member, NoLock);
	}
}

static void
find_unique_indexes(EcLackSearch *search, bool primary)
{
	const EcShapes *shapes = &search->shapes;
	Relation table = shapes->old_table;
	ListCell *cell;

	foreach (cell, RelationGetIndexList(table))
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);
		IndexColumns columns = columns_of(index);

		if (index->rd_index->indisunique && index->rd_index->indisvalid &&
			index->rd_index->indisprimary == primary &&
			index_goes(shapes, table, &columns))
		{
			if (primary)
				look_at_primary_key(search, index, &columns);
			else if (lfirst_oid(cell) != replica_index(table) ||
					 table != shapes->new_table)
				look_at_unique_index(search, index, &columns);
		}
		index_close(index, NoLock);
	}
}

void
ec_find_lacking_indexes(EcLackSearch *search)
{
	search->has_key = has_primary_key(search->shapes.new_table);
	find_unique_indexes(search, true);
	find_unique_indexes(search, false);
	find_identity(search);
}
