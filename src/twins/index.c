/*
 * index.c
 *		Indexes, and the constraints that are made of them.
 *
 *		the table's own                 its twin
 *		--------------------------      ---------------------------------------
 *		PRIMARY KEY                     a unique index, which becomes the key
 *		                                in the swap
 *		UNIQUE                          the same constraint
 *		any other                       an index of the same definition
 *
 * After the swap the indexes of the column that has lost its name stay, so
 * that the way back has them, but for the primary key's, which the server
 * drops, and those that could fail an application's write: values that the old
 * type cannot hold are NULL there, and several NULLs may not be unique.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_opclass.h"
#include "commands/comment.h"
#include "commands/defrem.h"
#include "commands/tablespace.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

#include "core/catalog.h"
#include "core/query.h"
#include "twins/translate.h"
#include "twins/twin_kind.h"

/* an index of the table */
typedef struct TableIndex
{
	Oid oid;
	char *name;
	Form_pg_index form;
	HeapTuple tuple;
	List *expressions; /* as stored */
	Node *predicate;
	Bitmapset *reads; /* the table's columns in it, from 1 */
	Oid constraint;
	char contype; /* '\0': of no constraint */
	bool deferrable;
	bool deferred;
} TableIndex;

static Node *
stored_nodes(HeapTuple tuple, AttrNumber number)
{
	bool isnull;
	Datum value = SysCacheGetAttr(INDEXRELID, tuple, number, &isnull);

	return isnull ? NULL : stringToNode(TextDatumGetCString(value));
}

static void
read_constraint(TableIndex *index)
{
	HeapTuple tuple;

	index->constraint = get_index_constraint(index->oid);
	if (!OidIsValid(index->constraint))
		return;
	tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(index->constraint));
	if (HeapTupleIsValid(tuple))
	{
		Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);

		index->contype = form->contype;
		index->deferrable = form->condeferrable;
		index->deferred = form->condeferred;
		ReleaseSysCache(tuple);
	}
}

static TableIndex *
read_index(Oid oid)
{
	HeapTuple tuple = SearchSysCacheCopy1(INDEXRELID, ObjectIdGetDatum(oid));
	TableIndex *index = palloc0(sizeof(TableIndex));

	if (!HeapTupleIsValid(tuple))
		return NULL;
	index->oid = oid;
	index->name = get_rel_name(oid);
	index->tuple = tuple;
	index->form = (Form_pg_index) GETSTRUCT(tuple);
	index->expressions = (List *) stored_nodes(tuple, Anum_pg_index_indexprs);
	index->predicate = stored_nodes(tuple, Anum_pg_index_indpred);
	for (int i = 0; i < index->form->indnatts; i++)
		if (index->form->indkey.values[i] > 0)
			index->reads =
				bms_add_member(index->reads, index->form->indkey.values[i]);
	index->reads =
		bms_add_members(index->reads, ec_twin_reads((Node *) index->expressions));
	index->reads = bms_add_members(index->reads, ec_twin_reads(index->predicate));
	read_constraint(index);
	return index->name == NULL ? NULL : index;
}

static List *
indexes_of(Oid relation)
{
	Relation table = table_open(relation, AccessShareLock);
	List *indexes = NIL;
	ListCell *cell;

	foreach (cell, RelationGetIndexList(table))
	{
		TableIndex *index = read_index(lfirst_oid(cell));

		if (index != NULL)
			indexes = lappend(indexes, index);
	}
	table_close(table, AccessShareLock);
	return indexes;
}

/* ------------------------------------------------------------ definitions */

