/*
 * compiled.c
 *		A change in the compiled form that the trigger of one table executes.
 *
 * A compiled change stays valid until the table's relcache entry is
 * invalidated.  Whoever modifies a change also invalidates its table, see
 * change.c.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/datum.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/syscache.h"

#include "core/subtransaction.h"
#include "dualwrite/columns/compiled.h"
#include "dualwrite/mapping.h"
#include "dualwrite/safe.h"
#include "dualwrite/table.h"
#include "model/owner.h"
#include "expand_contract.h"

static HTAB *all_compiled = NULL;

static void
forget_relation(Datum arg, Oid relation)
{
	HASH_SEQ_STATUS scan;
	EcCompiled *compiled;

	hash_seq_init(&scan, all_compiled);
	while ((compiled = hash_seq_search(&scan)) != NULL)
		if (!OidIsValid(relation) || compiled->relation == relation ||
			compiled->root == relation)
			compiled->is_valid = false;
}

/* A function's body may have been inlined into an expression. */
static void
forget_all(Datum arg, int cache, uint32 hash)
{
	forget_relation(arg, InvalidOid);
}

/* A domain's constraints are compiled into the expressions. */
static void
forget_domains(Datum arg, int cache, uint32 hash)
{
	HASH_SEQ_STATUS scan;
	EcCompiled *compiled;

	hash_seq_init(&scan, all_compiled);
	while ((compiled = hash_seq_search(&scan)) != NULL)
		if (compiled->uses_domain)
			compiled->is_valid = false;
}

