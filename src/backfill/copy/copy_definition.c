/*
 * copy_definition.c
 *		The definition of a copy: mapping and key, checked at submission.
 *
 * An expression of the mapping is analysed once, as the caller.  The job
 * stores the result as SQL with qualified names.  The coercion to the target's
 * column is stored as a function call and not as a cast, because an explicit
 * cast would truncate a text that is too long, whereas INSERT raises an error.
 */
#include "postgres.h"

#include "access/genam.h"
#include "catalog/catalog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"

#include "backfill/copy/copy_definition.h"
#include "backfill/copy/copy_key.h"
#include "backfill/predicate.h"
#include "core/hint.h"
#include "core/callers_path.h"
#include "core/catalog.h"
#include "core/compat.h"
#include "core/distributed.h"
#include "core/mapping.h"
#include "core/own_table.h"

static void
refuse_table(Relation relation, const char *role, const char *detail,
			 const char *hint)
{
	ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
					errmsg("\"%s\" cannot be the %s of a copy",
						   RelationGetRelationName(relation), role),
					errdetail("%s", detail), errhint("%s", ec_qualified(hint))));
}

static void
check_table(Relation relation, const char *role)
{
	switch (relation->rd_rel->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
			break;
		case RELKIND_VIEW:
		case RELKIND_MATVIEW:
			refuse_table(relation, role, "It is a view.",
						 "Use the underlying table.");
			break;
		default:
			refuse_table(relation, role, "It is not a table.", "Use a table.");
	}
	if (IsCatalogRelation(relation) || IsToastRelation(relation))
		refuse_table(relation, role, "It is a system catalog.",
					 "Use a table of your own.");
	ec_refuse_distributed(RelationGetRelid(relation));
	if (RelationUsesLocalBuffers(relation))
		refuse_table(relation, role,
					 "It is a temporary table, and a background worker cannot see another session's.",
					 "Use a plain INSERT.");
}

void
ec_check_copy_source(Relation source)
{
	if (source->rd_rel->relkind != RELKIND_FOREIGN_TABLE)
		check_table(source, "source");
}

void
ec_check_copy_target(Relation target)
{
	ListCell *cell;

	if (target->rd_rel->relkind == RELKIND_FOREIGN_TABLE)
		refuse_table(target, "target",
					 "It is a foreign table: its rows and the job's position cannot be committed in one transaction.",
					 "Use ec_copy on the server that holds the table.");
	check_table(target, "target");
	if (target->rd_rules != NULL)
		refuse_table(target, "target", "It has rules.",
					 "Replace the rules by triggers, or drop them.");
	/* no index ensures that a key occurs in only one of the tables */
	if (target->rd_rel->relkind == RELKIND_RELATION &&
		find_inheritance_children(RelationGetRelid(target), NoLock) != NIL)
		refuse_table(target, "target",
					 "Other tables inherit from it, and rows of theirs may have the same key.",
					 "Copy to a table without children.");
	if (target->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		return;
	foreach (cell, find_all_inheritors(RelationGetRelid(target), NoLock, NULL))
		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_FOREIGN_TABLE)
			refuse_table(target, "target",
						 psprintf("Its partition \"%s\" is a foreign table: its rows and the job's position cannot be committed in one transaction.",
								  get_rel_name(lfirst_oid(cell))),
						 "Detach it, or copy to the other partitions one by one.");
}

void
ec_check_tables_differ(Relation source, Relation target)
{
	Oid source_type = source->rd_rel->reltype;
	Oid target_type = target->rd_rel->reltype;

	/* a relation without a row type, such as an index, does not inherit */
	if (RelationGetRelid(source) == RelationGetRelid(target) ||
		(OidIsValid(source_type) && OidIsValid(target_type) &&
		 (typeInheritsFrom(source_type, target_type) ||
		  typeInheritsFrom(target_type, source_type))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("source and target of a copy must be different tables"),
				 errdetail("\"%s\" and \"%s\" share their rows.",
						   RelationGetRelationName(source),
						   RelationGetRelationName(target)),
				 ec_errhint(
					 "Use ec_backfill to fill columns of one table from others of it.")));
}

static void
check_columns(Relation target, List *columns)
{
	ListCell *cell;

	foreach (cell, columns)
	{
		EcMappedColumn *column = lfirst(cell);

		if (!TupleDescAttr(RelationGetDescr(target), column->attnum - 1)->attgenerated)
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_GENERATED_ALWAYS),
				 errmsg("column \"%s\" is a generated column", column->name),
				 errdetail("The server computes it from other columns of \"%s\".",
						   RelationGetRelationName(target)),
				 errhint("Leave it out of the mapping.")));
	}
}

/*
 * Identity columns can be set by INSERT (with OVERRIDING) but not by UPDATE.
 */
