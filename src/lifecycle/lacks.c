/*
 * lacks.c
 *		What the old shape of a change has and the new one lacks.
 *
 * A unique index has its counterpart in one that is as strict: its columns are
 * some of those that take the place of the old one's.  A default has it in any
 * default of the new column, and NOT NULL in that of one of the new columns.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/sequence.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/relcache.h"
#include "utils/ruleutils.h"

#include "core/catalog.h"
#include "core/pinned.h"
#include "core/query.h"
#include "lifecycle/lacks.h"
#include "lifecycle/shapes.h"

typedef struct Search
{
	EcShapes shapes;
	List *lacks;
	List *names;         /* that the statements give, of char * */
	Bitmapset *not_null; /* new columns that the statements make NOT NULL */
	bool has_key;        /* the new table has a primary key */
} Search;

static void
add(Search *search, char *what, char *because, char *statements)
{
	EcLack *lack = palloc(sizeof(EcLack));

	lack->what = what;
	lack->because = because;
	lack->statements =
		statements == NULL || statements[0] == '\0' ? NULL : statements;
	search->lacks = lappend(search->lacks, lack);
}

static const char *
column_name(Relation table, AttrNumber attnum)
{
	return quote_identifier(get_attname(RelationGetRelid(table), attnum, false));
}

static char *
columns_text(Relation table, Bitmapset *columns)
{
	StringInfoData text;
	int attnum = -1;

	initStringInfo(&text);
	while ((attnum = bms_next_member(columns, attnum)) >= 0)
		appendStringInfo(&text, "%s%s", text.len > 0 ? ", " : "",
						 column_name(table, attnum));
	return text.data;
}

static char *
goes_with(const EcShapes *shapes, Bitmapset *columns)
{
	Bitmapset *going = bms_intersect(columns, shapes->going);

	return psprintf("goes with column%s %s",
					bms_membership(going) == BMS_MULTIPLE ? "s" : "",
					columns_text(shapes->old_table, going));
}

static char *
new_table(const Search *search)
{
	return ec_relation_name(RelationGetRelid(search->shapes.new_table));
}

static Form_pg_attribute
new_column(const Search *search, AttrNumber attnum)
{
	return TupleDescAttr(RelationGetDescr(search->shapes.new_table), attnum - 1);
}

/* A name for an index or a constraint of the new table, which nothing has yet. */
static char *
free_name(Search *search, Relation table, const char *column, const char *label)
{
	Oid schema = RelationGetNamespace(table);
	char *name = NULL;

	for (int i = 0; name == NULL; i++)
	{
		ListCell *cell;

		name = makeObjectName(RelationGetRelationName(table), column,
							  i == 0 ? label : psprintf("%s%d", label, i));
		if (OidIsValid(get_relname_relid(name, schema)) ||
			ConstraintNameExists(name, schema))
			name = NULL;
		foreach (cell, search->names)
			if (name != NULL && strcmp(name, lfirst(cell)) == 0)
				name = NULL;
	}
	search->names = lappend(search->names, name);
	return name;
}

/* What an index has to do with columns. */
typedef struct IndexColumns
{
	Bitmapset *all;  /* included ones too: the index goes with each of them */
	Bitmapset *keys; /* those that make it unique, and those of its predicate */
	bool is_plain;   /* neither expressions nor a predicate */
} IndexColumns;

