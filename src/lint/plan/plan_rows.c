/*
 * plan_rows.c
 *		UPDATE and DELETE of many rows: a job does them in batches.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_partitioned_table.h"
#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "core/compat.h"
#include "lint/plan/plan_rows.h"
#include "script/tokens.h"

static bool
is_word(const EcPieces *pieces, int token, const char *word)
{
	return token >= 0 && token < pieces->count &&
		   pieces->tokens[token].word != NULL &&
		   strcmp(pieces->tokens[token].word, word) == 0;
}

/* The first reserved word of this kind outside of parentheses. */
static int
find_clause(const EcPieces *pieces, int from, const char *word)
{
	for (int i = from; i < pieces->count; i++)
	{
		if (pieces->tokens[i].depth == 0 && is_word(pieces, i, word) &&
			(i == 0 || pieces->tokens[i - 1].kind != '.'))
			return i;
	}
	return pieces->count;
}

/* The last such word before the token. */
static int
find_before(const EcPieces *pieces, int token, const char *word)
{
	while (token > 0 &&
		   !(is_word(pieces, token, word) && pieces->tokens[token].depth == 0))
		token--;
	return token;
}

static bool
has_rules(Oid relation)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	bool found = false;

	if (HeapTupleIsValid(tuple))
	{
		found = ((Form_pg_class) GETSTRUCT(tuple))->relhasrules;
		ReleaseSysCache(tuple);
	}
	return found;
}

/* The columns of a partition key; all, if an expression reads the whole row. */
static Bitmapset *
partition_key(Oid relation)
{
	HeapTuple tuple = SearchSysCache1(PARTRELID, ObjectIdGetDatum(relation));
	Form_pg_partitioned_table form;
	Bitmapset *columns = NULL;
	Datum expressions;
	bool isnull;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	form = (Form_pg_partitioned_table) GETSTRUCT(tuple);
	for (int i = 0; i < form->partnatts; i++)
	{
		if (form->partattrs.values[i] > 0)
			columns = bms_add_member(columns, form->partattrs.values[i]);
	}
	expressions = SysCacheGetAttr(PARTRELID, tuple,
								  Anum_pg_partitioned_table_partexprs, &isnull);
	if (!isnull)
	{
		Bitmapset *read = NULL;
		int member = -1;

		pull_varattnos((Node *) stringToNode(TextDatumGetCString(expressions)),
					   1, &read);
		while ((member = bms_next_member(read, member)) >= 0)
		{
			if (member + FirstLowInvalidHeapAttributeNumber > 0)
				columns =
					bms_add_member(columns,
								   member + FirstLowInvalidHeapAttributeNumber);
		}
	}
	ReleaseSysCache(tuple);
	return columns;
}

static char *
moves_rows(EcRows *rows, EcRelation *partitioned)
{
	EcWorld *world = rows->planner->lint.world;
	Bitmapset *key;
	int member = -1;

	if (partitioned->kind != RELKIND_PARTITIONED_TABLE ||
		!OidIsValid(partitioned->oid))
		return NULL;
	ec_load_facts(world, partitioned);
	key = partition_key(partitioned->oid);
	while ((member = bms_next_member(key, member)) >= 0)
	{
		EcColumn *column = ec_column_numbered(partitioned, member);
		ListCell *cell;

		foreach (cell, rows->assigned)
		{
			const EcAssigned *assigned = lfirst(cell);

			if (column != NULL && strcmp(column->name, assigned->name) == 0)
				return psprintf("column \"%s\" is part of a partition key, and rows would have to move",
								assigned->name);
		}
	}
	return NULL;
}

static void
check_partition_keys(EcRows *rows)
{
	EcWorld *world = rows->planner->lint.world;
	List *family = list_copy(ec_world_family(world, rows->relation));
	EcRelation *above = rows->relation;
	List *parents;
	ListCell *cell;

	while ((parents = ec_world_parents(world, above)) != NIL)
	{
		above = linitial(parents);
		family = lappend(family, above);
	}
	foreach (cell, family)
	{
		if (rows->reason == NULL)
			rows->reason = moves_rows(rows, lfirst(cell));
	}
}

/* A value of the SET list, from its text. */
static void
add_assigned(EcRows *rows, const ResTarget *target, Node *value, char *text)
{
	EcAssigned *assigned = palloc0(sizeof(EcAssigned));

	assigned->name = target->name;
	assigned->column =
		ec_find_column(rows->planner->lint.world, rows->relation, target->name);
	assigned->is_part = target->indirection != NIL;
	assigned->value = value;
	assigned->text = text;
	if (value != NULL && IsA(value, SetToDefault))
	{
		assigned->value = NULL;
		assigned->text = NULL;
	}
	rows->assigned = lappend(rows->assigned, assigned);
}