/* The operator class that does for the new type what it does for the old. */
static Oid
counterpart(Oid opclass, Oid method, Oid old_type, Oid new_type)
{
	HeapTuple tuple;
	Form_pg_opclass form;
	EcCatalogScope scope;
	EcArgs args = {0};
	Oid family;
	Oid found = InvalidOid;

	if (old_type == new_type)
		return opclass;
	if (GetDefaultOpClass(old_type, method) == opclass)
		return GetDefaultOpClass(new_type, method);
	tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(opclass));
	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	form = (Form_pg_opclass) GETSTRUCT(tuple);
	family = form->opcfamily;
	if (IsBinaryCoercible(new_type, form->opcintype))
		found = opclass;
	ReleaseSysCache(tuple);
	if (OidIsValid(found))
		return found;
	ec_arg_oid(&args, family);
	ec_arg_oid(&args, new_type);
	ec_arg_oid(&args, opclass);
	ec_catalog_begin(&scope);
	/* of several, the one whose name differs in the type alone */
	if (ec_query("SELECT n.oid FROM pg_opclass n, pg_opclass o"
				 " WHERE n.opcfamily = $1 AND n.opcintype = $2 AND o.oid = $3"
				 " ORDER BY n.opcdefault = o.opcdefault DESC, n.opcname LIMIT 1",
				 &args) > 0)
		found = ec_get_oid(0, 1);
	ec_catalog_end(&scope);
	return found;
}

static char *
opclass_name(Oid opclass)
{
	HeapTuple tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(opclass));
	Form_pg_opclass form;
	char *name;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator class %u", opclass);
	form = (Form_pg_opclass) GETSTRUCT(tuple);
	name = quote_qualified_identifier(get_namespace_name(form->opcnamespace),
									  NameStr(form->opcname));
	ReleaseSysCache(tuple);
	return name;
}

/* "name=value" each, as (name='value', …); nothing for none. */
static void
append_options(StringInfo sql, const char *before, Datum options)
{
	Datum *values;
	int count;
	int written = 0;

	if (options == (Datum) 0)
		return;
	deconstruct_array(DatumGetArrayTypeP(options), TEXTOID, -1, false,
					  TYPALIGN_INT, &values, NULL, &count);
	for (int i = 0; i < count; i++)
	{
		char *option = TextDatumGetCString(values[i]);
		char *equals = strchr(option, '=');

		/* some builds of the server note a version there */
		if (equals == NULL || strncmp(option, "pg_", 3) == 0)
			continue;
		*equals = '\0';
		appendStringInfo(sql, "%s%s=%s", written++ == 0 ? before : ", ",
						 quote_identifier(option), quote_literal_cstr(equals + 1));
	}
	if (written > 0)
		appendStringInfoChar(sql, ')');
}

/* a column of an index, of the type that it would have */
typedef struct Key
{
	char *text;
	Oid old_type;
	Oid old_collation;
	Oid type;
	Oid collation;
} Key;

static bool
read_key(const TableIndex *index, const EcRetype *retype, int number,
		 Node *expression, Key *key, char **error)
{
	Oid relation = index->form->indrelid;
	AttrNumber attnum = index->form->indkey.values[number];
	const EcTwinPair *pair = retype == NULL ? NULL : ec_twin_pair(retype, attnum);
	EcTwinExpression result;
	int32 typmod;

	if (attnum != 0)
	{
		get_atttypetypmodcoll(relation, attnum, &key->old_type, &typmod,
							  &key->old_collation);
		if (pair != NULL)
			attnum = pair->to;
		get_atttypetypmodcoll(relation, attnum, &key->type, &typmod,
							  &key->collation);
		key->text =
			pstrdup(quote_identifier(get_attname(relation, attnum, false)));
		return true;
	}
	key->old_type = exprType(expression);
	key->old_collation = exprCollation(expression);
	result = ec_twin_translate(relation, retype, expression,
							   EXPR_KIND_INDEX_EXPRESSION);
	if (result.error != NULL)
	{
		*error = result.error;
		return false;
	}
	key->type = exprType(result.node);
	key->collation = exprCollation(result.node);
	key->text = psprintf("(%s)", result.text);
	return true;
}