static void
check_identity(Relation target, List *columns, const EcCopyKey *key)
{
	ListCell *cell;

	foreach (cell, columns)
	{
		EcMappedColumn *column = lfirst(cell);

		if (TupleDescAttr(RelationGetDescr(target), column->attnum - 1)->attidentity !=
				ATTRIBUTE_IDENTITY_ALWAYS ||
			ec_copy_key_place(key, column->attnum) >= 0)
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_GENERATED_ALWAYS),
				 errmsg("mode \"repair\" cannot update column \"%s\"", column->name),
				 errdetail("It is an identity column of \"%s\", defined as GENERATED ALWAYS.",
						   RelationGetRelationName(target)),
				 errhint("ALTER TABLE %s ALTER COLUMN %s SET GENERATED BY DEFAULT, or leave the column out of the mapping.",
						 ec_relation_name(RelationGetRelid(target)),
						 quote_identifier(column->name))));
	}
}

/*
 * Raises the error of the first INSERT now, unless a trigger may set the
 * column.
 */
static void
check_left_out(Relation target, List *columns)
{
	TupleDesc desc = RelationGetDescr(target);
	Bitmapset *mapped = NULL;
	ListCell *cell;

	if (target->trigdesc && target->trigdesc->trig_insert_before_row)
		return;
	foreach (cell, columns)
		mapped = bms_add_member(mapped, ((EcMappedColumn *) lfirst(cell))->attnum);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);

		if (column->attisdropped || !ec_column_is_not_null(desc, i + 1) ||
			column->atthasdef || column->attidentity ||
			bms_is_member(i + 1, mapped))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_NOT_NULL_VIOLATION),
				 errmsg("mapping leaves out column \"%s\", which must not be null",
						NameStr(column->attname)),
				 errdetail("The column of table \"%s\" has no default.",
						   RelationGetRelationName(target)),
				 errhint("Add an expression for it to the mapping, or give the column a default.")));
	}
}

/*
 * Turns implicit coercions to a length into explicit function calls, so that
 * they are deparsed as such.  These functions have an argument that tells
 * whether the cast is explicit, and raise an error instead of truncating if it
 * is not.
 */
static bool
spell_out_coercions(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr))
	{
		FuncExpr *function = (FuncExpr *) node;

		if (function->funcformat == COERCE_IMPLICIT_CAST &&
			list_length(function->args) == 3)
			function->funcformat = COERCE_EXPLICIT_CALL;
	}
	if (IsA(node, ArrayCoerceExpr) &&
		((ArrayCoerceExpr *) node)->coerceformat == COERCE_IMPLICIT_CAST &&
		((ArrayCoerceExpr *) node)->resulttypmod >= 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a copy cannot coerce the elements of an array to a length"),
				 errdetail("The expression for column \"%s\" has another type.",
						   (const char *) context),
				 errhint("Cast it in the mapping, as in \"tags::varchar(20)[]\".")));
	return expression_tree_walker(node, spell_out_coercions, context);
}

/*
 * Deparses an expression with qualified names, so that the search_path does
 * not matter.
 */
static char *
expression_text(Relation source, Node *expression)
{
	int guc_level = NewGUCNestLevel();
	char *text;

	ec_use_own_path();
	text = deparse_expression(expression,
							  deparse_context_for(EC_COPY_SOURCE,
												  RelationGetRelid(source)),
							  true, true);
	/*
	 * a bare whole-row reference in a SELECT list would be expanded to its
	 * columns
	 */
	if (IsA(expression, Var) && ((Var *) expression)->varattno == 0)
		text = psprintf("CAST(%s AS %s)", text,
						format_type_be_qualified(exprType(expression)));
	AtEOXact_GUC(false, guc_level);
	return text;
}

static Node *
analyse(Relation source, Relation target, const EcMappedColumn *column,
		bool is_key, bool repair)
{
	ParseState *pstate = make_parsestate(NULL);
	Node *expression;

	addNSItemToQuery(pstate,
					 addRangeTableEntryForRelation(pstate, source, AccessShareLock,
												   NULL, true, true),
					 true, true, true);
	expression = ec_mapped_expression(pstate, target, column);
	if (pstate->p_hasSubLinks)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a sub-select is not allowed in the mapping of a copy"),
				 errdetail("The expression for column \"%s\" reads other rows, whose changes would go unnoticed.",
						   column->name),
				 errhint("Use an expression over the row's columns; a stable function may do a look-up.")));
	if ((is_key || repair) && ec_reads_clock(expression))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("an expression that reads the clock is not allowed %s",
						is_key ? "for a column of the key" : "in mode \"repair\""),
				 errdetail("The expression for column \"%s\" gives another value each time, so the row would never match.",
						   column->name),
				 is_key ? errhint("Use an expression over the row's columns.")
						: errhint("Leave the column out of the mapping, and give it a default.")));
	free_parsestate(pstate);
	(void) spell_out_coercions(expression, column->name);
	return expression;
}