/* (a, b) = (x, y), or of a sub-select: only then the values have no texts */
static int
add_several(EcRows *rows, int first, int from, int until)
{
	MultiAssignRef *reference =
		castNode(MultiAssignRef,
				 list_nth_node(ResTarget, rows->targets, first)->val);
	List *values = IsA(reference->source, RowExpr)
					   ? castNode(RowExpr, reference->source)->args
					   : NIL;
	int open = from;
	int depth;

	while (open < until && rows->pieces->tokens[open].kind != '(')
		open++;
	depth = open < until ? rows->pieces->tokens[open].depth + 1 : 0;
	from = open + 1;
	for (int i = 0; i < reference->ncolumns; i++)
	{
		const ResTarget *target =
			list_nth_node(ResTarget, rows->targets, first + i);
		int end = from;

		if (values == NIL)
		{
			add_assigned(rows, target, reference->source, NULL);
			continue;
		}
		while (end < until - 1 && !(rows->pieces->tokens[end].kind == ',' &&
									rows->pieces->tokens[end].depth == depth))
			end++;
		add_assigned(rows, target,
					 i < list_length(values) ? list_nth(values, i) : NULL,
					 ec_rows_text(rows, from, end));
		from = end + 1;
	}
	return first + reference->ncolumns;
}

/* The SET list is in the tokens from ... until - 1. */
static void
read_assignments(EcRows *rows, int from, int until)
{
	const EcPieceToken *tokens = rows->pieces->tokens;
	int next = 0;

	while (from < until && next < list_length(rows->targets))
	{
		const ResTarget *target = list_nth_node(ResTarget, rows->targets, next);
		int end = from;
		int equals = from;

		while (end < until && !(tokens[end].kind == ',' && tokens[end].depth == 0))
			end++;
		while (equals < end &&
			   !(tokens[equals].kind == '=' && tokens[equals].depth == 0))
			equals++;
		if (IsA(target->val, MultiAssignRef))
			next = add_several(rows, next, equals + 1, end);
		else
		{
			add_assigned(rows, target, target->val,
						 ec_rows_text(rows, equals + 1, end));
			next++;
		}
		from = end + 1;
	}
}

static bool
names_source(Node *node, void *context)
{
	EcRows *rows = context;

	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
		return !ec_rows_is_own_column(rows, castNode(ColumnRef, node));
	if (IsA(node, SubLink))
		return true;
	return raw_expression_tree_walker(node, names_source, context);
}

/* Is column = value, with a value that does not depend on the source? */
static bool
is_key_condition(EcRows *rows, Node *condition, EcRelation *source, int number)
{
	A_Expr *comparison = (A_Expr *) condition;
	Node *sides[2];

	if (!IsA(condition, A_Expr) || comparison->kind != AEXPR_OP ||
		strcmp(strVal(llast(comparison->name)), "=") != 0)
		return false;
	sides[0] = comparison->lexpr;
	sides[1] = comparison->rexpr;
	for (int i = 0; i < 2; i++)
	{
		char *name = ec_rows_column_name(sides[i]);
		EcColumn *column =
			name == NULL
				? NULL
				: ec_find_column(rows->planner->lint.world, source, name);

		if (column != NULL && column->number == number &&
			!ec_rows_is_own_column(rows, (ColumnRef *) sides[i]) &&
			!names_source(sides[1 - i], rows))
			return true;
	}
	return false;
}

/* Does the condition find at most one row of the source? */
static bool
finds_one(EcRows *rows, EcRelation *source)
{
	List *conditions = ec_rows_conditions(rows->condition);
	ListCell *index_cell;

	foreach (index_cell, source->indexes)
	{
		const EcIndex *index = lfirst(index_cell);
		bool is_found = index->is_unique && !index->is_partial && index->keys != NIL;
		ListCell *key_cell;

		foreach (key_cell, index->keys)
		{
			bool has_condition = false;
			ListCell *cell;

			foreach (cell, conditions)
				has_condition |= lfirst_int(key_cell) > 0 &&
								 is_key_condition(rows, lfirst(cell), source,
												  lfirst_int(key_cell));
			is_found &= has_condition;
		}
		if (is_found)
			return true;
	}
	return false;
}