static IndexColumns
columns_of(Relation index)
{
	Form_pg_index form = index->rd_index;
	List *expressions = RelationGetIndexExpressions(index);
	List *predicate = RelationGetIndexPredicate(index);
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

/* Does an index of the old table go? */
static bool
index_goes(const EcShapes *shapes, Relation table, const IndexColumns *columns)
{
	int attnum = -1;

	/* a partition may have other numbers */
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
all_not_null(const Search *search, Bitmapset *columns)
{
	int attnum = -1;

	while ((attnum = bms_next_member(columns, attnum)) >= 0)
		if (!new_column(search, attnum)->attnotnull)
			return false;
	return true;
}

/* Is an index of the new table as strict as one of the old that has those columns? */
static bool
is_as_strict(const Search *search, Relation index, Relation old, Bitmapset *successors)
{
	IndexColumns columns = columns_of(index);

	if (!index->rd_index->indisunique || !index->rd_index->indisvalid ||
		bms_is_empty(columns.keys) || !bms_is_subset(columns.keys, successors))
		return false;
	if (RelationGetIndexPredicate(index) != NIL &&
		RelationGetIndexPredicate(old) == NIL)
		return false;
	return !old->rd_index->indnullsnotdistinct ||
		   index->rd_index->indnullsnotdistinct ||
		   all_not_null(search, columns.keys);
}

/*
 * The first index of the new table that stays and is as strict; exactly: over
 * these columns and good for a key.
 */
static Oid
find_index(const Search *search, Relation old, Bitmapset *successors, bool exactly)
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

static char *
make_not_null(Search *search, AttrNumber attnum)
{
	const char *column = column_name(search->shapes.new_table, attnum);
	char *table = new_table(search);
	const char *check;

	if (new_column(search, attnum)->attnotnull ||
		bms_is_member(attnum, search->not_null))
		return "";
	search->not_null = bms_add_member(search->not_null, attnum);
	check = quote_identifier(
		free_name(search, search->shapes.new_table,
				  NameStr(new_column(search, attnum)->attname), "not_null"));
	return psprintf("ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s IS NOT NULL) NOT VALID; "
					"ALTER TABLE %s VALIDATE CONSTRAINT %s; "
					"ALTER TABLE %s ALTER COLUMN %s SET NOT NULL; "
					"ALTER TABLE %s DROP CONSTRAINT %s;",
					table, check, column, table, check, table, column, table,
					check);
}

static char *
append_sql(char *sql, const char *more)
{
	return sql[0] == '\0' || more[0] == '\0' ? psprintf("%s%s", sql, more)
											 : psprintf("%s %s", sql, more);
}

static char *
make_all_not_null(Search *search, Bitmapset *columns)
{
	char *sql = "";
	int attnum = -1;

	while ((attnum = bms_next_member(columns, attnum)) >= 0)
		sql = append_sql(sql, make_not_null(search, attnum));
	return sql;
}

static bool
is_partitioned(Relation table)
{
	return table->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
}

/* What is behind the parentheses that name columns, for an index of the new table. */
static char *
create_index(Search *search, const char *name, const char *columns, const char *behind)
{
	return psprintf("CREATE UNIQUE INDEX %s%s ON %s (%s)%s;",
					is_partitioned(search->shapes.new_table) ? "" : "CONCURRENTLY ",
					quote_identifier(name), new_table(search), columns, behind);
}

static char *
deparse_new(const Search *search, Node *expression)
{
	Relation table = search->shapes.new_table;

	return deparse_expression(expression,
							  deparse_context_for(RelationGetRelationName(table),
												  RelationGetRelid(table)),
							  false, false);
}

/*
 * The columns of the new table that make a row unique where those of an old
 * index do, in its order, as text and as a set; NULL if that cannot be told.
 */
static char *
successors_of_index(const Search *search, Relation old, Bitmapset **columns)
{
	const EcShapes *shapes = &search->shapes;
	List *expressions = RelationGetIndexExpressions(old);
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
							 deparse_new(search, over_new));
			continue;
		}
		if (bms_is_empty(places))
			return NULL;
		while ((place = bms_next_member(places, place)) >= 0)
		{
			if (bms_is_member(place, *columns))
				continue;
			appendStringInfo(&text, "%s%s", text.len > 0 ? ", " : "",
							 column_name(shapes->new_table, place));
			*columns = bms_add_member(*columns, place);
		}
	}
	return text.len > 0 ? text.data : NULL;
}

/* Does each column of an index have a successor? */
static bool
all_have_successors(const EcShapes *shapes, Bitmapset *columns)
{
	int attnum = -1;

	while ((attnum = bms_next_member(columns, attnum)) >= 0)
		if (bms_is_empty(ec_successors(shapes, attnum)))
			return false;
	return true;
}