static bool
append_key(StringInfo sql, const TableIndex *index, const EcRetype *retype,
		   int number, Key *key, Oid method, char **error)
{
	oidvector *classes;
	oidvector *collations;
	int2vector *options;
	bool isnull;
	Oid opclass;
	Oid collation;
	int option;
	Datum class_options = get_attoptions(index->oid, number + 1);

	classes = (oidvector *) DatumGetPointer(
		SysCacheGetAttr(INDEXRELID, index->tuple, Anum_pg_index_indclass, &isnull));
	collations = (oidvector *) DatumGetPointer(
		SysCacheGetAttr(INDEXRELID, index->tuple, Anum_pg_index_indcollation,
						&isnull));
	options = (int2vector *) DatumGetPointer(
		SysCacheGetAttr(INDEXRELID, index->tuple, Anum_pg_index_indoption, &isnull));

	opclass =
		counterpart(classes->values[number], method, key->old_type, key->type);
	if (!OidIsValid(opclass))
	{
		*error = psprintf("operator class %s has no counterpart for type %s",
						  opclass_name(classes->values[number]),
						  format_type_be(key->type));
		return false;
	}
	collation = collations->values[number];
	if (!OidIsValid(key->collation) || collation == key->old_collation)
		collation = key->collation;
	if (OidIsValid(collation))
		appendStringInfo(sql, " COLLATE %s", ec_collation_name(collation));
	appendStringInfo(sql, " %s", opclass_name(opclass));
	append_options(sql, " (", class_options);
	option = options->values[number];
	if (option & INDOPTION_DESC)
		appendStringInfoString(sql, " DESC");
	if (option & INDOPTION_NULLS_FIRST)
		appendStringInfoString(sql, option & INDOPTION_DESC ? "" : " NULLS FIRST");
	else if (option & INDOPTION_DESC)
		appendStringInfoString(sql, " NULLS LAST");
	return true;
}

/*
 * What follows the name in CREATE INDEX, with nothing left to defaults; for the
 * twin, if retype is given.  NULL with an error if the twin cannot be.
 */
static char *
describe(const TableIndex *index, const EcRetype *retype, char **error)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(index->oid));
	ListCell *expression = list_head(index->expressions);
	StringInfoData sql;
	Form_pg_class form;
	bool isnull;
	Datum options;
	Oid method;
	Oid space;

	if (!HeapTupleIsValid(tuple))
	{
		*error = "it is gone";
		return NULL;
	}
	form = (Form_pg_class) GETSTRUCT(tuple);
	method = form->relam;
	space = OidIsValid(form->reltablespace) ? form->reltablespace
											: MyDatabaseTableSpace;
	options = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_reloptions, &isnull);
	if (isnull)
		options = (Datum) 0;
	else
		options = PointerGetDatum(DatumGetArrayTypePCopy(options));
	ReleaseSysCache(tuple);

	initStringInfo(&sql);
	appendStringInfo(&sql, "USING %s (", quote_identifier(get_am_name(method)));
	for (int i = 0; i < index->form->indnatts; i++)
	{
		bool is_key = i < index->form->indnkeyatts;
		Node *node = NULL;
		Key key;

		if (index->form->indkey.values[i] == 0)
		{
			node = lfirst(expression);
			expression = lnext(index->expressions, expression);
		}
		if (i == index->form->indnkeyatts)
			appendStringInfoString(&sql, ") INCLUDE (");
		else if (i > 0)
			appendStringInfoString(&sql, ", ");
		if (!read_key(index, retype, i, node, &key, error))
			return NULL;
		appendStringInfoString(&sql, key.text);
		if (is_key && !append_key(&sql, index, retype, i, &key, method, error))
			return NULL;
	}
	appendStringInfoChar(&sql, ')');
	if (index->form->indnullsnotdistinct)
		appendStringInfoString(&sql, " NULLS NOT DISTINCT");
	append_options(&sql, " WITH (", options);
	appendStringInfo(&sql, " TABLESPACE %s",
					 quote_identifier(get_tablespace_name(space)));
	if (index->predicate != NULL)
	{
		EcTwinExpression where =
			ec_twin_translate(index->form->indrelid, retype, index->predicate,
							  EXPR_KIND_INDEX_PREDICATE);

		if (where.error != NULL)
		{
			*error = where.error;
			return NULL;
		}
		appendStringInfo(&sql, " WHERE %s", where.text);
	}
	return sql.data;
}

