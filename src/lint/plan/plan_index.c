/*
 * plan_index.c
 *		Indexes, and the contents of materialized views: built while others
 *		read and write.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "commands/comment.h"
#include "commands/defrem.h"
#include "commands/tablespace.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#include "core/pinned.h"
#include "lint/plan/planner.h"

static Form_pg_index
index_form(Oid index, HeapTuple *tuple)
{
	*tuple = OidIsValid(index)
				 ? SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index))
				 : NULL;
	return HeapTupleIsValid(*tuple) ? (Form_pg_index) GETSTRUCT(*tuple) : NULL;
}

static bool
is_valid(Oid index)
{
	HeapTuple tuple;
	Form_pg_index form = index_form(index, &tuple);
	bool valid = form != NULL && form->indisvalid;

	if (form != NULL)
		ReleaseSysCache(tuple);
	return valid;
}

static char *
choose_name(EcPlanner *planner, EcRelation *relation, const IndexStmt *stmt)
{
	return ec_plan_choose_name(planner, relation, ec_plan_index_columns(stmt),
							   "idx", true, false);
}

static char *
create_sql(const IndexStmt *stmt, const char *how, const char *name,
		   EcRelation *relation, const char *rest)
{
	return psprintf("CREATE %sINDEX%s %s ON %s %s", stmt->unique ? "UNIQUE " : "",
					strcmp(how, "CONCURRENTLY") == 0 ? " CONCURRENTLY" : "",
					quote_identifier(name),
					ec_plan_table(relation, strcmp(how, "ONLY") != 0), rest);
}

static void
plan_build(EcDraft *draft, EcRelation *relation, const IndexStmt *stmt,
		   const char *name, const char *rest)
{
	EcPlanStep *step =
		ec_plan_step(draft, EC_PLAN_TOP_LEVEL,
					 create_sql(stmt, "CONCURRENTLY", name, relation, rest),
					 relation, ShareUpdateExclusiveLock, true);

	step->undo = psprintf("DROP INDEX CONCURRENTLY IF EXISTS %s",
						  ec_plan_name(relation->schema, name));
	step->detail = "builds the index, while others read and write the table";
}

/* Takes the attached ones along; what is not attached is dropped by itself. */
static char *
drop_root(const char *index)
{
	return psprintf("DROP INDEX IF EXISTS %s", index);
}

/* On the parent alone, which has no rows; on each leaf; and attached. */
static void
plan_partitioned(EcPlanner *planner, EcDraft *draft, EcRelation *relation,
				 const IndexStmt *stmt, const char *name, const char *rest,
				 const char *parent_index, const char *root_index)
{
	const char *index = ec_plan_name(relation->schema, name);
	EcPlanStep *step;
	ListCell *cell;

	if (relation->kind == RELKIND_PARTITIONED_TABLE)
	{
		step = ec_plan_step(draft, EC_PLAN_TRANSACTION,
							create_sql(stmt, "ONLY", name, relation, rest),
							relation, ShareLock, false);
		step->undo = parent_index ? "" : drop_root(index);
		step->detail = "makes the index without those of the partitions";
	}
	else
		plan_build(draft, relation, stmt, name, rest);
	if (parent_index != NULL)
		ec_plan_attach_index(draft, relation, parent_index, index,
							 drop_root(root_index));
	if (relation->kind != RELKIND_PARTITIONED_TABLE)
		return;
	foreach (cell, ec_world_children(planner->lint.world, relation))
	{
		EcRelation *child = lfirst(cell);

		plan_partitioned(planner, draft, child, stmt,
						 choose_name(planner, child, stmt), rest, index,
						 root_index ? root_index : index);
	}
}

/*
 * A foreign partition has no index, so that of the parent would wait for it for
 * ever.  The statement itself takes the indexes that the others have by then.
 */