/* " NULLS NOT DISTINCT WHERE …", or NULL if that cannot be told */
static char *
behind_columns(const Search *search, Relation old)
{
	List *predicate = RelationGetIndexPredicate(old);
	char *nulls = old->rd_index->indnullsnotdistinct ? " NULLS NOT DISTINCT" : "";
	Node *over_new;

	if (predicate == NIL)
		return nulls;
	over_new = ec_over_new_columns(&search->shapes,
								   (Node *) make_ands_explicit(predicate));
	return over_new == NULL
			   ? NULL
			   : psprintf("%s WHERE %s", nulls, deparse_new(search, over_new));
}

static char *
label_of(const Search *search, Bitmapset *columns)
{
	return bms_is_empty(columns)
			   ? NULL
			   : get_attname(RelationGetRelid(search->shapes.new_table),
							 bms_next_member(columns, -1), false);
}

/*
 * What makes sure that there is an index for a key, and that its columns are NOT
 * NULL; *name is the index.
 */
static char *
give_index_for_key(Search *search, Relation old, bool for_constraint, char **name)
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
	*name = free_name(search, search->shapes.new_table,
					  label_of(search, columns), "key");
	return append_sql(sql, create_index(search, *name, text, ""));
}

static char *
give_primary_key(Search *search, Relation old)
{
	const EcShapes *shapes = &search->shapes;
	bool is_same = shapes->old_table == shapes->new_table;
	char *constraint = is_same
						   ? RelationGetRelationName(old)
						   : free_name(search, shapes->new_table, NULL, "pkey");
	const char *name = quote_identifier(constraint);
	char *head =
		psprintf("ALTER TABLE %s %sADD CONSTRAINT %s PRIMARY KEY",
				 new_table(search),
				 is_same ? psprintf("DROP CONSTRAINT %s, ", name) : "", name);
	char *sql;
	char *index;

	if (is_partitioned(shapes->new_table))
	{
		Bitmapset *columns;
		char *text = successors_of_index(search, old, &columns);

		if (text == NULL)
			return NULL;
		return append_sql(make_all_not_null(search, columns),
						  psprintf("%s (%s);", head, text));
	}
	sql = give_index_for_key(search, old, true, &index);
	if (sql == NULL)
		return NULL;
	return append_sql(sql, psprintf("%s USING INDEX %s;", head,
									quote_identifier(index)));
}

static void
look_at_primary_key(Search *search, Relation old, const IndexColumns *columns)
{
	const EcShapes *shapes = &search->shapes;

	if (shapes->old_table != shapes->new_table && search->has_key)
		return;
	add(search,
		psprintf("primary key %s", quote_identifier(RelationGetRelationName(old))),
		goes_with(shapes, columns->all), give_primary_key(search, old));
}

static void
look_at_unique_index(Search *search, Relation old, const IndexColumns *columns)
{
	const EcShapes *shapes = &search->shapes;
	Bitmapset *successors;
	char *text;
	char *behind;
	char *sql = NULL;

	/* without a successor of each there is nothing that could be unique */
	if (!all_have_successors(shapes, columns->keys) ||
		OidIsValid(find_index(search, old,
							  successors_of_all(shapes, columns->keys), false)))
		return;
	text = successors_of_index(search, old, &successors);
	behind = behind_columns(search, old);
	if (text != NULL && behind != NULL)
		sql = create_index(search,
						   free_name(search, shapes->new_table,
									 label_of(search, successors), "key"),
						   text, behind);
	add(search,
		psprintf("unique index %s", quote_identifier(RelationGetRelationName(old))),
		goes_with(shapes, columns->all), sql);
}

/* The index that stands for the rows of a published table, or 0. */
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

