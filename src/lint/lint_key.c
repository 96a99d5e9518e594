/*
 * lint_key.c
 *		The lint's rules for foreign keys.
 *
 * A foreign key concerns two tables: adding or dropping it locks both, and
 * validating its rows reads both.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "nodes/makefuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parse_oper.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "lint/lint_rules.h"

/* The names in a list of String nodes, joined. */
char *
ec_lint_joined(List *names, const char *separator, bool quoted)
{
	StringInfoData text;
	ListCell *cell;

	initStringInfo(&text);
	foreach (cell, names)
	{
		const char *name = strVal(lfirst(cell));

		appendStringInfo(&text, "%s%s", text.len > 0 ? separator : "",
						 quoted ? quote_identifier(name) : name);
	}
	return text.data;
}

/* As the server would choose it; it cuts longer names by itself. */
char *
ec_lint_constraint_name(const char *table, const char *columns, const char *suffix)
{
	return pstrdup(quote_identifier(
		psprintf("%s_%s%s%s", table, columns, *columns ? "_" : "", suffix)));
}

static List *
numbers_of(EcWorld *world, EcRelation *relation, List *names)
{
	List *numbers = NIL;
	ListCell *cell;

	foreach (cell, names)
	{
		EcColumn *column = ec_find_column(world, relation, strVal(lfirst(cell)));

		numbers = lappend_int(numbers, column ? column->number : 0);
	}
	return numbers;
}

static List *
primary_key_of(EcWorld *world, EcRelation *relation)
{
	ListCell *cell;

	ec_load_facts(world, relation);
	foreach (cell, relation->constraints)
	{
		EcConstraint *constraint = lfirst(cell);

		if (constraint->type == CONSTRAINT_PRIMARY)
			return constraint->keys;
	}
	return NIL;
}

/* True if a search by these columns can use an index. */
static bool
is_indexed(EcRelation *relation, List *numbers)
{
	ListCell *cell;

	foreach (cell, relation->indexes)
	{
		EcIndex *index = lfirst(cell);
		ListCell *key;
		int found = 0;

		if (index->is_partial)
			continue;
		foreach (key, index->keys)
		{
			if (!list_member_int(numbers, lfirst_int(key)))
				break;
			found++;
		}
		if (found == list_length(numbers))
			return true;
	}
	return false;
}

/* The server compares them directly, or after an implicit cast. */
static bool
compare(Oid referenced, Oid referencing)
{
	Oid input[1] = {getBaseType(referencing)};
	Oid target[1] = {getBaseType(referenced)};

	return can_coerce_type(1, input, target, COERCION_IMPLICIT) ||
		   OidIsValid(OpernameGetOprid(list_make2(makeString("pg_catalog"),
												  makeString("=")),
									   target[0], input[0]));
}

static void
check_types(EcLint *lint, EcRelation *relation, List *numbers,
			EcRelation *target, List *keys)
{
	ListCell *one;
	ListCell *other;

	forboth (one, numbers, other, keys)
	{
		EcColumn *column = ec_column_numbered(relation, lfirst_int(one));
		EcColumn *key = ec_column_numbered(target, lfirst_int(other));

		if (column == NULL || key == NULL || !OidIsValid(column->type) ||
			!OidIsValid(key->type) || compare(key->type, column->type))
			continue;
		ec_lint_explain(ec_lint_add(lint, "will_fail", relation),
						": %s and %s, the types of %s and of the column that it refers to, do not compare",
						format_type_be(column->type), format_type_be(key->type),
						quote_identifier(column->name));
	}
}

static void
enter_key(EcRelation *relation, const Constraint *constraint, List *columns,
		  List *numbers, EcRelation *target, List *keys)
{
	EcConstraint *entered = palloc0(sizeof(EcConstraint));
	ListCell *cell;

	entered->name = constraint->conname
						? pstrdup(constraint->conname)
						: psprintf("%s_%s_fkey", relation->name,
								   ec_lint_joined(columns, "_", false));
	entered->type = CONSTRAINT_FOREIGN;
	entered->is_enforced = ec_is_enforced(constraint);
	entered->is_valid = !constraint->skip_validation && entered->is_enforced;
	entered->is_new = true;
	entered->referenced = target;
	entered->keys = numbers;
	foreach (cell, numbers)
	{
		if (lfirst_int(cell) > 0)
			entered->columns = bms_add_member(entered->columns, lfirst_int(cell));
	}
	entered->referenced_keys = keys;
	relation->constraints = lappend(relation->constraints, entered);
}