static void
plan_foreign(EcPlanner *planner, EcDraft *draft, EcRelation *relation,
			 const IndexStmt *stmt, const char *name, const char *rest)
{
	EcPlanStep *step;
	ListCell *cell;

	foreach (cell, ec_world_partitions(planner->lint.world, relation))
	{
		EcRelation *leaf = lfirst(cell);

		if (leaf->kind == RELKIND_RELATION)
			plan_build(draft, leaf, stmt, choose_name(planner, leaf, stmt), rest);
	}
	step = ec_plan_step(draft, EC_PLAN_TRANSACTION,
						create_sql(stmt, "", name, relation, rest), relation,
						ShareLock, false);
	step->undo = drop_root(ec_plan_name(relation->schema, name));
	step->detail = "takes the indexes of the partitions, and builds none";
}

void
ec_plan_index(EcPlanner *planner, EcDraft *draft, IndexStmt *stmt)
{
	EcRelation *relation = ec_world_find(planner->lint.world, stmt->relation);
	const char *name = stmt->idxname;
	EcRelation *foreign;
	EcPieces *pieces;
	char *rest;
	int from;

	if (relation == NULL)
		return;
	if (name == NULL)
		name = stmt->idxname = choose_name(planner, relation, stmt);
	if (stmt->concurrent || !stmt->relation->inh)
		return;
	pieces = ec_pieces_of(planner->statement);
	from = ec_piece_after_name(pieces,
							   ec_piece_at(pieces, stmt->relation->location));
	rest = ec_piece_text(pieces, from, pieces->count);
	foreign = ec_plan_foreign(planner, relation);
	if (relation->kind == RELKIND_PARTITIONED_TABLE && foreign != NULL && stmt->unique)
		draft->reason =
			psprintf("the partition %s is a foreign table, which has no unique index",
					 quote_identifier(foreign->name));
	else if (relation->kind == RELKIND_PARTITIONED_TABLE && foreign != NULL)
		plan_foreign(planner, draft, relation, stmt, name, rest);
	else if (relation->kind == RELKIND_PARTITIONED_TABLE)
		plan_partitioned(planner, draft, relation, stmt, name, rest, NULL, NULL);
	else
		plan_build(draft, relation, stmt, name, rest);
}

/*
 * IF NOT EXISTS would take an index that a failed build has left for done.
 * With CONCURRENTLY, that is an error when the statement runs: the build may
 * still be going on.
 */
void
ec_plan_left_index(EcPlanner *planner, EcDraft *draft, IndexStmt *stmt)
{
	EcRelation *relation = ec_world_find(planner->lint.world, stmt->relation);
	EcIndex *left = relation && stmt->if_not_exists && !stmt->concurrent
						? ec_find_index(planner->lint.world, relation, stmt->idxname)
						: NULL;
	EcPlanStep *step;

	if (left == NULL || !OidIsValid(left->oid) ||
		relation->kind == RELKIND_PARTITIONED_TABLE || is_valid(left->oid))
		return;
	step = ec_plan_step(draft, EC_PLAN_TOP_LEVEL,
						psprintf("DROP INDEX CONCURRENTLY IF EXISTS %s",
								 ec_plan_name(relation->schema, left->name)),
						relation, ShareUpdateExclusiveLock, false);
	step->undo = "";
	step->detail = "takes away what a failed build has left";
	ec_plan_index(planner, draft, stmt);
}

/* Appends the statistics targets of an index's columns, as statements. */
static void
append_targets(StringInfo sql, Oid index, const char *name)
{
	for (AttrNumber number = 1;; number++)
	{
		HeapTuple tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(index),
										  Int16GetDatum(number));
		bool isnull;
		Datum value;
		int target;

		if (!HeapTupleIsValid(tuple))
			return;
		value = SysCacheGetAttr(ATTNUM, tuple, Anum_pg_attribute_attstattarget,
								&isnull);
		target = isnull                     ? -1
				 : PG_VERSION_NUM >= 170000 ? DatumGetInt16(value)
											: DatumGetInt32(value);
		ReleaseSysCache(tuple);
		if (target >= 0)
			appendStringInfo(sql, ";\nALTER INDEX %s ALTER COLUMN %d SET STATISTICS %d",
							 name, number, target);
	}
}

