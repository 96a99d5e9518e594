/*
 * lint_partition.c
 *		The lint's rules for creating and attaching partitions.
 *
 * The server scans the partition, and the default partition, unless a valid
 * CHECK implies the partition bound.  The server's own prover decides that,
 * given the bound and the constraints as the script has changed them.  It
 * evaluates comparisons of constants, so constraints with user-defined
 * functions or operators are left out.  All this happens in a subtransaction
 * that is rolled back, and does not wait for locks.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/relation.h"
#include "access/sysattr.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "parser/parse_utilcmd.h"
#include "partitioning/partbounds.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "core/pinned.h"
#include "core/subtransaction.h"
#include "lint/lint_rules.h"

typedef struct Proof
{
	EcLint *lint;
	EcRelation *parent;
	EcRelation *partition; /* whose constraints are asked */
	PartitionBoundSpec *bound;
	bool of_default; /* does the default partition have no row for the bound? */
	bool is_proven;
	MemoryContext memory; /* of the caller, if it wants the rule as text */
	char *text;
} Proof;

static bool
is_users_function(Oid function, void *context)
{
	return function >= FirstNormalObjectId;
}

static bool
calls_users_function(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, is_users_function, context))
		return true;
	return expression_tree_walker(node, calls_users_function, context);
}

static Relation
open_without_waiting(EcRelation *relation)
{
	if (!OidIsValid(relation->oid) ||
		!ConditionalLockRelationOid(relation->oid, AccessShareLock))
		return NULL;
	return try_relation_open(relation->oid, NoLock);
}

/* like PartConstraintImpliedByRelConstraint */
static List *
known_of(Proof *proof, Relation opened)
{
	List *known = NIL;
	ListCell *cell;

	ec_load_facts(proof->lint->world, proof->partition);
	foreach (cell, proof->partition->columns)
	{
		EcColumn *column = lfirst(cell);
		NullTest *test;

		if (!column->is_not_null || column->is_new)
			continue;
		test = makeNode(NullTest);
		test->arg = (Expr *) makeVar(1, column->number, column->type,
									 column->typmod, column->collation, 0);
		test->nulltesttype = IS_NOT_NULL;
		test->location = -1;
		known = lappend(known, test);
	}
	foreach (cell, proof->partition->constraints)
	{
		EcConstraint *constraint = lfirst(cell);
		Node *check = constraint->check;

		if (constraint->type != CONSTRAINT_CHECK || !constraint->is_valid ||
			check == NULL)
			continue;
		if (constraint->is_new)
		{
			ParseState *state = make_parsestate(NULL);
			ParseNamespaceItem *item =
				addRangeTableEntryForRelation(state, opened, AccessShareLock,
											  NULL, false, true);

			addNSItemToQuery(state, item, false, true, true);
			check = transformExpr(state, copyObject(check),
								  EXPR_KIND_CHECK_CONSTRAINT);
			assign_expr_collations(state, check);
		}
		if (calls_users_function(check, NULL))
			continue;
		check = eval_const_expressions(NULL, copyObject(check));
		check = (Node *) canonicalize_qual((Expr *) check, true);
		known = list_concat(known, make_ands_implicit((Expr *) check));
	}
	return known;
}

/* The rule as an expression over the partition's columns. */
static void
note_text(Proof *proof, Relation partition, List *rule)
{
	int level = ec_pin_text();
	List *context = deparse_context_for(RelationGetRelationName(partition),
										RelationGetRelid(partition));
	char *text = deparse_expression((Node *) make_ands_explicit(rule), context,
									false, false);

	AtEOXact_GUC(false, level);
	proof->text = MemoryContextStrdup(proof->memory, text);
}

