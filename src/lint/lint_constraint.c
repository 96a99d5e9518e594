/*
 * lint_constraint.c
 *		The lint's rules for the forms of ALTER TABLE about constraints, NOT NULL
 *		among them.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "utils/builtins.h"

#include "lint/lint_alter.h"

/*
 * The column does not exist, but something that the lint does not see may add
 * it.
 */
EcFinding *
ec_lint_add_missing_column(EcLintTable *table, const char *rule,
						   const char *column, bool rewrites)
{
	EcFinding *finding = ec_lint_table_add(table, rule);

	finding->rewrites = rewrites;
	finding->scans = true;
	ec_lint_explain(finding, "; there is no column %s", quote_identifier(column));
	return finding;
}

/*
 * Returns the members of the family for which nothing proves that the column
 * has no NULL.
 */
static List *
unproven(EcLintTable *table, const char *name)
{
	List *relations = NIL;
	ListCell *cell;

	foreach (cell, table->family)
	{
		EcRelation *relation = lfirst(cell);
		EcColumn *column = ec_find_column(table->world, relation, name);

		if (column != NULL && !ec_is_proven_not_null(table->world, relation, column))
			relations = lappend(relations, relation);
	}
	return relations;
}

void
ec_lint_mark_not_null(EcLintTable *table, const char *name, bool is_not_null)
{
	ListCell *cell;

	foreach (cell, table->family)
	{
		EcColumn *column = ec_find_column(table->world, lfirst(cell), name);

		if (column != NULL)
			column->is_not_null = is_not_null;
	}
}

void
ec_lint_not_null(EcLintTable *table, const char *name)
{
	EcColumn *column = ec_find_column(table->world, table->relation, name);
	List *relations;

	if (column != NULL && column->is_not_null)
		return;
	relations = unproven(table, name);
	if (relations != NIL)
		ec_lint_table_stop(table, "set_not_null", relations, false);
	else if (column == NULL && !ec_is_new(table->relation))
		ec_lint_add_missing_column(table, "set_not_null", name, false);
	ec_lint_mark_not_null(table, name, true);
}

static bool
is_enforced(const Constraint *constraint)
{
#if PG_VERSION_NUM >= 180000
	return constraint->is_enforced;
#else
	return true;
#endif
}

static EcConstraint *
enter_constraint(EcLintTable *table, EcRelation *relation,
				 const Constraint *constraint, const char *columns,
				 const char *suffix, char type)
{
	EcConstraint *entered = palloc0(sizeof(EcConstraint));

	entered->name = constraint->conname
						? pstrdup(constraint->conname)
						: psprintf("%s_%s%s%s", relation->name, columns,
								   *columns ? "_" : "", suffix);
	entered->type = type;
	entered->is_valid = !constraint->skip_validation && is_enforced(constraint);
	entered->is_new = true;
	relation->constraints = lappend(relation->constraints, entered);
	return entered;
}

static void
lint_check(EcLintTable *table, const Constraint *constraint, const char *column)
{
	List *relations =
		constraint->is_no_inherit ? list_make1(table->relation) : table->family;
	const char *what = column ? column : "";
	Bitmapset *columns =
		ec_columns_in(table->world, table->relation, constraint->raw_expr);
	bool is_new_column = column != NULL;
	int bit = -1;
	ListCell *cell;

	while ((bit = bms_next_member(columns, bit)) >= 0)
	{
		if (ec_column_numbered(table->relation, bit)->is_new)
			is_new_column = true;
	}
	if (!constraint->skip_validation && is_enforced(constraint))
		ec_lint_table_stop(table, "add_check", relations, false);
	else if (!is_new_column && is_enforced(constraint))
		(void) ec_lint_table_add(table, "restrict_writes");
	foreach (cell, relations)
	{
		EcRelation *relation = lfirst(cell);
		EcConstraint *entered = enter_constraint(table, relation, constraint,
												 what, "check", CONSTRAINT_CHECK);

		entered->check = constraint->raw_expr;
		entered->columns =
			ec_columns_in(table->world, relation, constraint->raw_expr);
	}
}

/*
 * The index of a key is built over the whole table, and a primary key requires
 * NOT NULL.
 */
static void
lint_unique(EcLintTable *table, const Constraint *constraint, List *keys)
{
	bool is_primary = constraint->contype == CONSTR_PRIMARY;
	/*
	 * of a partitioned table: on each partition; inheritance children get none
	 */
	List *relations = ec_world_partitions(table->world, table->relation);
	EcFinding *finding;
	EcConstraint *entered;
	ListCell *cell;

	finding = ec_lint_stop(table->lint, "add_unique", relations, ShareLock,
						   false, true);
	finding->lock = table->lock;
	entered =
		enter_constraint(table, table->relation, constraint,
						 is_primary ? "" : ec_lint_joined(keys, "_", false),
						 is_primary ? "pkey" : "key",
						 is_primary ? CONSTRAINT_PRIMARY : CONSTRAINT_UNIQUE);
	foreach (cell, keys)
	{
		EcColumn *column =
			ec_find_column(table->world, table->relation, strVal(lfirst(cell)));

		if (column != NULL)
		{
			entered->keys = lappend_int(entered->keys, column->number);
			entered->columns = bms_add_member(entered->columns, column->number);
		}
		if (!is_primary)
			continue;
		/* Children inherit NOT NULL. */
		if (list_length(table->family) > 1 &&
			(column == NULL || !column->is_not_null))
			(void) ec_lint_table_stop(table, "add_unique",
									  unproven(table, strVal(lfirst(cell))), false);
		ec_lint_mark_not_null(table, strVal(lfirst(cell)), true);
	}
}