/* What hangs on an index and is dropped with it, as statements that follow others. */
static char *
attached_to(const EcRelation *index)
{
	const char *name = ec_plan_name(index->schema, index->name);
	char *comment = GetComment(index->oid, RelationRelationId, 0);
	HeapTuple tuple;
	Form_pg_index form = index_form(index->oid, &tuple);
	StringInfoData sql;

	initStringInfo(&sql);
	if (comment != NULL)
		appendStringInfo(&sql, ";\nCOMMENT ON INDEX %s IS %s", name,
						 quote_literal_cstr(comment));
	append_targets(&sql, index->oid, name);
	if (form != NULL)
	{
		const char *table =
			ec_plan_name(index->schema, get_rel_name(form->indrelid));

		if (form->indisclustered)
			appendStringInfo(&sql, ";\nALTER TABLE %s CLUSTER ON %s", table,
							 quote_identifier(index->name));
		if (form->indisreplident)
			appendStringInfo(&sql,
							 ";\nALTER TABLE %s REPLICA IDENTITY USING INDEX %s",
							 table, quote_identifier(index->name));
		ReleaseSysCache(tuple);
	}
	return sql.data;
}

/* The definition of an existing index, to be built concurrently. */
static char *
definition_of(Oid index)
{
	static const char *const begins[] = {"CREATE UNIQUE INDEX ", "CREATE INDEX "};
	int level = ec_pin_text();
	/* with its tablespace */
	char *definition = pg_get_indexdef_string(index);

	AtEOXact_GUC(false, level);
	for (int i = 0; i < lengthof(begins); i++)
	{
		int length = strlen(begins[i]);

		if (strncmp(definition, begins[i], length) == 0)
			return psprintf("%sCONCURRENTLY %s", begins[i], definition + length);
	}
	return NULL;
}

void
ec_plan_drop_index(EcPlanner *planner, EcDraft *draft, const DropStmt *stmt)
{
	ListCell *cell;

	if (stmt->removeType != OBJECT_INDEX || stmt->concurrent ||
		stmt->behavior == DROP_CASCADE)
		return;
	foreach (cell, stmt->objects)
	{
		RangeVar *name = makeRangeVarFromNameList(lfirst(cell));
		EcRelation *index = ec_world_find(planner->lint.world, name);
		EcPlanStep *step;

		/* Others are dropped in a moment, but not concurrently. */
		if (index == NULL || index->kind != RELKIND_INDEX ||
			!OidIsValid(index->oid) || get_rel_relispartition(index->oid))
		{
			if (index == NULL && stmt->missing_ok)
				continue;
			draft->steps = NIL;
			return;
		}
		step = ec_plan_step(draft, EC_PLAN_TOP_LEVEL,
							psprintf("DROP INDEX CONCURRENTLY %s%s",
									 stmt->missing_ok ? "IF EXISTS " : "",
									 ec_plan_name(index->schema, index->name)),
							index, ShareUpdateExclusiveLock, false);
		step->undo = definition_of(index->oid);
		if (step->undo != NULL)
			step->undo = psprintf("%s%s", step->undo, attached_to(index));
		step->detail =
			"waits for the queries that use the index, and holds nobody up";
	}
}

static bool
is_exclusion(Oid index)
{
	HeapTuple tuple;
	Form_pg_index form = index_form(index, &tuple);
	bool result = form != NULL && form->indisexclusion;

	if (form != NULL)
		ReleaseSysCache(tuple);
	return result;
}