static void
prove(void *arg)
{
	Proof *proof = arg;
	Relation parent = open_without_waiting(proof->parent);
	Relation partition = open_without_waiting(proof->partition);
	PartitionBoundSpec *bound;
	List *rule;

	if (parent == NULL || partition == NULL ||
		parent->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		return;
	for (int i = 0; i < RelationGetPartitionKey(parent)->partnatts; i++)
	{
		if (RelationGetPartitionKey(parent)->partopfamily[i] >= FirstNormalObjectId)
			return;
	}
	bound = transformPartitionBound(make_parsestate(NULL), parent,
									copyObject(proof->bound));
	rule = get_qual_from_partbound(parent, bound);
	if (proof->of_default)
		rule = get_proposed_default_constraint(rule);
	else
	{
		rule = list_concat(rule, RelationGetPartitionQual(parent));
		if (rule == NIL)
		{
			/* the first partition, for all rows */
			proof->is_proven = true;
			return;
		}
		rule = (List *) eval_const_expressions(NULL, (Node *) rule);
		rule = list_make1(make_ands_explicit(rule));
	}
	rule = map_partition_varattnos(rule, 1, partition, parent);
	proof->is_proven = predicate_implied_by(rule, known_of(proof, partition), true);
	if (proof->memory != NULL)
		note_text(proof, partition, rule);
}

/* Handles bounds given as literals; others would have to be evaluated. */
static bool
are_constants(List *values)
{
	ListCell *cell;

	foreach (cell, values)
	{
		Node *value = lfirst(cell);

		if (IsA(value, TypeCast))
			value = castNode(TypeCast, value)->arg;
		if (!IsA(value, A_Const) && !IsA(value, ColumnRef))
			return false;
	}
	return true;
}

/* Returns whether the proof could be tried. */
static bool
try_proof(Proof *proof)
{
	PartitionBoundSpec *bound = proof->bound;
	ErrorData *error;

	if (ec_is_new(proof->parent) || IsInParallelMode() ||
		!are_constants(bound->listdatums) ||
		!are_constants(bound->lowerdatums) || !are_constants(bound->upperdatums))
		return false;
	ec_load_facts(proof->lint->world, proof->partition);
	error = ec_subtransaction_undone(prove, proof);
	if (error != NULL &&
		(error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
		 ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION))
		ReThrowError(error);
	return error == NULL;
}

static bool
is_proven(EcLint *lint, EcRelation *parent, EcRelation *partition,
		  PartitionBoundSpec *bound, bool of_default)
{
	Proof proof = {lint,       parent, partition, bound,
				   of_default, false,  NULL,      NULL};

	return try_proof(&proof) && proof.is_proven;
}

char *
ec_lint_bound_text(EcLint *lint, EcRelation *parent, EcRelation *partition,
				   PartitionBoundSpec *bound, bool of_default, bool *is_proven)
{
	Proof proof = {lint,
				   parent,
				   partition,
				   bound,
				   of_default,
				   false,
				   CurrentMemoryContext,
				   NULL};

	*is_proven = try_proof(&proof) && proof.is_proven;
	return proof.text;
}

bool
ec_lint_detached_column(EcRelation *partition, char **column)
{
	Relation opened = open_without_waiting(partition);
	Bitmapset *columns = NULL;
	int bit;

	if (opened == NULL)
		return false;
	pull_varattnos((Node *) RelationGetPartitionQual(opened), 1, &columns);
	*column = bms_get_singleton_member(columns, &bit)
				  ? get_attname(partition->oid,
								bit + FirstLowInvalidHeapAttributeNumber, true)
				  : NULL;
	relation_close(opened, AccessShareLock);
	return true;
}

EcRelation *
ec_lint_default_partition(EcLint *lint, EcRelation *parent)
{
	EcRelation *partition;

	if (ec_is_new(parent))
		return NULL;
	partition =
		ec_world_relation(lint->world, get_default_partition_oid(parent->oid));
	return partition != NULL && !partition->is_dropped ? partition : NULL;
}

/* Returns the leaf partitions for which the bound is not proven. */
static List *
unproven(EcLint *lint, EcRelation *parent, EcRelation *partition,
		 PartitionBoundSpec *bound, bool of_default)
{
	List *relations = NIL;
	ListCell *cell;

	if (ec_is_new(partition))
		return NIL;
	if (is_proven(lint, parent, partition, bound, of_default))
		return NIL;
	if (partition->kind != RELKIND_PARTITIONED_TABLE)
		return list_make1(partition);
	foreach (cell, ec_world_children(lint->world, partition))
	{
		relations = list_concat(relations, unproven(lint, parent, lfirst(cell),
													bound, of_default));
	}
	return relations;
}

static void
lint_default(EcLint *lint, EcRelation *parent, PartitionBoundSpec *bound)
{
	EcRelation *partition = ec_lint_default_partition(lint, parent);
	List *scanned;

	if (partition == NULL || bound->is_default)
		return;
	ec_lint_effects(lint, ec_world_family(lint->world, partition),
					AccessExclusiveLock, false, false);
	scanned = unproven(lint, parent, partition, bound, true);
	if (scanned != NIL)
	{
		EcFinding *finding = ec_lint_stop(lint, "attach_partition", scanned,
										  AccessExclusiveLock, false, true);

		ec_lint_explain(finding, "; this one is the default partition");
	}
}

/*
 * True if both have the same columns by name, in the same order and with the
 * same sort order.
 */
static bool
are_alike(EcRelation *parent, const EcIndex *one, EcRelation *child,
		  const EcIndex *other)
{
	if (one->method != other->method || one->is_unique > other->is_unique ||
		one->is_partial != other->is_partial ||
		list_length(one->keys) != list_length(other->keys) ||
		(one->in_expressions == NULL) != (other->in_expressions == NULL))
		return false;
	for (int i = 0; i < list_length(one->keys); i++)
	{
		EcColumn *column = ec_column_numbered(parent, list_nth_int(one->keys, i));
		EcColumn *own = ec_column_numbered(child, list_nth_int(other->keys, i));

		if ((column == NULL) != (own == NULL) ||
			(column != NULL && strcmp(column->name, own->name) != 0) ||
			list_nth_oid(one->opclasses, i) != list_nth_oid(other->opclasses, i) ||
			list_nth_oid(one->collations, i) != list_nth_oid(other->collations, i))
			return false;
	}
	return true;
}

List *
ec_lint_lacking_indexes(EcLint *lint, EcRelation *parent, EcRelation *child)
{
	List *lacking = NIL;
	ListCell *cell;

	ec_load_facts(lint->world, parent);
	ec_load_facts(lint->world, child);
	foreach (cell, parent->indexes)
	{
		const EcIndex *index = lfirst(cell);
		bool found = false;
		ListCell *other;

		foreach (other, child->indexes)
		{
			found |= are_alike(parent, index, child, lfirst(other));
		}
		if (!found)
			lacking = lappend(lacking, lfirst(cell));
	}
	return lacking;
}

/*
 * The child gets the parent's foreign keys, and the server validates its rows.
 */
static void
lint_keys(EcLint *lint, EcRelation *parent, EcRelation *child)
{
	ListCell *cell;

	foreach (cell, parent->constraints)
	{
		EcConstraint *key = lfirst(cell);
		bool found = false;
		ListCell *other;

		if (key->type != CONSTRAINT_FOREIGN || key->referenced == NULL)
			continue;
		foreach (other, child->constraints)
		{
			EcConstraint *own = lfirst(other);

			found |= own->type == CONSTRAINT_FOREIGN &&
					 own->referenced == key->referenced;
		}
		ec_lint_effects(lint, ec_world_family(lint->world, key->referenced),
						ShareRowExclusiveLock, false, false);
		if (found)
			continue;
		(void) ec_lint_stop(lint, "attach_partition", list_make1(child),
							AccessExclusiveLock, false, true);
		if (!ec_is_new(child))
			(void) ec_lint_stop(lint, "add_foreign_key",
								list_make1(key->referenced),
								ShareRowExclusiveLock, false, true);
	}
}

/* The foreign keys of other tables to the parent become ones to the child. */
static void
lock_referencing(EcLint *lint, EcRelation *parent)
{
	ListCell *cell;

	foreach (cell, ec_inbound_keys(lint->world, parent))
	{
		ec_lint_effect(lint, ((EcInboundKey *) lfirst(cell))->relation,
					   ShareRowExclusiveLock, false, false);
	}
}

void
ec_lint_attach(EcLint *lint, EcRelation *parent, EcRelation *child,
			   PartitionBoundSpec *bound, LOCKMODE lock)
{
	List *family = ec_world_family(lint->world, child);
	List *scanned = NIL;

	if (bound == NULL)
		return; /* of an index */
	ec_lint_effects(lint, family, AccessExclusiveLock, false, false);
	if (!ec_is_new(child))
		scanned = ec_lint_lacking_indexes(lint, parent, child) != NIL
					  ? family
					  : unproven(lint, parent, child, bound, false);
	if (scanned != NIL)
		ec_lint_stop(lint, "attach_partition", scanned, AccessExclusiveLock,
					 false, true);
	ec_load_facts(lint->world, parent);
	lock_referencing(lint, parent);
	lint_keys(lint, parent, child);
	lint_default(lint, parent, bound);
}

/*
 * CREATE TABLE ... PARTITION OF is treated like ATTACH PARTITION of an empty
 * table.
 */
void
ec_lint_new_partition(EcLint *lint, EcRelation *parent, PartitionBoundSpec *bound)
{
	ListCell *cell;

	ec_lint_effect(lint, parent, AccessExclusiveLock, false, false);
	ec_load_facts(lint->world, parent);
	lock_referencing(lint, parent);
	foreach (cell, parent->constraints)
	{
		EcConstraint *key = lfirst(cell);

		if (key->type == CONSTRAINT_FOREIGN && key->referenced != NULL)
			ec_lint_effects(lint, ec_world_family(lint->world, key->referenced),
							ShareRowExclusiveLock, false, false);
	}
	lint_default(lint, parent, bound);
}