/* ----------------------------------------------------------------- twins */

static const char *
what_of(const TableIndex *index)
{
	return psprintf(index->contype == CONSTRAINT_PRIMARY ? "primary key \"%s\""
					: index->contype == CONSTRAINT_UNIQUE ? "unique constraint \"%s\""
														  : "index \"%s\"",
					index->name);
}

/* Can it be the twin, or be made it? */
static bool
is_of_same_class(const TableIndex *source, const TableIndex *twin)
{
	if (source->form->indisunique != twin->form->indisunique)
		return false;
	if (twin->contype == '\0')
		return true;
	return source->contype == CONSTRAINT_UNIQUE &&
		   twin->contype == CONSTRAINT_UNIQUE &&
		   source->deferrable == twin->deferrable &&
		   source->deferred == twin->deferred;
}

/* The best one: valid, and a constraint already. */
static TableIndex *
find_twin(const EcRetype *retype, const EcTwinPlan *plan, List *indexes,
		  const TableIndex *source, const char *definition)
{
	TableIndex *best = NULL;
	ListCell *cell;

	foreach (cell, indexes)
	{
		TableIndex *index = lfirst(cell);
		char *error = NULL;
		char *known;

		if (!bms_overlap(index->reads, retype->to) ||
			list_member_oid(plan->taken, index->oid) ||
			!is_of_same_class(source, index))
			continue;
		known = describe(index, NULL, &error);
		if (known == NULL || strcmp(known, definition) != 0)
			continue;
		if (best == NULL || (index->form->indisvalid && !best->form->indisvalid) ||
			(index->form->indisvalid == best->form->indisvalid &&
			 index->contype == source->contype && best->contype != source->contype))
			best = index;
	}
	return best;
}

static const char *
deferrable(const TableIndex *index)
{
	return index->deferred     ? " DEFERRABLE INITIALLY DEFERRED"
		   : index->deferrable ? " DEFERRABLE"
							   : "";
}

static const char *
in_schema(const EcRetype *retype, const char *name)
{
	return quote_qualified_identifier(get_namespace_name(retype->space), name);
}

/* Index columns that are expressions have statistics targets of their own. */
static void
look_at_targets(const TableIndex *source, const TableIndex *twin, EcTwinPlan *plan)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	char *targets = NULL;

	if (source->expressions == NIL)
		return;
	ec_arg_oid(&args, source->oid);
	ec_arg_oid(&args, twin->oid);
	ec_catalog_begin(&scope);
	if (ec_query("SELECT string_agg(format('ALTER COLUMN %s SET STATISTICS %s', s.attnum,"
				 "                         coalesce(s.attstattarget, -1)), ', ' ORDER BY s.attnum)"
				 "  FROM pg_attribute s JOIN pg_attribute t USING (attnum)"
				 " WHERE s.attrelid = $1 AND t.attrelid = $2 AND s.attnum > 0"
				 "   AND coalesce(s.attstattarget, -1) <> coalesce(t.attstattarget, -1)",
				 &args) > 0)
		targets = ec_get_text(0, 1);
	ec_catalog_end(&scope);
	if (targets != NULL)
		ec_twin_step(plan, psprintf("statistics targets of %s", what_of(source)),
					 psprintf("ALTER INDEX %s %s", ec_relation_name(twin->oid),
							  targets));
}

