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

/*
 * Records the constraint that NOT NULL is since version 18; as: what has
 * added it, NULL: it is gone.
 */
static void
enter_not_null(const EcLintTable *table, EcRelation *relation,
			   const EcColumn *column, const EcConstraint *as)
{
	EcConstraint *entered = ec_not_null_of(relation, column);

	if (as == NULL)
	{
		relation->constraints = list_delete_ptr(relation->constraints, entered);
		return;
	}
	if (entered == NULL)
	{
		entered = palloc0(sizeof(EcConstraint));
		entered->name = as->name ? as->name
								 : psprintf("%s_%s_not_null",
											table->relation->name, column->name);
		entered->type = EC_CONSTRAINT_NOTNULL;
		entered->is_enforced = true;
		entered->is_new = true;
		entered->no_inherit = as->no_inherit;
		entered->keys = list_make1_int(column->number);
		relation->constraints = lappend(relation->constraints, entered);
	}
	entered->is_valid |= as->is_valid;
}

void
ec_lint_mark_not_null(EcLintTable *table, const char *name, bool is_not_null)
{
	EcConstraint valid = {.is_valid = true};
	ListCell *cell;

	foreach (cell, table->family)
	{
		EcColumn *column = ec_find_column(table->world, lfirst(cell), name);

		if (column == NULL)
			continue;
		column->is_not_null = is_not_null;
		if (PG_VERSION_NUM >= 180000)
			enter_not_null(table, lfirst(cell), column, is_not_null ? &valid : NULL);
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

void
ec_lint_merge_attributes(List *constraints)
{
	Constraint *last = NULL;
	ListCell *cell;

	foreach (cell, constraints)
	{
		Constraint *constraint;

		/* with the columns of a table, LIKE */
		if (!IsA(lfirst(cell), Constraint))
			continue;
		constraint = lfirst_node(Constraint, cell);
		switch (constraint->contype)
		{
			case CONSTR_ATTR_DEFERRED:
				if (last != NULL)
					last->initdeferred = true;
				/* FALLTHROUGH */
			case CONSTR_ATTR_DEFERRABLE:
				if (last != NULL)
					last->deferrable = true;
				break;
			case CONSTR_ATTR_NOT_DEFERRABLE:
			case CONSTR_ATTR_IMMEDIATE:
				break;
#if PG_VERSION_NUM >= 180000
			case CONSTR_ATTR_ENFORCED:
				break;
			case CONSTR_ATTR_NOT_ENFORCED:
				if (last != NULL)
				{
					last->is_enforced = false;
					last->skip_validation = true;
				}
				break;
#endif
			default:
				last = constraint;
				break;
		}
	}
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
	entered->is_valid = !constraint->skip_validation && ec_is_enforced(constraint);
	entered->is_enforced = ec_is_enforced(constraint);
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
	if (!constraint->skip_validation && ec_is_enforced(constraint))
		ec_lint_table_stop(table, "add_check", relations, false);
	else if (!is_new_column && ec_is_enforced(constraint))
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

/* One that is NOT VALID is checked for new rows only. */
static void
lint_not_null_constraint(EcLintTable *table, const Constraint *constraint)
{
	const char *name = strVal(linitial(constraint->keys));
	EcConstraint as = {.name = constraint->conname,
					   .is_valid = !constraint->skip_validation,
					   .no_inherit = constraint->is_no_inherit};
	EcColumn *named = ec_find_column(table->world, table->relation, name);
	const EcConstraint *present =
		named != NULL ? ec_not_null_of(table->relation, named) : NULL;
	EcLintTable own = *table;
	bool is_added = false;
	ListCell *cell;

	if (constraint->is_no_inherit)
		own.family = list_make1(table->relation);
	if (present != NULL && ((constraint->conname != NULL &&
							 strcmp(present->name, constraint->conname) != 0) ||
							(!present->is_valid && !constraint->skip_validation)))
	{
		ec_lint_explain(ec_lint_table_add(table, "will_fail"),
						": the column %s has the constraint %s",
						quote_identifier(name), quote_identifier(present->name));
		return;
	}
	foreach (cell, own.family)
	{
		EcColumn *column = ec_find_column(own.world, lfirst(cell), name);

		if (column == NULL || ec_not_null_of(lfirst(cell), column) != NULL)
			continue;
		enter_not_null(&own, lfirst(cell), column, &as);
		is_added = true;
	}
	if (!constraint->skip_validation)
		ec_lint_not_null(&own, name);
	else if (is_added)
		(void) ec_lint_table_add(table, "restrict_writes");
}

/* That of a new column. */
static void
name_not_null(EcLintTable *table, const char *name, const Constraint *constraint)
{
	ListCell *cell;

	foreach (cell, table->family)
	{
		EcColumn *column = ec_find_column(table->world, lfirst(cell), name);
		EcConstraint *entered =
			column != NULL ? ec_not_null_of(lfirst(cell), column) : NULL;

		if (entered == NULL)
			continue;
		if (constraint->conname != NULL)
			entered->name = pstrdup(constraint->conname);
		entered->no_inherit = constraint->is_no_inherit;
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
									ec_is_enforced(constraint),
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
			/* the table itself is locked more strongly than its partitions */
			ec_lint_stop(table->lint, "add_exclusion",
						 ec_world_partitions(table->world, table->relation),
						 ShareLock, false, true)
				->lock = table->lock;
			break;
		case CONSTR_NOTNULL:
			/* as a table constraint, possible since version 18 */
			if (column == NULL && constraint->keys != NIL)
				lint_not_null_constraint(table, constraint);
			else if (column != NULL)
				name_not_null(table, column, constraint);
			break;
		default:
			break;
	}
}

/*
 * A child's constraint may have another name.  Returns the relations that are
 * read.
 */
static List *
validate_not_null(EcLintTable *table, const EcConstraint *constraint)
{
	const EcColumn *column =
		ec_column_numbered(table->relation, linitial_int(constraint->keys));
	List *relations = NIL;
	ListCell *cell;

	foreach (cell, table->family)
	{
		EcColumn *own = ec_find_column(table->world, lfirst(cell), column->name);
		EcConstraint *not_null =
			own != NULL ? ec_not_null_of(lfirst(cell), own) : NULL;

		if (not_null == NULL || not_null->is_valid)
			continue;
		not_null->is_valid = true;
		own->is_not_null = true;
		relations = lappend(relations, lfirst(cell));
	}
	ec_lint_effects(table->lint, relations, table->lock, false, true);
	return relations;
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
	if (!constraint->is_enforced)
	{
		ec_lint_explain(ec_lint_table_add(table, "will_fail"),
						": %s is NOT ENFORCED", quote_identifier(command->name));
		return;
	}
	if (constraint->type == CONSTRAINT_FOREIGN)
	{
		relations = ec_world_partitions(table->world, table->relation);
		foreach (cell, relations)
		{
			EcConstraint *own =
				ec_find_constraint(table->world, lfirst(cell), command->name);

			if (own != NULL)
				own->is_valid = true;
		}
		ec_lint_check_key(table->lint, table->relation, constraint, table->lock,
						  RowShareLock);
	}
	else if (constraint->type == EC_CONSTRAINT_NOTNULL)
		relations = validate_not_null(table, constraint);
	else
	{
		foreach (cell, relations)
		{
			EcConstraint *own =
				ec_find_constraint(table->world, lfirst(cell), command->name);

			if (own != NULL && !own->is_valid)
				ec_lint_effect(table->lint, lfirst(cell), table->lock, false, true);
			if (own != NULL)
				own->is_valid = true;
		}
	}
	/*
	 * The command's own lock allows others to read and write; a lock of
	 * another command of this statement may not.
	 */
	if (table->lock >= ShareLock && constraint->type != CONSTRAINT_FOREIGN)
		ec_lint_table_stop(table, "validate_constraint", relations, false);
}

void
ec_lint_drop_not_null(EcLintTable *table, const char *name)
{
	EcColumn *column = ec_find_column(table->world, table->relation, name);

	if (column != NULL && column->is_not_null && !column->is_new)
		(void) ec_lint_table_add(table, "drop_not_null");
	ec_lint_mark_not_null(table, name, false);
}

#if PG_VERSION_NUM >= 180000
/* The children's columns become NOT NULL, or stay so. */
static void
lint_inheritability(EcLintTable *table, EcConstraint *constraint, bool no_inherit)
{
	const EcColumn *column =
		ec_column_numbered(table->relation, linitial_int(constraint->keys));
	EcLintTable below = *table;

	if (constraint->no_inherit == no_inherit)
		return;
	constraint->no_inherit = no_inherit;
	if (no_inherit)
		return;
	below.family =
		list_delete_first(ec_world_family(table->world, table->relation));
	ec_lint_effects(table->lint, below.family, table->lock, false, false);
	if (unproven(&below, column->name) != NIL)
		ec_lint_table_stop(&below, "set_not_null",
						   unproven(&below, column->name), false);
	ec_lint_mark_not_null(&below, column->name, true);
}

/*
 * A foreign key that becomes ENFORCED is checked for all rows; one that no
 * longer is loses its triggers.
 */
static void
lint_enforceability(EcLintTable *table, EcConstraint *constraint, bool is_enforced)
{
	List *relations = ec_world_partitions(table->world, table->relation);
	ListCell *cell;

	if (constraint->is_enforced && is_enforced)
		return;
	ec_lint_effects(table->lint, relations, table->lock, false, false);
	if (constraint->is_enforced)
		ec_lint_drop_key(table->lint, table->relation, constraint);
	else if (is_enforced)
		ec_lint_check_key(table->lint, table->relation, constraint, table->lock,
						  ShareRowExclusiveLock);
	foreach (cell, relations)
	{
		EcConstraint *own =
			ec_find_constraint(table->world, lfirst(cell), constraint->name);

		if (own == NULL || own->type != CONSTRAINT_FOREIGN)
			continue;
		own->is_valid = is_enforced;
		own->is_enforced = is_enforced;
	}
}
#endif

void
ec_lint_alter_constraint(EcLintTable *table, const AlterTableCmd *command)
{
#if PG_VERSION_NUM >= 180000
	const ATAlterConstraint *change = castNode(ATAlterConstraint, command->def);
	const char *name = change->conname;
#else
	const char *name = castNode(Constraint, command->def)->conname;
#endif
	EcConstraint *constraint =
		ec_find_constraint(table->world, table->relation, name);

	if (constraint == NULL)
	{
		if (!ec_is_new(table->relation))
			ec_lint_explain(ec_lint_table_add(table, "will_fail"),
							": there is no constraint %s", quote_identifier(name));
		return;
	}
#if PG_VERSION_NUM >= 180000
	if (change->alterInheritability && constraint->type == EC_CONSTRAINT_NOTNULL)
		lint_inheritability(table, constraint, change->noinherit);
	if (constraint->type != CONSTRAINT_FOREIGN)
		return;
	if (change->alterEnforceability)
	{
		lint_enforceability(table, constraint, change->is_enforced);
		return;
	}
#endif
	ec_lint_effects(table->lint, ec_world_partitions(table->world, table->relation),
					table->lock, false, false);
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
	if (constraint->type == EC_CONSTRAINT_NOTNULL)
	{
		const EcColumn *column =
			ec_column_numbered(table->relation, linitial_int(constraint->keys));

		ec_lint_drop_not_null(table, column->name);
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