EcCopy *
ec_define_copy(Relation source, Relation target, const EcCopySpec *spec)
{
	EcCopy *copy = palloc0(sizeof(EcCopy));
	List *columns;
	EcCopyKey key;
	Node **key_expressions;
	int others;
	ListCell *cell;

	ec_check_tables_differ(source, target);
	ec_check_copy_source(source);
	ec_check_copy_target(target);
	columns = ec_mapping_columns(target, spec->mapping, "mapping");
	check_columns(target, columns);
	ec_find_copy_key(target, spec->key, columns, &key);
	if (spec->repair)
		check_identity(target, columns, &key);
	check_left_out(target, columns);

	copy->source = RelationGetRelid(source);
	copy->target = RelationGetRelid(target);
	copy->target_name = ec_relation_name(copy->target);
	copy->is_foreign = source->rd_rel->relkind == RELKIND_FOREIGN_TABLE;
	copy->repair = spec->repair;
	copy->key_count = key.count;
	copy->count = list_length(columns);
	copy->columns = palloc0(copy->count * sizeof(EcCopyColumn));
	key_expressions = palloc0(key.count * sizeof(Node *));
	others = key.count;
	foreach (cell, columns)
	{
		EcMappedColumn *mapped = lfirst(cell);
		int place = ec_copy_key_place(&key, mapped->attnum);
		EcCopyColumn *column = &copy->columns[place >= 0 ? place : others++];
		Node *expression =
			analyse(source, target, mapped, place >= 0, spec->repair);

		column->name = mapped->name;
		column->expression = expression_text(source, expression);
		if (place < 0)
			continue;
		key_expressions[place] = expression;
		column->search =
			expression_text(source, ec_copy_search_expression(expression));
		if (key.collations[place] != NULL)
		{
			column->expression = psprintf("(%s) COLLATE %s", column->expression,
										  key.collations[place]);
			column->search = psprintf("(%s) COLLATE %s", column->search,
									  key.collations[place]);
		}
		column->equal = key.equals[place];
		column->before = key.befores[place];
		column->after = key.afters[place];
		column->collation = key.collations[place];
	}
	copy->has_unique_keys = ec_keys_are_unique(source, &key, key_expressions);
	return copy;
}

void
ec_copy_to_json(const EcCopy *copy, EcJsonWriter *writer)
{
	ec_json_int8(writer, "source", copy->source);
	ec_json_int8(writer, "target", copy->target);
	ec_json_text(writer, "target_name", copy->target_name);
	ec_json_int8(writer, "foreign", copy->is_foreign);
	ec_json_int8(writer, "repair", copy->repair);
	ec_json_int8(writer, "has_unique_keys", copy->has_unique_keys);
	ec_json_int8(writer, "key_count", copy->key_count);
	ec_json_int8(writer, "count", copy->count);
	for (int i = 0; i < copy->count; i++)
	{
		const EcCopyColumn *column = &copy->columns[i];

		ec_json_text(writer, psprintf("column_%d", i), column->name);
		ec_json_text(writer, psprintf("expression_%d", i), column->expression);
		ec_json_text(writer, psprintf("search_%d", i), column->search);
		ec_json_text(writer, psprintf("equal_%d", i), column->equal);
		ec_json_text(writer, psprintf("before_%d", i), column->before);
		ec_json_text(writer, psprintf("after_%d", i), column->after);
		ec_json_text(writer, psprintf("collation_%d", i), column->collation);
	}
}

EcCopy *
ec_copy_from_json(const Jsonb *json)
{
	EcCopy *copy;
	int64 count = ec_json_get_int8(json, "count", 0);
	int64 key_count = ec_json_get_int8(json, "key_count", 0);

	if (count < 1 || count > MaxHeapAttributeNumber || key_count < 0 ||
		key_count > count)
		ec_refuse_row("jobs", "The parameters are of no copy.");
	copy = palloc0(sizeof(EcCopy));
	copy->source = ec_json_get_int8(json, "source", InvalidOid);
	copy->target = ec_json_get_int8(json, "target", InvalidOid);
	copy->target_name = ec_json_get_text(json, "target_name");
	copy->is_foreign = ec_json_get_int8(json, "foreign", 0) != 0;
	copy->repair = ec_json_get_int8(json, "repair", 0) != 0;
	copy->has_unique_keys = ec_json_get_int8(json, "has_unique_keys", 0) != 0;
	copy->key_count = key_count;
	copy->count = count;
	copy->columns = palloc0(copy->count * sizeof(EcCopyColumn));
	for (int i = 0; i < copy->count; i++)
	{
		EcCopyColumn *column = &copy->columns[i];

		column->name = ec_json_get_text(json, psprintf("column_%d", i));
		column->expression = ec_json_get_text(json, psprintf("expression_%d", i));
		column->search = ec_json_get_text(json, psprintf("search_%d", i));
		column->equal = ec_json_get_text(json, psprintf("equal_%d", i));
		column->before = ec_json_get_text(json, psprintf("before_%d", i));
		column->after = ec_json_get_text(json, psprintf("after_%d", i));
		column->collation = ec_json_get_text(json, psprintf("collation_%d", i));
		if (column->name == NULL || column->expression == NULL)
			ec_refuse_row("jobs", "The parameters are of no copy.");
	}
	if (copy->target_name == NULL)
		ec_refuse_row("jobs", "The parameters are of no copy.");
	return copy;
}
