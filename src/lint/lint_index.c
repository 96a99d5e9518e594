/*
 * lint_index.c
 *		The lint's rules for CREATE INDEX, DROP INDEX and REINDEX.
 */
#include "postgres.h"

#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"

#include "lint/lint_object.h"
#include "lint/lint_rules.h"

EcRelation *
ec_lint_table_of_index(EcLint *lint, EcRelation *index)
{
	return ec_is_new(index)
			   ? index->table
			   : ec_world_relation(lint->world, IndexGetRelation(index->oid, true));
}

/* Indexes of partitions are dropped with a partitioned index. */
static void
forget_parts(EcLint *lint, EcRelation *index)
{
	ListCell *cell;

	if (ec_is_new(index) || index->kind != RELKIND_PARTITIONED_INDEX)
		return;
	foreach (cell, ec_world_children(lint->world, index))
	{
		EcRelation *part = lfirst(cell);
		EcRelation *table = ec_lint_table_of_index(lint, part);
		EcIndex *known =
			table ? ec_find_index(lint->world, table, part->name) : NULL;

		if (known != NULL)
			table->indexes = list_delete_ptr(table->indexes, known);
		forget_parts(lint, part);
	}
}

void
ec_lint_drop_index(EcLint *lint, DropStmt *stmt, List *names)
{
	RangeVar *name = makeRangeVarFromNameList(names);
	EcRelation *index = ec_world_find(lint->world, name);
	EcRelation *table;
	EcFinding *finding;
	EcIndex *known;

	if (index == NULL)
	{
		if (!stmt->missing_ok && !stmt->concurrent)
			(void) ec_lint_add_missing(lint, "drop_index", AccessExclusiveLock,
									   false, false);
		return;
	}
	table = ec_lint_table_of_index(lint, index);
	known = table ? ec_find_index(lint->world, table, index->name) : NULL;
	if (known != NULL)
		table->indexes = list_delete_ptr(table->indexes, known);
	forget_parts(lint, index);
	ec_world_drop(lint->world, index);
	if (stmt->concurrent || table == NULL || ec_is_new(table))
		return;
	/* For a partitioned index, those of the partitions as well. */
	ec_lint_effects(lint,
					index->kind == RELKIND_PARTITIONED_INDEX
						? ec_world_family(lint->world, table)
						: list_make1(table),
					AccessExclusiveLock, false, false);
	finding = ec_lint_add(lint, "drop_index", ec_is_new(index) ? table : index);
	finding->lock = AccessExclusiveLock;
	if (ec_lint_is_small(ec_world_family(lint->world, table)))
		finding->severity = EC_SEVERITY_NOTICE;
}

static void
enter_index(EcLint *lint, EcRelation *table, IndexStmt *stmt)
{
	EcIndex *index = palloc0(sizeof(EcIndex));
	RangeVar *name;
	EcRelation *relation;
	ListCell *cell;

	index->name = pstrdup(stmt->idxname);
	index->is_unique = stmt->unique;
	index->is_partial = stmt->whereClause != NULL;
	index->method = get_index_am_oid(stmt->accessMethod, true);
	foreach (cell, stmt->indexParams)
	{
		IndexElem *element = lfirst_node(IndexElem, cell);
		EcColumn *column = ec_find_column(lint->world, table, element->name);

		index->keys = lappend_int(index->keys, column ? column->number : 0);
		index->opclasses =
			lappend_oid(index->opclasses,
						column != NULL && element->opclass == NIL &&
								OidIsValid(column->type)
							? GetDefaultOpClass(column->type, index->method)
							: InvalidOid);
		index->collations = lappend_oid(index->collations,
										column != NULL && element->collation == NIL
											? column->collation
											: InvalidOid);
		if (element->expr != NULL)
			index->in_expressions =
				bms_add_members(index->in_expressions,
								ec_columns_in(lint->world, table, element->expr));
	}
	if (stmt->whereClause != NULL)
		index->in_expressions =
			bms_add_members(index->in_expressions,
							ec_columns_in(lint->world, table, stmt->whereClause));
	table->indexes = lappend(table->indexes, index);
	name = makeRangeVar(table->schema, stmt->idxname, -1);
	relation = ec_world_create(lint->world, name, RELKIND_INDEX);
	relation->table = table;
}

void
ec_lint_index(EcLint *lint, IndexStmt *stmt)
{
	EcRelation *table = ec_world_find(lint->world, stmt->relation);
	EcRelation *same = NULL;
	List *family;

	if (table == NULL)
	{
		if (!stmt->concurrent)
			ec_lint_add_missing(lint, "create_index", ShareLock, false, true);
		return;
	}
	family = stmt->relation->inh ? ec_world_partitions(lint->world, table)
								 : list_make1(table);
	if (stmt->if_not_exists && stmt->idxname != NULL)
		same = ec_world_find(lint->world,
							 makeRangeVar(table->schema, stmt->idxname, -1));
	if (stmt->concurrent || same != NULL)
		ec_lint_effects(lint, family,
						stmt->concurrent ? ShareUpdateExclusiveLock : ShareLock,
						false, false);
	else
		ec_lint_stop(lint, "create_index", family, ShareLock, false, true);
	if (same == NULL && stmt->idxname != NULL)
		enter_index(lint, table, stmt);
}

void
ec_lint_reindex(EcLint *lint, ReindexStmt *stmt)
{
	EcRelation *relation = ec_world_find(lint->world, stmt->relation);
	EcRelation *table = relation;
	EcFinding *finding;

	if (ec_option_is_set(stmt->params, "concurrently"))
		return;
	if (relation != NULL && (relation->kind == RELKIND_INDEX ||
							 relation->kind == RELKIND_PARTITIONED_INDEX))
		table = ec_lint_table_of_index(lint, relation);
	if (table != NULL)
		finding = ec_lint_stop(lint, "reindex",
							   ec_world_partitions(lint->world, table),
							   ShareLock, false, true);
	else
	{
		finding = stmt->relation
					  ? ec_lint_add_missing(lint, "reindex", ShareLock, false, true)
					  : ec_lint_add(lint, "reindex", NULL);
		finding->lock = ShareLock;
		finding->scans = true;
	}
	/* No other session can plan a query on the table meanwhile. */
	if (relation != table && finding->statement != NULL)
	{
		finding->relation = relation->oid;
		finding->lock = AccessExclusiveLock;
	}
}