static bool
is_ambiguous(Node *node, void *context)
{
	EcRows *rows = context;

	if (node == NULL || IsA(node, SubLink))
		return false;
	if (IsA(node, ColumnRef))
	{
		ColumnRef *reference = castNode(ColumnRef, node);
		char *name = ec_rows_column_name(node);

		if (list_length(reference->fields) > 1 || name == NULL)
			return false;
		return list_length(rows->from) != 1 ||
			   !IsA(linitial(rows->from), RangeVar) || rows->sources == NIL ||
			   (ec_find_column(rows->planner->lint.world, rows->relation, name) !=
					NULL &&
				!ec_rows_is_own_column(rows, reference));
	}
	return raw_expression_tree_walker(node, is_ambiguous, context);
}

/*
 * FROM and USING become sub-selects.  There a name of both tables would mean
 * the other one, where the statement fails.
 */
static void
check_from(EcRows *rows, bool is_update)
{
	const RangeVar *name = linitial(rows->from);

	if (is_ambiguous(rows->condition, rows) ||
		is_ambiguous((Node *) rows->targets, rows))
		rows->reason =
			"a column's name could be of either table; qualify it with the table's name";
	else if (!is_update)
		return;
	else if (list_length(rows->from) != 1 || !IsA(name, RangeVar))
		rows->reason =
			"FROM has more than one table; put the new values into a table with a unique index, and take them from there";
	else if (rows->sources == NIL || !finds_one(rows, linitial(rows->sources)))
		rows->reason =
			psprintf("the condition finds rows of \"%s\" by no unique key, so it does not say which value a row gets; create a unique index there",
					 name->relname);
}

/* "a = x, b = y", as it is or from the other table */
static char *
assignments_text(EcRows *rows, int set, int end, const char *from,
				 const char *condition)
{
	StringInfoData columns;
	StringInfoData values;
	ListCell *cell;

	if (rows->from == NIL)
		return ec_rows_text(rows, set + 1, end);
	initStringInfo(&columns);
	initStringInfo(&values);
	foreach (cell, rows->assigned)
	{
		const EcAssigned *assigned = lfirst(cell);

		if (assigned->text == NULL || assigned->is_part)
		{
			rows->reason = "a value of FROM cannot be taken from a sub-select";
			return NULL;
		}
		appendStringInfo(&columns, "%s%s", columns.len > 0 ? ", " : "",
						 quote_identifier(assigned->name));
		appendStringInfo(&values, "%s%s", values.len > 0 ? ", " : "",
						 assigned->text);
	}
	return psprintf(list_length(rows->assigned) > 1
						? "(%s) = (SELECT %s FROM %s WHERE %s)"
						: "%s = (SELECT %s FROM %s WHERE %s)",
					columns.data, values.data, from, condition);
}

/*
 * Batches are sized by time, so that the whole does not take many times as long
 * as the statement.
 */
static char *
relation_literal(const EcRows *rows)
{
	return quote_literal_cstr(
		ec_plan_name(rows->relation->schema, rows->relation->name));
}

static char *
plan_update(EcRows *rows)
{
	const EcPieces *pieces = rows->pieces;
	int set =
		find_before(pieces,
					ec_piece_at(pieces,
								linitial_node(ResTarget, rows->targets)->location),
					"set");
	int where = rows->condition ? find_clause(pieces, set, "where") : pieces->count;
	int from = where;
	char *from_text = NULL;
	char *condition = NULL;
	char *assignments;
	char *predicate;

	if (rows->from != NIL)
	{
		from = find_before(pieces,
						   ec_piece_at(pieces, exprLocation(linitial(rows->from))),
						   "from");
		from_text = ec_rows_text(rows, from + 1, where);
	}
	if (rows->condition != NULL)
		condition = ec_rows_text(rows, where + 1, pieces->count);
	read_assignments(rows, set + 1, from);
	if (rows->from != NIL)
		check_from(rows, true);
	check_partition_keys(rows);
	if (rows->reason != NULL)
		return NULL;
	assignments = assignments_text(rows, set, from, from_text, condition);
	predicate = rows->reason == NULL ? ec_rows_predicate(rows, condition) : NULL;
	if (rows->reason != NULL)
		return NULL;
	if (rows->from != NIL)
		predicate =
			psprintf("EXISTS (SELECT FROM %s WHERE %s)", from_text, predicate);
	return predicate == NULL
			   ? psprintf("SELECT %s.ec_backfill(%s, %s, batch_size => 0)",
						  rows->planner->extension, relation_literal(rows),
						  quote_literal_cstr(assignments))
			   : psprintf("SELECT %s.ec_backfill(%s, %s, %s, batch_size => 0)",
						  rows->planner->extension, relation_literal(rows),
						  quote_literal_cstr(assignments),
						  quote_literal_cstr(predicate));
}