static bool
has_rows(EcWorld *world, EcRelation *relation)
{
	ListCell *cell;

	foreach (cell, ec_world_partitions(world, relation))
	{
		if (ec_lint_blocks(lfirst(cell)) > 0)
			return true;
	}
	return false;
}

void
ec_lint_foreign_key(EcLint *lint, EcRelation *relation, const Constraint *constraint,
					List *columns, bool is_scanned, LOCKMODE lock)
{
	EcWorld *world = lint->world;
	EcRelation *target = ec_world_find(world, constraint->pktable);
	List *numbers = numbers_of(world, relation, columns);
	List *targets = target ? ec_world_partitions(world, target) : NIL;
	List *keys = NIL;
	bool is_new_column = false;
	bool is_null = false; /* in every row, so that nothing is looked up */
	ListCell *cell;

	ec_lint_effects(lint, targets, ShareRowExclusiveLock, false, false);
	if (target != NULL)
		keys = constraint->pk_attrs
				   ? numbers_of(world, target, constraint->pk_attrs)
				   : primary_key_of(world, target);
	foreach (cell, numbers)
	{
		EcColumn *column = ec_column_numbered(relation, lfirst_int(cell));

		is_new_column |= column == NULL || column->is_new;
		is_null |= column != NULL && column->is_new && !column->has_default &&
				   !column->is_identity;
	}
	if (target != NULL && !ec_is_new(relation))
		check_types(lint, relation, numbers, target, keys);
	if (is_scanned)
	{
		ec_lint_stop(lint, "add_foreign_key",
					 ec_world_partitions(world, relation), lock, false, true);
		/* An empty table has no rows to validate. */
		if (target != NULL && target != relation && !is_null &&
			has_rows(world, relation))
			ec_lint_explain(ec_lint_stop(lint, "add_foreign_key", targets,
										 ShareRowExclusiveLock, false, true),
							"; this one is the table that it refers to");
	}
	else if (!ec_is_new(relation) && !is_new_column && ec_is_enforced(constraint))
		(void) ec_lint_add(lint, "restrict_writes", relation);
	if (!ec_is_new(relation) && !is_indexed(relation, numbers) &&
		!list_member_int(numbers, 0))
		ec_lint_add(lint, "unindexed_key", relation)->recipe =
			psprintf("CREATE INDEX CONCURRENTLY ON %s (%s);",
					 quote_qualified_identifier(relation->schema, relation->name),
					 ec_lint_joined(columns, ", ", true));
	enter_key(relation, constraint, columns, numbers, target, keys);
}

void
ec_lint_check_key(EcLint *lint, EcRelation *relation, EcConstraint *constraint,
				  LOCKMODE lock, LOCKMODE referenced_lock)
{
	List *relations = ec_world_partitions(lint->world, relation);
	EcRelation *target = constraint->referenced;

	if (lock < ShareLock)
		ec_lint_effects(lint, relations, lock, false, true);
	else
		ec_lint_stop(lint, "add_foreign_key", relations, lock, false, true);
	/* An empty table has no rows to validate. */
	if (target == NULL || target == relation)
		return;
	if (!has_rows(lint->world, relation))
		ec_lint_effects(lint, ec_world_partitions(lint->world, target),
						referenced_lock, false, false);
	else if (referenced_lock < ShareLock)
		ec_lint_effects(lint, ec_world_partitions(lint->world, target),
						referenced_lock, false, true);
	else
		ec_lint_explain(ec_lint_stop(lint, "add_foreign_key",
									 ec_world_partitions(lint->world, target),
									 referenced_lock, false, true),
						"; this one is the table that it refers to");
}

/* Dropping a foreign key drops its triggers on both tables. */
void
ec_lint_drop_key(EcLint *lint, EcRelation *relation, const EcConstraint *constraint)
{
	if (constraint->type == CONSTRAINT_FOREIGN && constraint->referenced != NULL)
		ec_lint_effects(lint,
						ec_world_partitions(lint->world, constraint->referenced),
						AccessExclusiveLock, false, false);
}
