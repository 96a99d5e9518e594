/*
 * predicate.c
 *		The predicate of a backfill, which selects the rows still to be done.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "catalog/partition.h"
#include "catalog/pg_inherits.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/ruleutils.h"

#include "backfill/predicate.h"
#include "backfill/target.h"
#include "expand_contract.h"

typedef struct ReadColumns
{
	Index table; /* range table index of the target */
	int depth;   /* nesting level of sub-selects */
	Bitmapset *columns;
} ReadColumns;

static bool
collect_read_columns(Node *node, ReadColumns *read)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var *var = (Var *) node;

		if (var->varno == read->table && var->varlevelsup == read->depth)
			read->columns =
				bms_add_member(read->columns,
							   var->varattno - FirstLowInvalidHeapAttributeNumber);
		return false;
	}
	if (IsA(node, Query))
	{
		bool result;

		read->depth++;
		result = query_tree_walker((Query *) node, collect_read_columns, read, 0);
		read->depth--;
		return result;
	}
	return expression_tree_walker(node, collect_read_columns, read);
}

/*
 * The target's columns that an expression reads; a whole-row reference reads
 * all.
 */
static Bitmapset *
columns_read(Query *query, Node *expression)
{
	ReadColumns read = {query->resultRelation, 0, NULL};

	(void) collect_read_columns(expression, &read);
	if (bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, read.columns))
		read.columns =
			bms_add_range(read.columns, 1 - FirstLowInvalidHeapAttributeNumber,
						  MaxHeapAttributeNumber);
	return read.columns;
}

Bitmapset *
ec_columns_assigned(Query *query)
{
	Bitmapset *assigned = NULL;
	ListCell *cell;

	foreach (cell, query->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, cell);

		if (!entry->resjunk)
			assigned =
				bms_add_member(assigned,
							   entry->resno - FirstLowInvalidHeapAttributeNumber);
	}
	return assigned;
}

static char *
column_names(Relation relation, Bitmapset *columns)
{
	StringInfoData names;
	int member = -1;

	initStringInfo(&names);
	while ((member = bms_next_member(columns, member)) >= 0)
	{
		AttrNumber number = member + FirstLowInvalidHeapAttributeNumber;

		if (number < 1 || number > RelationGetNumberOfAttributes(relation))
			continue;
		appendStringInfo(&names, "%s\"%s\"", names.len > 0 ? ", " : "",
						 NameStr(TupleDescAttr(RelationGetDescr(relation), number - 1)
									 ->attname));
	}
	return names.data;
}

static void
want_predicate(Relation relation, const char *reason)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("this backfill of table \"%s\" needs a predicate",
					RelationGetRelationName(relation)),
			 errdetail("%s, so comparing the column with its expression cannot tell which rows are done.",
					   reason),
			 errhint("Give a predicate that holds for the rows still to be done and no longer holds once they are updated, as in \"new_column IS NULL\".")));
}

static bool
is_not_plain(Node *node, void *context)
{
	if (node == NULL)
		return false;
	/*
	 * a multi-column assignment from a sub-select, or a subscripted assignment
	 */
	if (IsA(node, Param))
		return true;
	return expression_tree_walker(node, is_not_plain, context);
}

/* Stable functions that nevertheless give another value in each batch. */
static bool
is_time_function(Oid function, void *context)
{
	return function == F_NOW || function == F_TRANSACTION_TIMESTAMP ||
		   function == F_STATEMENT_TIMESTAMP;
}

bool
ec_is_clock(Node *node)
{
	if (check_functions_in_node(node, is_time_function, NULL))
		return true;
	if (IsA(node, SQLValueFunction))
	{
		SQLValueFunctionOp op = ((SQLValueFunction *) node)->op;

		return op >= SVFOP_CURRENT_DATE && op <= SVFOP_LOCALTIMESTAMP_N;
	}
	return false;
}

static bool
reads_clock(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (ec_is_clock(node))
		return true;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, reads_clock, context, 0);
	return expression_tree_walker(node, reads_clock, context);
}

bool
ec_reads_clock(Node *expression)
{
	return reads_clock(expression, NULL);
}

static bool
reads_table(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
		return list_member_oid(context, ((RangeTblEntry *) node)->relid);
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, reads_table, context,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, reads_table, context);
}