/* May it stay on a column in which several rows can be NULL? */
static bool
takes_nulls(const TableIndex *index)
{
	return !index->form->indisunique ||
		   (!index->form->indnullsnotdistinct && index->expressions == NIL &&
			index->predicate == NULL);
}

static void
give_comment(EcTwinPlan *plan, Oid class, Oid source, Oid twin, const char *sql)
{
	char *comment = GetComment(source, class, 0);
	char *there = OidIsValid(twin) ? GetComment(twin, class, 0) : NULL;

	if (comment != NULL || there != NULL)
		ec_twin_swap(plan, EC_SWAP_GIVE,
					 psprintf("COMMENT ON %s IS %s", sql,
							  comment == NULL ? "NULL"
											  : quote_literal_cstr(comment)));
}

static void
swap_constraint(const EcRetype *retype, EcTwinPlan *plan,
				const TableIndex *source, const TableIndex *twin)
{
	const char *name = quote_identifier(source->name);

	if (source->contype == CONSTRAINT_PRIMARY)
	{
		ec_twin_swap(plan, EC_SWAP_RELEASE,
					 psprintf("ALTER TABLE %s DROP CONSTRAINT %s",
							  retype->table, name));
		ec_twin_swap(plan, EC_SWAP_KEYS,
					 psprintf("ALTER TABLE %s ADD CONSTRAINT %s PRIMARY KEY USING INDEX %s%s",
							  retype->table, name, quote_identifier(twin->name),
							  deferrable(source)));
	}
	else if (!takes_nulls(source))
	{
		ec_twin_swap(plan, EC_SWAP_RELEASE,
					 psprintf("ALTER TABLE %s DROP CONSTRAINT %s",
							  retype->table, name));
		ec_twin_swap(plan, EC_SWAP_NAMES,
					 psprintf("ALTER TABLE %s RENAME CONSTRAINT %s TO %s",
							  retype->table, quote_identifier(twin->name), name));
	}
	else
	{
		char *free_name =
			ec_twin_free_name(retype, plan, source->name, retype->old_label);

		ec_twin_swap(plan, EC_SWAP_NAMES,
					 psprintf("ALTER TABLE %s RENAME CONSTRAINT %s TO %s",
							  retype->table, name, quote_identifier(free_name)));
		ec_twin_swap(plan, EC_SWAP_NAMES,
					 psprintf("ALTER TABLE %s RENAME CONSTRAINT %s TO %s",
							  retype->table, quote_identifier(twin->name), name));
	}
	give_comment(plan, ConstraintRelationId, source->constraint, twin->constraint,
				 psprintf("CONSTRAINT %s ON %s", name, retype->table));
}

static void
swap_index(const EcRetype *retype, EcTwinPlan *plan, const TableIndex *source,
		   const TableIndex *twin)
{
	const char *name = quote_identifier(source->name);

	if (source->contype != '\0')
		swap_constraint(retype, plan, source, twin);
	else
	{
		if (takes_nulls(source))
			ec_twin_swap(plan, EC_SWAP_NAMES,
						 psprintf("ALTER INDEX %s RENAME TO %s",
								  in_schema(retype, source->name),
								  quote_identifier(
									  ec_twin_free_name(retype, plan, source->name,
														retype->old_label))));
		else
			ec_twin_swap(plan, EC_SWAP_RELEASE,
						 psprintf("DROP INDEX %s", in_schema(retype, source->name)));
		ec_twin_swap(plan, EC_SWAP_NAMES,
					 psprintf("ALTER INDEX %s RENAME TO %s",
							  in_schema(retype, twin->name), name));
	}
	give_comment(plan, RelationRelationId, source->oid, twin->oid,
				 psprintf("INDEX %s", in_schema(retype, source->name)));
	if (source->form->indisclustered)
		ec_twin_swap(plan, EC_SWAP_GIVE,
					 psprintf("ALTER TABLE %s CLUSTER ON %s", retype->table, name));
	/* after the proofs, and before the other column loses its NOT NULL */
	if (source->form->indisreplident)
		ec_twin_swap(plan, EC_SWAP_KEYS,
					 psprintf("ALTER TABLE %s REPLICA IDENTITY USING INDEX %s",
							  retype->table,
							  source->contype == CONSTRAINT_PRIMARY
								  ? name
								  : quote_identifier(twin->name)));
}