static void
start_cache(void)
{
	HASHCTL control = {0};

	control.keysize = sizeof(Oid);
	control.entrysize = sizeof(EcCompiled);
	control.hcxt = TopMemoryContext;
	all_compiled = hash_create("expand_contract dual writes", 16, &control,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	CacheRegisterRelcacheCallback(forget_relation, (Datum) 0);
	CacheRegisterSyscacheCallback(PROCOID, forget_all, (Datum) 0);
	CacheRegisterSyscacheCallback(TYPEOID, forget_domains, (Datum) 0);
	CacheRegisterSyscacheCallback(CONSTROID, forget_domains, (Datum) 0);
}

/*
 * Opens the change's table: the relation itself, or its ancestor in a
 * partition or inheritance tree.  The trigger's own table is already locked,
 * which protects the definitions of its parents as well.
 */
static Relation
open_root(Relation relation, const EcChange *change)
{
	if (change->relation == RelationGetRelid(relation))
	{
		RelationIncrementReferenceCount(relation);
		return relation;
	}
	return try_table_open(change->relation, AccessShareLock);
}

static void
close_root(Relation root, Relation relation)
{
	if (root == relation)
		RelationDecrementReferenceCount(root);
	else
		table_close(root, AccessShareLock);
}

static void
note_constant_default(Relation relation, EcCompiledColumn *column)
{
	Node *expression;

	if (TupleDescAttr(RelationGetDescr(relation), column->attnum - 1)->attgenerated)
		return;
	expression = build_column_default(relation, column->attnum);
	if (expression == NULL || contain_mutable_functions(expression))
		return;
	expression = (Node *) expression_planner((Expr *) expression);
	/* A domain's constraints do not change the value. */
	while (IsA(expression, CoerceToDomain))
		expression = (Node *) ((CoerceToDomain *) expression)->arg;
	if (!IsA(expression, Const) || ((Const *) expression)->constisnull)
		return;
	column->has_default = true;
	column->default_value = datumCopy(((Const *) expression)->constvalue,
									  column->by_value, column->length);
}

static void
compile_column(Relation relation, const EcChangeColumn *known,
			   AttrNumber attnum, EcCompiledColumn *column)
{
	Form_pg_attribute attribute =
		TupleDescAttr(RelationGetDescr(relation), attnum - 1);

	memset(column, 0, sizeof(*column));
	column->attnum = attnum;
	column->name = pstrdup(NameStr(attribute->attname));
	column->length = attribute->attlen;
	column->by_value = attribute->attbyval;
	column->is_not_null = attribute->attnotnull;
	column->known = known;
	note_constant_default(relation, column);
}

/*
 * Generated columns are computed only after BEFORE triggers.  attnum 0 is the
 * whole row.
 */
static bool
reads_generated(Relation relation, AttrNumber attnum)
{
	TupleDesc columns = RelationGetDescr(relation);

	for (int i = 0; i < columns->natts; i++)
		if ((attnum == 0 || attnum == i + 1) && TupleDescAttr(columns, i)->attgenerated)
			return true;
	return false;
}

/*
 * Collects the CHECK constraints that read a column which the direction
 * writes.
 */
static void
compile_checks(Relation relation, EcDirection *direction)
{
	TupleConstr *constraints = RelationGetDescr(relation)->constr;
	int count = constraints ? constraints->num_check : 0;

	direction->checks = palloc0(sizeof(EcCompiledCheck) * Max(1, count));
	for (int i = 0; i < count; i++)
	{
		Node *expression = stringToNode(constraints->check[i].ccbin);
		Bitmapset *reads = NULL;
		bool is_ours = false;
		bool can_try = ec_check_is_enforced(constraints->check[i]);
		int member = -1;

		pull_varattnos(expression, 1, &reads);
		while ((member = bms_next_member(reads, member)) >= 0)
		{
			AttrNumber attnum = member + FirstLowInvalidHeapAttributeNumber;

			can_try = can_try && !reads_generated(relation, attnum);
			for (int j = 0; j < direction->count; j++)
				is_ours |= direction->columns[j].attnum == attnum || attnum == 0;
		}
		if (!is_ours || !can_try)
			continue;
		direction->checks[direction->check_count].name =
			pstrdup(constraints->check[i].ccname);
		direction->checks[direction->check_count++].expression = (Expr *) expression;
	}
}

static void
compile_direction(Relation relation, EcDirection *direction, List *names)
{
	direction->attnums = palloc(sizeof(AttrNumber) * Max(1, direction->count));
	for (int i = 0; i < direction->count; i++)
	{
		EcCompiledColumn *column = &direction->columns[i];

		direction->attnums[i] = column->attnum;
		column->expression =
			(Expr *) ec_mapping_reparse(relation, names, relation,
										column->attnum, column->known);
	}
	compile_checks(relation, direction);
	for (int i = 0; i < direction->check_count; i++)
		direction->can_fail |=
			ec_can_fail((Node *) direction->checks[i].expression);
}

List *
ec_change_names(Relation relation, const EcChange *change, const AttrNumber *attnums)
{
	List *names = NIL;
	ListCell *cell;
	int i = 0;

	for (int attnum = 1; attnum <= RelationGetNumberOfAttributes(relation); attnum++)
		names = lappend(names, makeString(""));
	foreach (cell, change->columns)
	{
		EcChangeColumn *column = lfirst(cell);

		lfirst(list_nth_cell(names, attnums[i++] - 1)) = makeString(column->name);
	}
	return names;
}

bool
ec_change_find_columns(Relation relation, const EcChange *change, AttrNumber *attnums)
{
	Relation root = open_root(relation, change);
	ListCell *cell;
	int i = 0;
	bool found;

	if (root == NULL)
		return false;
	/*
	 * Anybody can create the trigger on a table of his own that has such
	 * columns.
	 */
	found = root == relation ||
			typeInheritsFrom(relation->rd_rel->reltype, root->rd_rel->reltype);
	foreach (cell, change->columns)
	{
		attnums[i] = ec_leaf_attnum(relation, root,
									((EcChangeColumn *) lfirst(cell))->attnum);
		found &= attnums[i++] > 0;
	}
	close_root(root, relation);
	return found;
}

/*
 * Loads everything about the change but its expressions.  Returns false if
 * there is no such change for this table.
 */
static bool
load(EcCompiled *compiled, Relation relation, const char *name)
{
	EcChange change;
	AttrNumber *attnums;
	Size size;
	ListCell *cell;
	int i = 0;

	compiled->forward.name = "forward";
	compiled->backward.name = "backward";
	if (!ec_change_load(name, &change) || OidIsValid(change.target))
		return false;
	compiled->root = change.relation;
	attnums = palloc0(sizeof(AttrNumber) * (list_length(change.columns) + 1));
	if (!ec_change_find_columns(relation, &change, attnums))
		return false;
	compiled->queue.change = change.name;
	compiled->is_on = change.dual_write;
	compiled->keeps_names = change.kept_names != NULL;
	compiled->old_is_right = ec_old_is_authority(&change);
	compiled->records = change.records;
	compiled->pinned = ec_pinned(change.settings);
	compiled->names = ec_change_names(relation, &change, attnums);

	size = sizeof(EcCompiledColumn) * (list_length(change.columns) + 1);
	compiled->old_columns = palloc0(size);
	compiled->new_columns = palloc0(size);
	compiled->key = palloc0(size);
	compiled->queue.columns =
		palloc0(sizeof(EcQueueColumn) * (list_length(change.columns) + 1));
	compiled->forward.columns = palloc0(size);
	compiled->backward.columns = palloc0(size);
	foreach (cell, change.columns)
	{
		EcChangeColumn *known = lfirst(cell);
		EcDirection *direction =
			known->side == EC_SIDE_NEW ? &compiled->forward : &compiled->backward;
		EcCompiledColumn column;

		compile_column(relation, known, attnums[i++], &column);
		if (known->key_position > 0)
		{
			EcQueueColumn *queued =
				&compiled->queue.columns[known->key_position - 1];

			queued->attnum = column.attnum;
			queued->known_as = known->name;
			compiled->queue.count++;
			compiled->key[known->key_position - 1] = column;
			compiled->key_count++;
		}
		if (known->side == EC_SIDE_OLD)
			compiled->old_columns[compiled->old_count++] = column;
		else if (known->side == EC_SIDE_NEW)
			compiled->new_columns[compiled->new_count++] = column;
		if (known->expression != NULL)
		{
			direction->columns[direction->count++] = column;
			direction->writes_key |= known->key_position > 0;
		}
	}
	return true;
}

static bool
contains_domain(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return IsA(node, CoerceToDomain) ||
		   expression_tree_walker(node, contains_domain, context);
}

/* Inlining depends on the rights of the role as well. */
static Expr *
plan(EcCompiled *compiled, EcDirection *direction, Expr *expression)
{
	Expr *planned = expression_planner(expression);

	direction->can_fail |= ec_can_fail((Node *) planned);
	/* Planning removes a coercion to a domain that has no constraints yet. */
	compiled->uses_domain |= contains_domain((Node *) expression, NULL) ||
							 contains_domain((Node *) planned, NULL);
	return planned;
}

static void
prepare_direction(EcCompiled *compiled, EcDirection *direction)
{
	direction->can_fail = false;
	for (int i = 0; i < direction->count; i++)
	{
		EcCompiledColumn *column = &direction->columns[i];

		column->value =
			ExecInitExpr(plan(compiled, direction, column->expression), NULL);
	}
	for (int i = 0; i < direction->check_count; i++)
	{
		EcCompiledCheck *check = &direction->checks[i];

		check->state =
			ExecInitCheck(list_make1(plan(compiled, direction, check->expression)),
						  NULL);
	}
}

/*
 * Prepares the expressions for execution.  The executor checks EXECUTE
 * privileges at this point, so this is done for the current role.
 */
static void
prepare(EcCompiled *compiled, Relation relation)
{
	/*
	 * Planning evaluates constant parts, which must happen with the pinned
	 * settings.
	 */
	int guc_level = ec_pinned_begin(compiled->pinned);
	MemoryContext caller;

	compiled->role = GetUserId();
	MemoryContextReset(compiled->states);
	caller = MemoryContextSwitchTo(compiled->states);
	compiled->econtext = CreateStandaloneExprContext();
	compiled->trial =
		MakeSingleTupleTableSlot(CreateTupleDescCopy(RelationGetDescr(relation)),
								 &TTSOpsHeapTuple);
	prepare_direction(compiled, &compiled->forward);
	prepare_direction(compiled, &compiled->backward);
	MemoryContextSwitchTo(caller);
	ec_pinned_end(guc_level);
}

static void
compile_expressions(EcCompiled *compiled, Relation relation)
{
	int guc_level = ec_pinned_begin(compiled->pinned);
	MemoryContext caller = MemoryContextSwitchTo(compiled->memory);

	compiled->role = GetUserId();
	ec_change_require_trust(compiled->queue.change, compiled->root);
	compile_direction(relation, &compiled->forward, compiled->names);
	compile_direction(relation, &compiled->backward, compiled->names);
	prepare(compiled, relation);
	MemoryContextSwitchTo(caller);
	ec_pinned_end(guc_level);
}

typedef struct Compilation
{
	void (*work)(EcCompiled *compiled, Relation relation);
	EcCompiled *compiled;
	Relation relation;
} Compilation;

static void
do_compilation(void *arg)
{
	const Compilation *compilation = arg;

	compilation->work(compilation->compiled, compilation->relation);
}

/* Keeps an error, because only a write may raise or record it. */
static void
try_to(void (*work)(EcCompiled *compiled, Relation relation),
	   EcCompiled *compiled, Relation relation)
{
	Compilation compilation = {work, compiled, relation};
	ErrorData *error = ec_subtransaction_with_error_in(do_compilation, &compilation,
													   compiled->memory);

	if (error != NULL && !ec_may_swallow(error))
		ReThrowError(error);
	if (error != NULL)
		compiled->error = error;
}

static void
compile(EcCompiled *compiled, Relation relation, Trigger *trigger)
{
	FullTransactionId gap_transaction = compiled->queue.gap_transaction;
	bool has_warned = compiled->has_warned;
	MemoryContext caller;

	if (compiled->memory != NULL)
		MemoryContextDelete(compiled->memory);
	memset(compiled, 0, sizeof(*compiled));
	compiled->trigger = trigger->tgoid;
	compiled->relation = RelationGetRelid(relation);
	compiled->queue.gap_transaction = gap_transaction;
	compiled->has_warned = has_warned;
	/*
	 * Set first, so that an invalidation that arrives during compilation
	 * resets it.
	 */
	compiled->is_valid = true;
	compiled->is_busy = true;
	compiled->memory =
		AllocSetContextCreate(TopMemoryContext, "expand_contract dual write",
							  ALLOCSET_SMALL_SIZES);
	compiled->states =
		AllocSetContextCreate(compiled->memory, "expand_contract expressions",
							  ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(compiled->memory);
	compiled->is_found =
		trigger->tgnargs == 1 && load(compiled, relation, trigger->tgargs[0]);
	MemoryContextSwitchTo(caller);
	if (compiled->is_found)
		try_to(compile_expressions, compiled, relation);
	compiled->is_busy = false;
}

/*
 * Entries are never removed, so pointers to them stay valid for the session.
 */
static EcCompiled *
find_entry(Oid trigger)
{
	EcCompiled *compiled;
	bool found;

	if (all_compiled == NULL)
		start_cache();
	compiled = hash_search(all_compiled, &trigger, HASH_ENTER, &found);
	if (!found)
	{
		memset(compiled, 0, sizeof(*compiled));
		compiled->trigger = trigger;
	}
	return compiled;
}

/*
 * A separate function, since local variables of the caller would be clobbered
 * by PG_TRY's longjmp.
 */
static pg_noinline void
compile_or_forget(EcCompiled *compiled, Relation relation, Trigger *trigger)
{
	PG_TRY();
	{
		compile(compiled, relation, trigger);
	}
	PG_CATCH();
	{
		compiled->is_busy = false;
		compiled->is_valid = false;
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/*
 * A function in an expression has written to the table for which the
 * expression is being computed.
 */
static void
refuse_to_enter_again(const EcCompiled *compiled, Relation relation)
{
	ereport(ERROR,
			(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
			 errmsg("expressions of a change cannot write to their own table"),
			 errdetail("A function that an expression of change \"%s\" calls writes to table \"%s\".",
					   compiled->queue.change ? compiled->queue.change : "",
					   RelationGetRelationName(relation)),
			 errhint("Let the functions of a mapping read only.")));
}

EcCompiled *
ec_compiled(Relation relation, Trigger *trigger, EcCompiled *known)
{
	EcCompiled *compiled = known;

	if (compiled == NULL || compiled->trigger != trigger->tgoid)
		compiled = find_entry(trigger->tgoid);
	if (compiled->is_busy)
		refuse_to_enter_again(compiled, relation);
	/*
	 * Expressions that failed to compile for one role may compile for another.
	 */
	if (compiled->is_valid && compiled->error != NULL &&
		compiled->role != GetUserId())
		compiled->is_valid = false;
	if (!compiled->is_valid)
		compile_or_forget(compiled, relation, trigger);
	else if (compiled->is_found && compiled->role != GetUserId())
		ec_compiled_reset(compiled, relation);
	return compiled;
}

void
ec_compiled_reset(EcCompiled *compiled, Relation relation)
{
	bool was_busy = compiled->is_busy;

	compiled->is_busy = true;
	PG_TRY();
	{
		try_to(prepare, compiled, relation);
	}
	PG_CATCH();
	{
		compiled->is_busy = was_busy;
		/* For example a cancel: the new state is incomplete. */
		compiled->is_valid = false;
		PG_RE_THROW();
	}
	PG_END_TRY();
	compiled->is_busy = was_busy;
}