/* The index exists already, so only NOT NULL may have to be verified. */
static void
lint_using_index(EcLintTable *table, const Constraint *constraint)
{
	EcIndex *index =
		ec_find_index(table->world, table->relation, constraint->indexname);
	ListCell *cell;

	if (index == NULL || constraint->contype != CONSTR_PRIMARY)
		return;
	foreach (cell, index->keys)
	{
		EcColumn *column = ec_column_numbered(table->relation, lfirst_int(cell));

		if (column != NULL && !column->is_not_null)
			ec_lint_not_null(table, column->name);
	}
}

/* A constraint that is added together with its column, or to the table. */
void
ec_lint_constraint(EcLintTable *table, const Constraint *constraint,
				   const char *column, bool is_all_null)
{
	List *keys = column != NULL ? list_make1(makeString(pstrdup(column)))
				 : constraint->contype == CONSTR_FOREIGN ? constraint->fk_attrs
														 : constraint->keys;

	switch (constraint->contype)
	{
		case CONSTR_CHECK:
			lint_check(table, constraint, column);
			break;
		case CONSTR_FOREIGN:
			ec_lint_foreign_key(table->lint, table->relation, constraint, keys,
								!constraint->skip_validation && !is_all_null &&
									is_enforced(constraint),
								table->lock);
			break;
		case CONSTR_UNIQUE:
		case CONSTR_PRIMARY:
			if (constraint->indexname != NULL)
				lint_using_index(table, constraint);
			else
				lint_unique(table, constraint, keys);
			break;
		case CONSTR_EXCLUSION:
			(void) ec_lint_table_stop(table, "add_exclusion",
									  ec_world_partitions(table->world,
														  table->relation),
									  false);
			break;
		case CONSTR_NOTNULL:
			/*
			 * as a table constraint, possible from 18 on; a NOT VALID one is
			 * checked for new rows only
			 */
			if (column != NULL || constraint->keys == NIL)
				break;
			if (!constraint->skip_validation)
				ec_lint_not_null(table, strVal(linitial(constraint->keys)));
			else
				(void) ec_lint_table_add(table, "restrict_writes");
			break;
		default:
			break;
	}
}

void
ec_lint_validate(EcLintTable *table, const AlterTableCmd *command)
{
	EcConstraint *constraint =
		ec_find_constraint(table->world, table->relation, command->name);
	List *relations = table->family;
	ListCell *cell;

	if (constraint == NULL || constraint->is_valid)
	{
		if (constraint == NULL && !ec_is_new(table->relation))
			ec_lint_explain(ec_lint_table_add(table, "will_fail"),
							": there is no constraint %s",
							quote_identifier(command->name));
		return;
	}
	if (constraint->type == CONSTRAINT_FOREIGN)
	{
		relations = list_make1(table->relation);
		if (constraint->referenced != NULL && constraint->referenced != table->relation)
			ec_lint_effects(table->lint,
							ec_world_family(table->world, constraint->referenced),
							RowShareLock, false, true);
	}
	foreach (cell, relations)
	{
		EcConstraint *own =
			ec_find_constraint(table->world, lfirst(cell), command->name);

		if (own != NULL && !own->is_valid)
			ec_lint_effect(table->lint, lfirst(cell), table->lock, false, true);
		if (own != NULL)
			own->is_valid = true;
		if (own != NULL && own->type == 'n' && own->keys != NIL)
			ec_column_numbered(lfirst(cell), linitial_int(own->keys))->is_not_null =
				true;
	}
	/*
	 * The command's own lock allows others to read and write; a lock of
	 * another command of this statement may not.
	 */
	if (table->lock >= ShareLock)
		ec_lint_table_stop(table, "validate_constraint", relations, false);
}

void
ec_lint_drop_constraint(EcLintTable *table, const AlterTableCmd *command)
{
	EcConstraint *constraint =
		ec_find_constraint(table->world, table->relation, command->name);
	ListCell *cell;

	if (constraint == NULL)
	{
		if (!command->missing_ok && !ec_is_new(table->relation))
			ec_lint_explain(ec_lint_table_add(table, "will_fail"),
							": there is no constraint %s",
							quote_identifier(command->name));
		return;
	}
	ec_lint_drop_key(table->lint, table->relation, constraint);
	if (constraint->type == CONSTRAINT_PRIMARY ||
		constraint->type == CONSTRAINT_UNIQUE)
	{
		foreach (cell, ec_inbound_keys(table->world, table->relation))
		{
			EcInboundKey *inbound = lfirst(cell);

			ec_lint_effect(table->lint, inbound->relation, AccessExclusiveLock,
						   false, false);
		}
		/* A partition's index is dropped with that of the root. */
		if (table->relation->kind == RELKIND_PARTITIONED_TABLE)
			ec_lint_effects(table->lint, table->family, AccessExclusiveLock,
							false, false);
	}
	foreach (cell, table->family)
	{
		EcRelation *relation = lfirst(cell);
		EcConstraint *own =
			ec_find_constraint(table->world, relation, command->name);
		EcIndex *index = ec_find_index(table->world, relation, command->name);

		relation->constraints = list_delete_ptr(relation->constraints, own);
		relation->indexes = list_delete_ptr(relation->indexes, index);
	}
}