static void
create(EcTwinPlan *plan, char *what, bool is_unique, const char *definition)
{
	const char *unique = is_unique ? "UNIQUE " : "";

	ec_twin_top_level_step(plan, what,
						   psprintf("CREATE %sINDEX CONCURRENTLY %s", unique,
									definition),
						   psprintf("CREATE %sINDEX %s", unique, definition));
}

static void
look_at_index(const EcRetype *retype, EcTwinPlan *plan, List *indexes,
			  const TableIndex *source)
{
	char *what = unconstify(char *, what_of(source));
	char *error = NULL;
	char *definition;
	TableIndex *twin;

	if (!source->form->indisvalid)
	{
		ec_twin_refuse(plan, psprintf("%s is not valid (drop it, or build it again)",
									  what));
		return;
	}
	if (bms_is_member(0, source->reads) ||
		bms_overlap(source->reads, retype->to) || source->form->indisexclusion)
	{
		ec_twin_refuse(plan,
					   psprintf("%s %s", what,
								source->form->indisexclusion
									? "excludes, and cannot be built online (drop it before, and add it after)"
									: "reads the whole row, or the new column, too (drop it before, and create it after)"));
		return;
	}
	definition = describe(source, retype, &error);
	if (definition == NULL)
	{
		ec_twin_refuse(plan, psprintf("%s: %s (drop it before, and create another after)",
									  what, error));
		return;
	}
	twin = find_twin(retype, plan, indexes, source, definition);
	if (twin == NULL)
	{
		char *name = ec_twin_free_name(retype, plan, source->name, retype->label);

		create(plan, what, source->form->indisunique,
			   psprintf("%s ON %s %s", quote_identifier(name), retype->table,
						definition));
		return;
	}
	plan->taken = lappend_oid(plan->taken, twin->oid);
	if (!twin->form->indisvalid)
		ec_twin_top_level_step(plan, what,
							   psprintf("DROP INDEX CONCURRENTLY %s",
										ec_relation_name(twin->oid)),
							   psprintf("DROP INDEX %s",
										ec_relation_name(twin->oid)));
	else if (source->contype == CONSTRAINT_UNIQUE && twin->contype == '\0')
		ec_twin_step(plan, what,
					 psprintf("ALTER TABLE %s ADD CONSTRAINT %s UNIQUE USING INDEX %s%s",
							  retype->table, quote_identifier(twin->name),
							  quote_identifier(twin->name), deferrable(source)));
	else
	{
		look_at_targets(source, twin, plan);
		swap_index(retype, plan, source, twin);
	}
}

static int
by_class(const ListCell *left, const ListCell *right)
{
	const TableIndex *a = lfirst(left);
	const TableIndex *b = lfirst(right);

	if (a->contype != b->contype)
		return a->contype == CONSTRAINT_UNIQUE   ? -1
			   : b->contype == CONSTRAINT_UNIQUE ? 1
			   : a->contype != '\0'              ? -1
												 : 1;
	return a->oid < b->oid ? -1 : a->oid > b->oid;
}

static void
look(const EcRetype *retype, EcTwinPlan *plan)
{
	List *indexes = indexes_of(retype->relation);
	ListCell *cell;

	list_sort(indexes, by_class);
	foreach (cell, indexes)
	{
		const TableIndex *index = lfirst(cell);

		if (bms_overlap(index->reads, retype->from) ||
			bms_is_member(0, index->reads))
			look_at_index(retype, plan, indexes, index);
	}
}

const EcTwinKind ec_twin_index = {"index", look};