static char *
plan_delete(EcRows *rows)
{
	const EcPieces *pieces = rows->pieces;
	int where = rows->condition ? find_clause(pieces, 0, "where") : pieces->count;
	char *predicate = "true";

	if (rows->from != NIL)
		check_from(rows, false);
	if (rows->reason != NULL)
		return NULL;
	if (rows->condition != NULL)
		predicate = ec_rows_text(rows, where + 1, pieces->count);
	if (rows->from != NIL)
		predicate =
			psprintf("EXISTS (SELECT FROM %s WHERE %s)",
					 ec_rows_text(rows, find_clause(pieces, 0, "using") + 1, where),
					 predicate);
	return psprintf("SELECT %s.ec_delete(%s, %s, batch_size => 0)",
					rows->planner->extension, relation_literal(rows),
					quote_literal_cstr(predicate));
}

static bool
has_default(const EcRows *rows)
{
	ListCell *cell;

	foreach (cell, rows->targets)
		if (IsA(lfirst_node(ResTarget, cell)->val, SetToDefault))
			return true;
	return false;
}

/* What no job can do, whatever its parts are. */
static char *
reason_against(EcRows *rows, const WithClause *with, bool returns)
{
	bool has_leaves =
		list_length(ec_world_family(rows->planner->lint.world, rows->relation)) > 1;

	if (with != NULL)
		return "its WITH is computed once, and a job has many statements; put what it reads into a table";
	if (returns)
		return "a job returns no rows; leave RETURNING out";
	if (rows->condition != NULL && IsA(rows->condition, CurrentOfExpr))
		return "a job has no cursor";
	if (rows->relation->kind != RELKIND_RELATION &&
		rows->relation->kind != RELKIND_PARTITIONED_TABLE)
		return "jobs write to tables";
	if (!rows->name->inh && has_leaves)
		return "a job writes to the partitions and children, too";
	if (has_rules(rows->relation->oid))
		return "the table has rules";
	if (has_leaves && has_default(rows))
		return "each partition may have a default of its own; write the value out";
	return NULL;
}

void
ec_plan_rows(EcPlanner *planner, EcDraft *draft, Node *node)
{
	bool is_update = IsA(node, UpdateStmt);
	UpdateStmt *update = (UpdateStmt *) node;
	DeleteStmt *delete = (DeleteStmt *) node;
	EcRows rows = {0};
	EcPlanStep *step;
	char *sql = NULL;

	rows.planner = planner;
	rows.name = is_update ? update->relation : delete->relation;
	rows.relation = ec_world_find(planner->lint.world, rows.name);
	if (rows.relation == NULL || ec_is_new(rows.relation))
		return;
	ec_load_facts(planner->lint.world, rows.relation);
	rows.targets = is_update ? update->targetList : NIL;
	rows.from = is_update ? update->fromClause : delete->usingClause;
	rows.condition = is_update ? update->whereClause : delete->whereClause;
	rows.reason =
		reason_against(&rows, is_update ? update->withClause : delete->withClause,
					   is_update ? ec_has_returning(update)
								 : ec_has_returning(delete));
	if (rows.reason == NULL && rows.name->inh &&
		ec_plan_foreign(planner, rows.relation) != NULL)
		rows.reason =
			psprintf("%s is a foreign table, whose rows a job does not write; write those of each of the others",
					 quote_identifier(ec_plan_foreign(planner, rows.relation)->name));
	if (rows.reason == NULL)
	{
		rows.pieces = ec_pieces_of(planner->statement);
		ec_rows_look_at_names(&rows);
	}
	if (rows.reason == NULL &&
		(ec_lint_is_volatile(planner->lint.world, rows.condition) ||
		 ec_lint_is_volatile(planner->lint.world, (Node *) rows.from)))
		rows.reason =
			"its condition is volatile, so it selects other rows in each batch";
	if (rows.reason == NULL)
		sql = is_update ? plan_update(&rows) : plan_delete(&rows);
	draft->reason = rows.reason;
	if (sql == NULL)
		return;
	step = ec_plan_step(draft, EC_PLAN_JOB, sql, rows.relation,
						RowExclusiveLock, true);
	step->detail = is_update ? "updates the rows in batches"
							 : "deletes the rows in batches";
}