/* Each batch changes the rows of the table, and so those of its relatives. */
bool
ec_reads_table(Node *expression, Relation table)
{
	Oid oid = RelationGetRelid(table);
	List *family = find_all_inheritors(oid, NoLock, NULL);

	if (table->rd_rel->relispartition)
		family = list_concat(family, get_partition_ancestors(oid));
	return reads_table(expression, family);
}

/*
 * Builds the predicate for a backfill without one: some column's image differs
 * from that of its new value.  Images are compared because "=" may consider a
 * value equal that the update would change, and because some types have no
 * "=".
 */
char *
ec_automatic_predicate(Relation relation, Query *query)
{
	List *context = deparse_context_for(RelationGetRelationName(relation),
										RelationGetRelid(relation));
	Bitmapset *both;
	StringInfoData sql;
	ListCell *cell;

	if (contain_volatile_functions((Node *) query->targetList))
		want_predicate(relation, "An assigned expression is volatile");
	if (reads_clock((Node *) query->targetList, NULL))
		want_predicate(relation, "An assigned expression reads the clock");
	if (ec_reads_table((Node *) query->targetList, relation))
		want_predicate(relation, "A sub-select reads the table that is updated");
	both = bms_intersect(ec_columns_assigned(query),
						 columns_read(query, (Node *) query->targetList));
	if (!bms_is_empty(both))
		want_predicate(relation, psprintf("Column %s is both assigned and read",
										  column_names(relation, both)));

	initStringInfo(&sql);
	foreach (cell, query->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, cell);
		Form_pg_attribute column;

		if (is_not_plain((Node *) entry->expr, NULL))
			want_predicate(relation,
						   "Several columns are assigned from one sub-select");
		if (entry->resjunk)
			continue;
		column = TupleDescAttr(RelationGetDescr(relation), entry->resno - 1);
		/* PUBLIC may use the schema expand_contract and this function */
		appendStringInfo(&sql, "%sexpand_contract.differs(%s, CAST(%s AS %s))",
						 sql.len > 0 ? " OR " : "",
						 quote_identifier(NameStr(column->attname)),
						 deparse_expression((Node *) entry->expr, context,
											false, false),
						 format_type_extended(column->atttypid, column->atttypmod,
											  FORMAT_TYPE_TYPEMOD_GIVEN |
												  FORMAT_TYPE_FORCE_QUALIFY));
	}
	return sql.data;
}

static Bitmapset *
generated_columns(TupleDesc columns)
{
	Bitmapset *generated = NULL;

	for (int i = 0; i < columns->natts; i++)
		if (TupleDescAttr(columns, i)->attgenerated)
			generated = bms_add_member(generated,
									   i + 1 - FirstLowInvalidHeapAttributeNumber);
	return generated;
}

void
ec_refuse_volatile(Node *condition, const char *predicate)
{
	if (contain_volatile_functions(condition))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("predicate must not be volatile"),
				 errdetail("\"%s\" may give another result each time, so the job could not tell when it is done.",
						   predicate),
				 errhint("Use only the row's own columns and immutable or stable functions.")));
}

/*
 * A predicate that reads nothing that the update changes is true after the
 * update if it was true before.  A trigger or a generated column may change
 * what it reads, and a sub-select may read other rows; then only the first
 * batch can tell.
 */
void
ec_check_predicate(Relation relation, Query *query, const char *predicate)
{
	TupleDesc columns = RelationGetDescr(relation);
	Node *condition = query->jointree->quals;
	Bitmapset *read = columns_read(query, condition);

	ec_refuse_volatile(condition, predicate);
	if (query->hasSubLinks || bms_overlap(read, ec_columns_assigned(query)) ||
		bms_overlap(read, generated_columns(columns)) ||
		ec_has_before_trigger(relation, CMD_UPDATE))
		return;
	ereport(ERROR,
			(errcode(EC_ERRCODE_NOT_CONVERGING),
			 errmsg("backfill cannot converge: the predicate reads no column that is assigned"),
			 errdetail("Assigned: %s. The predicate \"%s\" holds after the update as it did before.",
					   column_names(relation, ec_columns_assigned(query)), predicate),
			 errhint("Add a condition that the update makes false, as in \"AND %s IS NULL\".",
					 quote_identifier(NameStr(
						 TupleDescAttr(columns, linitial_node(TargetEntry, query->targetList)
														->resno -
													1)
							 ->attname)))));
}