void
ec_plan_reindex(EcPlanner *planner, EcDraft *draft, const ReindexStmt *stmt)
{
	EcPieces *pieces = ec_pieces_of(planner->statement);
	EcRelation *relation = ec_world_find(planner->lint.world, stmt->relation);
	EcPlanStep *step;
	int kind = 1;
	ListCell *cell;

	foreach (cell, stmt->params)
	{
		DefElem *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, "concurrently") == 0)
			return;
	}
	if (relation == NULL || stmt->kind == REINDEX_OBJECT_SYSTEM ||
		is_exclusion(relation->oid))
		return;
	if (pieces->tokens[kind].kind == '(')
		kind = ec_piece_after_parenthesis(pieces, kind);
	step = ec_plan_step(draft, EC_PLAN_TOP_LEVEL,
						psprintf("%s CONCURRENTLY %s",
								 ec_piece_text(pieces, 0, kind + 1),
								 ec_plan_name(relation->schema, relation->name)),
						relation, ShareUpdateExclusiveLock, true);
	step->undo = "";
	step->detail = "builds the index anew, while others read and write the table";
}

static char *
move_sql(const EcRelation *index, const char *tablespace)
{
	return psprintf("REINDEX (TABLESPACE %s) INDEX CONCURRENTLY %s",
					quote_identifier(tablespace),
					ec_plan_name(index->schema, index->name));
}

/* The server would copy it; it can be built there, too. */
void
ec_plan_move(EcDraft *draft, EcRelation *index, const char *tablespace)
{
	Oid present;
	char *from;
	EcPlanStep *step;

	if (ec_is_new(index) || index->kind != RELKIND_INDEX)
		return;
	present = get_rel_tablespace(index->oid);
	from = get_tablespace_name(OidIsValid(present) ? present : MyDatabaseTableSpace);
	if (is_exclusion(index->oid))
	{
		draft->steps = NIL;
		draft->reason =
			psprintf("the index %s of an exclusion constraint cannot be built anew while others write",
					 quote_identifier(index->name));
		return;
	}
	step = ec_plan_step(draft, EC_PLAN_TOP_LEVEL, move_sql(index, tablespace),
						index, ShareUpdateExclusiveLock, true);
	step->undo = from != NULL ? move_sql(index, from) : NULL;
	step->detail =
		"builds the index in the other tablespace, while others read and write the table";
}

void
ec_plan_move_all(EcPlanner *planner, EcDraft *draft,
				 const AlterTableMoveAllStmt *stmt)
{
	ListCell *cell;

	if (stmt->objtype != OBJECT_INDEX)
		return;
	foreach (cell, ec_lint_moved(planner->lint.world, stmt))
	{
		ec_plan_move(draft, lfirst(cell), stmt->new_tablespacename);
		if (draft->reason != NULL)
			return;
	}
}

/* A unique index of columns, over all rows. */
static bool
has_key(EcPlanner *planner, EcRelation *view)
{
	ListCell *cell;

	ec_load_facts(planner->lint.world, view);
	foreach (cell, view->indexes)
	{
		EcIndex *index = lfirst(cell);

		if (index->is_unique && !index->is_partial &&
			index->in_expressions == NULL && !list_member_int(index->keys, 0) &&
			OidIsValid(index->oid) && is_valid(index->oid))
			return true;
	}
	return false;
}

static bool
is_populated(Oid view)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(view));
	bool result;

	if (!HeapTupleIsValid(tuple))
		return false;
	result = ((Form_pg_class) GETSTRUCT(tuple))->relispopulated;
	ReleaseSysCache(tuple);
	return result;
}

void
ec_plan_refresh(EcPlanner *planner, EcDraft *draft, const RefreshMatViewStmt *stmt)
{
	EcRelation *view = ec_world_find(planner->lint.world, stmt->relation);
	EcPlanStep *step;

	if (view == NULL || !OidIsValid(view->oid) || stmt->concurrent || stmt->skipData)
		return;
	if (!is_populated(view->oid) || !has_key(planner, view))
	{
		draft->reason =
			"CONCURRENTLY needs a view that has been filled, and a unique index on its columns without WHERE";
		return;
	}
	step = ec_plan_step(draft, EC_PLAN_TRANSACTION,
						psprintf("REFRESH MATERIALIZED VIEW CONCURRENTLY %s",
								 ec_plan_name(view->schema, view->name)),
						view, ExclusiveLock, true);
	step->undo = "";
	step->detail = "fills the view, while others read it";
}