/* A table that stays, and the index that its rows are published by. */
static void
look_at_replica_index(Search *search, Relation table, Relation old)
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
			sql = append_sql(sql, psprintf("ALTER TABLE %s REPLICA IDENTITY USING INDEX %s;",
										   name, quote_identifier(index)));
	}
	else
		sql = psprintf("ALTER TABLE %s REPLICA IDENTITY FULL;", name);
	add(search,
		psprintf("replica identity %s of table %s",
				 quote_identifier(RelationGetRelationName(old)), name),
		table == shapes->old_table ? goes_with(shapes, columns.all)
								   : pstrdup("goes with its columns"),
		sql);
}

/* Has a table rows that can be told apart on the other side? */
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
look_at_replica_identity(Search *search)
{
	const EcShapes *shapes = &search->shapes;
	Relation table = shapes->old_table;
	ListCell *cell;

	if (shapes->change->whole_table)
	{
		/* a primary key that is lacking is told already */
		if (has_identity(table, false) && !has_identity(shapes->new_table, true))
			add(search,
				psprintf("replica identity of table %s",
						 ec_relation_name(RelationGetRelid(table))),
				pstrdup("goes with the table"),
				psprintf("ALTER TABLE %s REPLICA IDENTITY %s;", new_table(search),
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
look_at_indexes(Search *search)
{
	Relation table = search->shapes.old_table;
	ListCell *cell;

	for (int primary = 1; primary >= 0; primary--)
		foreach (cell, RelationGetIndexList(table))
		{
			Relation index = index_open(lfirst_oid(cell), AccessShareLock);
			IndexColumns columns = columns_of(index);

			if (!index->rd_index->indisunique || !index->rd_index->indisvalid ||
				index->rd_index->indisprimary != (primary == 1) ||
				!index_goes(&search->shapes, table, &columns))
				; /* not now, or it stays */
			else if (primary == 1)
				look_at_primary_key(search, index, &columns);
			else if (lfirst_oid(cell) != replica_index(table) ||
					 search->shapes.old_table != search->shapes.new_table)
				look_at_unique_index(search, index, &columns);
			index_close(index, NoLock);
		}
}

static bool
has_default(Relation table, AttrNumber attnum)
{
	Form_pg_attribute column = TupleDescAttr(RelationGetDescr(table), attnum - 1);

	return column->attidentity != '\0' ||
		   (column->atthasdef && column->attgenerated == '\0');
}

static bool
is_integer(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

/* Where the sequence of an identity column goes on, and by how much. */
static void
read_identity(Relation table, AttrNumber attnum, int64 *next, int64 *increment)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_arg_oid(&args, RelationGetRelid(table));
	ec_arg_int4(&args, attnum);
	ec_catalog_begin(&scope);
	ec_query("SELECT coalesce(pg_sequence_last_value(s.seqrelid) + s.seqincrement, s.seqstart), s.seqincrement"
			 "  FROM pg_depend d JOIN pg_sequence s ON s.seqrelid = d.objid"
			 " WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass"
			 "   AND d.refobjid = $1 AND d.refobjsubid = $2 AND d.deptype = 'i'",
			 &args);
	*next = ec_get_int8(0, 1, 1);
	*increment = ec_get_int8(0, 2, 1);
	ec_catalog_end(&scope);
}

/* "ALTER SEQUENCE … OWNED BY the new column", for those of an old column. */
static char *
give_sequences(Search *search, AttrNumber from, AttrNumber to)
{
	const EcShapes *shapes = &search->shapes;
	char *sql = "";
	EcCatalogScope scope;
	EcArgs args = {0};
	MemoryContext memory = CurrentMemoryContext;
	uint64 count;

	ec_arg_oid(&args, RelationGetRelid(shapes->old_table));
	ec_arg_int4(&args, from);
	ec_arg_oid(&args, RelationGetRelid(shapes->new_table));
	ec_catalog_begin(&scope);
	count =
		ec_query("SELECT s.oid, s.relnamespace = t.relnamespace AND s.relowner = t.relowner"
				 "  FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'"
				 "  JOIN pg_class t ON t.oid = $3"
				 " WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass"
				 "   AND d.refobjid = $1 AND d.refobjsubid = $2 AND d.deptype = 'a'"
				 " ORDER BY 1",
				 &args);
	for (uint64 row = 0; row < count; row++)
	{
		Oid sequence = ec_get_oid(row, 1);
		bool can_own = ec_get_bool(row, 2, false);
		MemoryContext caller = MemoryContextSwitchTo(memory);

		sql = append_sql(sql,
						 psprintf("ALTER SEQUENCE %s OWNED BY %s;",
								  ec_relation_name(sequence),
								  can_own
									  ? psprintf("%s.%s", new_table(search),
												 column_name(shapes->new_table, to))
									  : "NONE"));
		MemoryContextSwitchTo(caller);
	}
	ec_catalog_end(&scope);
	return sql;
}

/* The identity column that gives the new column nothing but its number, or 0. */
static AttrNumber
plain_identity(const Search *search, const EcMapped *mapped)
{
	AttrNumber column = ec_plain_column(mapped->expression);

	if (column != InvalidAttrNumber &&
		is_integer(new_column(search, mapped->attnum)->atttypid) &&
		TupleDescAttr(RelationGetDescr(search->shapes.old_table), column - 1)->attidentity)
		return column;
	return InvalidAttrNumber;
}

static char *
replace_all(const char *subject, const char *what, const char *by)
{
	return TextDatumGetCString(
		DirectFunctionCall3Coll(replace_text, C_COLLATION_OID,
								CStringGetTextDatum(subject),
								CStringGetTextDatum(what), CStringGetTextDatum(by)));
}

/* A default that is what forward gives of those of the old columns. */
static char *
give_default(Search *search, const EcMapped *mapped, Bitmapset *with_default)
{
	const EcShapes *shapes = &search->shapes;
	const char *column = column_name(shapes->new_table, mapped->attnum);
	AttrNumber identity = plain_identity(search, mapped);
	char *expression;
	char *number = psprintf("$%d", EC_DRAWN_NUMBER);
	char *before = "";
	char *behind = "";
	int attnum = -1;
	int64 next;
	int64 increment;

	if (identity != InvalidAttrNumber)
	{
		read_identity(shapes->old_table, identity, &next, &increment);
		return append_sql(make_not_null(search, mapped->attnum),
						  psprintf("ALTER TABLE %s ALTER COLUMN %s ADD GENERATED BY DEFAULT AS IDENTITY"
								   " (START WITH " INT64_FORMAT
								   " INCREMENT BY " INT64_FORMAT ");",
								   new_table(search), column, next, increment));
	}
	expression = deparse_new(search, strip_implicit_coercions(
										 ec_default_by_forward(shapes, mapped)));
	while ((attnum = bms_next_member(with_default, attnum)) >= 0)
	{
		if (TupleDescAttr(RelationGetDescr(shapes->old_table), attnum - 1)->attidentity &&
			strstr(expression, number) != NULL)
		{
			char *sequence =
				quote_qualified_identifier(get_namespace_name(RelationGetNamespace(
											   shapes->new_table)),
										   free_name(search, shapes->new_table,
													 NameStr(new_column(search,
																		mapped->attnum)
																 ->attname),
													 "seq"));

			read_identity(shapes->old_table, attnum, &next, &increment);
			before = psprintf("CREATE SEQUENCE %s START WITH " INT64_FORMAT
							  " INCREMENT BY " INT64_FORMAT " OWNED BY %s.%s;",
							  sequence, next, increment, new_table(search), column);
			expression = replace_all(expression, number,
									 psprintf("pg_catalog.nextval(%s)",
											  quote_literal_cstr(sequence)));
		}
		behind =
			append_sql(behind, give_sequences(search, attnum, mapped->attnum));
	}
	return append_sql(append_sql(before,
								 psprintf("ALTER TABLE %s ALTER COLUMN %s SET DEFAULT %s;",
										  new_table(search), column, expression)),
					  behind);
}

static void
look_at_defaults(Search *search)
{
	const EcShapes *shapes = &search->shapes;
	ListCell *cell;

	foreach (cell, shapes->forward)
	{
		EcMapped *mapped = lfirst(cell);
		Bitmapset *with_default = NULL;
		int attnum = -1;

		while ((attnum = bms_next_member(mapped->reads, attnum)) >= 0)
			if (bms_is_member(attnum, shapes->going) &&
				has_default(shapes->old_table, attnum))
				with_default = bms_add_member(with_default, attnum);
		if (bms_is_empty(with_default) ||
			has_default(shapes->new_table, mapped->attnum))
			continue;
		add(search,
			psprintf("default of column %s",
					 columns_text(shapes->old_table, with_default)),
			psprintf("column %s of table %s has none",
					 column_name(shapes->new_table, mapped->attnum),
					 new_table(search)),
			give_default(search, mapped, with_default));
	}
}

/* A sequence that goes with an old column, while others draw from it. */
static void
look_at_sequences(Search *search)
{
	const EcShapes *shapes = &search->shapes;
	int attnum = -1;

	while ((attnum = bms_next_member(shapes->going, attnum)) >= 0)
	{
		AttrNumber successor = ec_successor(shapes, attnum);
		EcCatalogScope scope;
		EcArgs args = {0};
		bool is_used;

		if (successor == InvalidAttrNumber ||
			!has_default(shapes->new_table, successor))
			continue;
		ec_arg_oid(&args, RelationGetRelid(shapes->old_table));
		ec_arg_int4(&args, attnum);
		ec_arg_oid(&args, RelationGetRelid(shapes->new_table));
		ec_arg_int4(&args, successor);
		ec_catalog_begin(&scope);
		is_used =
			ec_query("SELECT FROM pg_depend d"
					 "  JOIN pg_depend u ON u.refclassid = 'pg_class'::regclass AND u.refobjid = d.objid"
					 "   AND u.classid = 'pg_attrdef'::regclass"
					 "  JOIN pg_attrdef f ON f.oid = u.objid AND f.adrelid = $3 AND f.adnum = $4"
					 " WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass"
					 "   AND d.refobjid = $1 AND d.refobjsubid = $2 AND d.deptype = 'a'",
					 &args) > 0;
		ec_catalog_end(&scope);
		if (is_used)
			add(search,
				psprintf("sequence of column %s",
						 column_name(shapes->old_table, attnum)),
				psprintf("column %s of table %s draws from it",
						 column_name(shapes->new_table, successor),
						 new_table(search)),
				give_sequences(search, attnum, successor));
	}
}

static void
look_at_not_null(Search *search)
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
			is_kept |= new_column(search, other)->attnotnull ||
					   bms_is_member(other, search->not_null);
		if (!column->attnotnull || is_kept || successor == InvalidAttrNumber)
			continue;
		add(search,
			psprintf("NOT NULL of column %s", column_name(shapes->old_table, attnum)),
			psprintf("column %s of table %s may be NULL",
					 column_name(shapes->new_table, successor), new_table(search)),
			make_not_null(search, successor));
	}
}

/* What came to the table since ec_expand, and is nowhere else. */
static void
look_at_added_columns(Search *search)
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
			add(search,
				psprintf("column %s", quote_identifier(NameStr(column->attname))),
				pstrdup("ec_expand has not seen it, and the table goes"), NULL);
	}
}

List *
ec_lacks(const EcChange *change)
{
	Search search = {.lacks = NIL};
	if (ec_shapes_open(change, &search.shapes))
	{
		int guc_level = ec_pin_text();

		search.has_key = has_primary_key(search.shapes.new_table);
		look_at_added_columns(&search);
		look_at_indexes(&search);
		look_at_replica_identity(&search);
		look_at_defaults(&search);
		look_at_sequences(&search);
		look_at_not_null(&search);
		AtEOXact_GUC(false, guc_level);
	}
	ec_shapes_close(&search.shapes);
	return search.lacks;
}
