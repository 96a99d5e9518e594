/*
 * lint_table.c
 *		The lint's rules for ALTER TABLE.
 *
 * The locks of the forms of ALTER TABLE, and what is done under them, are
 * those of the server.  The server runs the commands of a statement in its own
 * order: drops first, then types, columns, NOT NULL, constraints.
 */
#include "postgres.h"

#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "commands/tablespace.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "lint/lint.h"
#include "lint/lint_object.h"
#include "lint/lint_rules.h"

/*
 * Columns added by the script are numbered after the last column of the table.
 */
#define FIRST_NEW_COLUMN 2000

#define LAST_PASS 6

typedef struct LintTable
{
	EcLint *lint;
	EcWorld *world;
	EcRelation *relation;
	List *family; /* the relation and those of its descendants that the
				   * statement affects */
	LOCKMODE lock;
	char *sql; /* its name */
	AlterTableStmt *stmt;
	bool has_new_value; /* a column is added with a default */
	bool rewrites;      /* so checks are made along with it */
} LintTable;

static EcFinding *
add(LintTable *table, const char *rule)
{
	EcFinding *finding = ec_lint_add(table->lint, rule, table->relation);

	finding->lock = table->lock;
	return finding;
}

static EcFinding *
stop(LintTable *table, const char *rule, List *relations, bool rewrites)
{
	return ec_lint_stop(table->lint, rule, relations, table->lock, rewrites, true);
}

static char *
not_null_recipe(const LintTable *table, const char *column)
{
	const char *quoted = quote_identifier(column);
	char *name = ec_lint_constraint_name(table->relation->name, column, "not_null");

	return psprintf("ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s IS NOT NULL) NOT VALID;\n"
					"-- in a migration of its own:\n"
					"ALTER TABLE %s VALIDATE CONSTRAINT %s;\n"
					"-- and after that:\n"
					"ALTER TABLE %s ALTER COLUMN %s SET NOT NULL;\n"
					"ALTER TABLE %s DROP CONSTRAINT %s;",
					table->sql, name, quoted, table->sql, name, table->sql,
					quoted, table->sql, name);
}

/*
 * The column does not exist, but something that the lint does not see may add
 * it.
 */
static EcFinding *
add_missing_column(LintTable *table, const char *rule, const char *column,
				   bool rewrites)
{
	EcFinding *finding = add(table, rule);

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
unproven(LintTable *table, const char *name)
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

static void
mark_not_null(LintTable *table, const char *name, bool is_not_null)
{
	ListCell *cell;

	foreach (cell, table->family)
	{
		EcColumn *column = ec_find_column(table->world, lfirst(cell), name);

		if (column != NULL)
			column->is_not_null = is_not_null;
	}
}

static void
lint_not_null(LintTable *table, const char *name)
{
	EcColumn *column = ec_find_column(table->world, table->relation, name);
	List *relations;

	if (column != NULL && column->is_not_null)
		return;
	relations = unproven(table, name);
	if (relations != NIL)
		stop(table, "set_not_null", relations, false)->recipe =
			not_null_recipe(table, name);
	else if (column == NULL && !ec_is_new(table->relation))
		add_missing_column(table, "set_not_null", name, false)->recipe =
			not_null_recipe(table, name);
	mark_not_null(table, name, true);
}

static bool
is_serial(const TypeName *type)
{
	static const char *const names[] = {"smallserial", "serial2",   "serial",
										"serial4",     "bigserial", "serial8"};

	if (list_length(type->names) != 1)
		return false;
	for (int i = 0; i < lengthof(names); i++)
	{
		if (strcmp(strVal(linitial(type->names)), names[i]) == 0)
			return true;
	}
	return false;
}

static bool
is_constrained_domain(const TypeName *type)
{
	Type found = is_serial(type) ? NULL : ec_lint_find_type(type, NULL);
	bool is_constrained;

	if (found == NULL)
		return false;
	is_constrained = get_typtype(typeTypeId(found)) == TYPTYPE_DOMAIN &&
					 DomainHasConstraints(typeTypeId(found));
	ReleaseSysCache(found);
	return is_constrained;
}

static bool
is_virtual(const Constraint *generated)
{
#if PG_VERSION_NUM >= 180000
	return generated->generated_kind == ATTRIBUTE_GENERATED_VIRTUAL;
#else
	return false;
#endif
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

static char *
add_filled_recipe(const LintTable *table, const char *column)
{
	const char *quoted = quote_identifier(column);

	return psprintf("ALTER TABLE %s ADD COLUMN %s ...;\n"
					"ALTER TABLE %s ALTER COLUMN %s SET DEFAULT ...;\n"
					"SELECT ec_backfill(%s, %s, %s);",
					table->sql, quoted, table->sql, quoted,
					quote_literal_cstr(table->sql),
					quote_literal_cstr(psprintf("%s = ...", quoted)),
					quote_literal_cstr(psprintf("%s IS NULL", quoted)));
}

static EcConstraint *
enter_constraint(LintTable *table, EcRelation *relation,
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
lint_check(LintTable *table, const Constraint *constraint, const char *column)
{
	List *relations =
		constraint->is_no_inherit ? list_make1(table->relation) : table->family;
	const char *what = column ? column : "";
	Bitmapset *columns =
		ec_columns_in(table->world, table->relation, constraint->raw_expr);
	bool is_new_column = column != NULL;
	int bit = -1;
	ListCell *cell;
	char *name =
		constraint->conname
			? pstrdup(quote_identifier(constraint->conname))
			: ec_lint_constraint_name(table->relation->name, what, "check");

	while ((bit = bms_next_member(columns, bit)) >= 0)
	{
		if (ec_column_numbered(table->relation, bit)->is_new)
			is_new_column = true;
	}
	if (!constraint->skip_validation && is_enforced(constraint))
		stop(table, "add_check", relations, false)->recipe =
			psprintf("ALTER TABLE %s ADD CONSTRAINT %s CHECK (...) NOT VALID;\n"
					 "-- in a migration of its own:\n"
					 "ALTER TABLE %s VALIDATE CONSTRAINT %s;",
					 table->sql, name, table->sql, name);
	else if (!is_new_column && is_enforced(constraint))
		(void) add(table, "restrict_writes");
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
lint_unique(LintTable *table, const Constraint *constraint, List *keys)
{
	bool is_primary = constraint->contype == CONSTR_PRIMARY;
	const char *columns = ec_lint_joined(keys, ", ", true);
	char *name =
		constraint->conname
			? pstrdup(quote_identifier(constraint->conname))
			: ec_lint_constraint_name(table->relation->name,
									  is_primary ? ""
												 : ec_lint_joined(keys, "_", false),
									  is_primary ? "pkey" : "key");
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
	finding->recipe =
		psprintf("CREATE UNIQUE INDEX CONCURRENTLY %s ON %s (%s);\n"
				 "ALTER TABLE %s ADD CONSTRAINT %s %s USING INDEX %s;",
				 name, table->sql, columns, table->sql, name,
				 is_primary ? "PRIMARY KEY" : "UNIQUE", name);
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
			(void) stop(table, "add_unique",
						unproven(table, strVal(lfirst(cell))), false);
		mark_not_null(table, strVal(lfirst(cell)), true);
	}
}

/* The index exists already, so only NOT NULL may have to be verified. */
static void
lint_using_index(LintTable *table, const Constraint *constraint)
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
			lint_not_null(table, column->name);
	}
}

/* A constraint that is added together with its column, or to the table. */
static void
lint_constraint(LintTable *table, const Constraint *constraint,
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
			(void) stop(table, "add_exclusion",
						ec_world_partitions(table->world, table->relation), false);
			break;
		case CONSTR_NOTNULL:
			/*
			 * as a table constraint, possible from 18 on; a NOT VALID one is
			 * checked for new rows only
			 */
			if (column != NULL || constraint->keys == NIL)
				break;
			if (!constraint->skip_validation)
				lint_not_null(table, strVal(linitial(constraint->keys)));
			else
				(void) add(table, "restrict_writes");
			break;
		default:
			break;
	}
}

static void
enter_column(LintTable *table, ColumnDef *definition, bool is_not_null,
			 bool has_value, bool is_identity)
{
	ListCell *cell;

	foreach (cell, table->family)
	{
		EcRelation *relation = lfirst(cell);
		EcColumn *column = palloc0(sizeof(EcColumn));
		Type type = is_serial(definition->typeName)
						? NULL
						: ec_lint_find_type(definition->typeName, &column->typmod);

		if (type != NULL)
		{
			column->type = typeTypeId(type);
			column->collation = get_typcollation(column->type);
			ReleaseSysCache(type);
		}
		ec_load_facts(table->world, relation);
		column->name = pstrdup(definition->colname);
		column->number = FIRST_NEW_COLUMN + list_length(relation->columns);
		column->is_not_null = is_not_null;
		column->has_default = has_value;
		column->is_identity = is_identity;
		column->is_new = true;
		relation->columns = lappend(relation->columns, column);
	}
}

static void
lint_add_column(LintTable *table, const AlterTableCmd *command)
{
	ColumnDef *column = castNode(ColumnDef, command->def);
	bool is_serial_type = is_serial(column->typeName);
	bool rewrites = is_serial_type || is_constrained_domain(column->typeName);
	bool has_value = is_serial_type;
	bool has_default = is_serial_type;
	bool is_identity = false;
	bool is_not_null = column->is_not_null;
	ListCell *cell;

	if (command->missing_ok &&
		ec_find_column(table->world, table->relation, column->colname) != NULL)
		return;
	foreach (cell, column->constraints)
	{
		const Constraint *constraint = lfirst_node(Constraint, cell);

		switch (constraint->contype)
		{
			case CONSTR_DEFAULT:
				has_value = has_default = true;
				rewrites |= ec_lint_is_volatile(constraint->raw_expr);
				break;
			case CONSTR_IDENTITY:
				has_value = is_identity = true;
				rewrites = true;
				break;
			case CONSTR_GENERATED:
				has_value = has_default = true;
				rewrites |= !is_virtual(constraint);
				break;
			case CONSTR_NOTNULL:
			case CONSTR_PRIMARY:
				is_not_null = true;
				break;
			default:
				break;
		}
	}
	if (!has_value && !is_serial_type)
	{
		rewrites |= ec_lint_has_volatile_default(column->typeName);
		if (is_not_null)
			stop(table, "add_not_null", table->family, false)->recipe =
				psprintf("ALTER TABLE %s ADD COLUMN %s ... NOT NULL DEFAULT ...;",
						 table->sql, quote_identifier(column->colname));
	}
	if (!ec_is_new(table->relation) && ec_lint_is_row_type_used(table->relation))
		(void) add(table, "row_type");
	table->has_new_value |= has_default;
	if (rewrites)
		stop(table, "rewrite_table", table->family, true)->recipe =
			add_filled_recipe(table, column->colname);
	table->rewrites |= rewrites;
	enter_column(table, column, is_not_null, has_value, is_identity);
	foreach (cell, column->constraints)
	{
		/* if all values are NULL, a foreign key has nothing to look up */
		lint_constraint(table, lfirst(cell), column->colname, !table->has_new_value);
	}
}

static char *
type_recipe(const LintTable *table, const AlterTableCmd *command)
{
	ColumnDef *definition = castNode(ColumnDef, command->def);
	const char *column = quote_identifier(command->name);
	const char *copy = quote_identifier(psprintf("%s_new", command->name));

	return psprintf("ALTER TABLE %s ADD COLUMN %s %s;\n"
					"SELECT ec_expand(%s, %s, forward => jsonb_build_object(%s, %s),\n"
					"                 backward => jsonb_build_object(%s, %s));",
					table->sql, copy, TypeNameToString(definition->typeName),
					quote_literal_cstr(psprintf("%s_%s", table->relation->name,
												command->name)),
					quote_literal_cstr(table->sql), quote_literal_cstr(copy),
					quote_literal_cstr(column), quote_literal_cstr(column),
					quote_literal_cstr(copy));
}

/* Foreign keys on the column, from and to other tables, are created again. */
static void
lint_type_keys(LintTable *table, EcRelation *relation, EcColumn *column,
			   const EcTypeChange *change)
{
	ListCell *cell;

	foreach (cell, relation->constraints)
	{
		EcConstraint *key = lfirst(cell);
		bool is_kept;

		if (key->type != CONSTRAINT_FOREIGN ||
			!bms_is_member(column->number, key->columns) || key->referenced == NULL)
			continue;
		ec_lint_drop_key(table->lint, relation, key);
		is_kept = ec_lint_key_is_kept(key, relation, column, change);
		if (!is_kept && key->referenced != relation)
			(void) ec_lint_stop(table->lint, "add_foreign_key",
								list_make1(key->referenced),
								AccessExclusiveLock, false, true);
		if (!is_kept && !change->rewrites)
			(void) stop(table, "add_foreign_key", list_make1(relation), false);
	}
	foreach (cell, ec_inbound_keys(table->world, relation))
	{
		EcInboundKey *inbound = lfirst(cell);

		if (!list_member_int(inbound->constraint->referenced_keys, column->number) ||
			inbound->relation == relation)
			continue;
		ec_lint_effect(table->lint, inbound->relation, AccessExclusiveLock,
					   false, false);
		if (!ec_lint_key_is_kept(inbound->constraint, relation, column, change))
			(void) ec_lint_stop(table->lint, "add_foreign_key",
								list_make1(inbound->relation),
								AccessExclusiveLock, false, true);
	}
}

static bool
is_key_of_index(EcRelation *relation, EcColumn *column)
{
	ListCell *cell;

	if (relation->kind != RELKIND_PARTITIONED_TABLE)
		return false;
	foreach (cell, relation->indexes)
	{
		if (list_member_int(((EcIndex *) lfirst(cell))->keys, column->number))
			return true;
	}
	return false;
}

static void
lint_obstacle(LintTable *table, EcColumn *column, bool is_drop)
{
	char *obstacle =
		ec_lint_obstacle(table->world, table->relation, column, is_drop);

	if (obstacle != NULL)
		ec_lint_explain(add(table, "will_fail"), ": %s depends on the column %s",
						obstacle, quote_identifier(column->name));
}

static void
lint_type(LintTable *table, const AlterTableCmd *command)
{
	ColumnDef *definition = castNode(ColumnDef, command->def);
	EcColumn *column = ec_find_column(table->world, table->relation, command->name);
	List *rewritten = NIL;
	List *rescanned = NIL;
	EcTypeChange change = {0};
	ListCell *cell;

	if (column == NULL)
	{
		if (!ec_is_new(table->relation))
			add_missing_column(table, "rewrite_table", command->name, true)->recipe =
				type_recipe(table, command);
		return;
	}
	lint_obstacle(table, column, false);
	foreach (cell, table->family)
	{
		EcRelation *relation = lfirst(cell);
		EcColumn *own = ec_find_column(table->world, relation, command->name);

		if (own == NULL)
			continue;
		change = ec_lint_type_change(table->world, relation, own, definition);
		/*
		 * An index of a partitioned table is always rebuilt, on each
		 * partition.
		 */
		change.rebuilds |= is_key_of_index(table->relation, column);
		if (change.rewrites)
			rewritten = lappend(rewritten, relation);
		else if (change.rebuilds || change.rechecks)
			rescanned = lappend(rescanned, relation);
	}
	change = ec_lint_type_change(table->world, table->relation, column, definition);
	if (!change.is_widening && !column->is_new)
	{
		/* what it does to the table comes with it */
		EcFinding *finding = add(table, "change_type");

		finding->recipe = type_recipe(table, command);
		if (rewritten != NIL || rescanned != NIL)
		{
			EcFinding *effect =
				stop(table, "rewrite_table", rewritten ? rewritten : rescanned,
					 rewritten != NIL);

			finding->rewrites = effect->rewrites;
			finding->scans = effect->scans;
			finding->lock = Max(finding->lock, effect->lock);
			table->lint->findings = list_delete_ptr(table->lint->findings, effect);
		}
	}
	else if (rewritten != NIL)
		stop(table, "rewrite_table", rewritten, true)->recipe =
			type_recipe(table, command);
	else if (rescanned != NIL)
		stop(table, "rescan_table", rescanned, false)->recipe =
			type_recipe(table, command);
	table->rewrites |= rewritten != NIL;
	foreach (cell, table->family)
	{
		EcRelation *relation = lfirst(cell);
		EcColumn *own = ec_find_column(table->world, relation, command->name);

		if (own == NULL)
			continue;
		lint_type_keys(table, relation, own, &change);
		own->type = change.type;
		own->typmod = change.typmod;
		own->collation = change.collation;
	}
}

static void
lint_validate(LintTable *table, const AlterTableCmd *command)
{
	EcConstraint *constraint =
		ec_find_constraint(table->world, table->relation, command->name);
	List *relations = table->family;
	ListCell *cell;

	if (constraint == NULL || constraint->is_valid)
	{
		if (constraint == NULL && !ec_is_new(table->relation))
			ec_lint_explain(add(table, "will_fail"), ": there is no constraint %s",
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
		stop(table, "validate_constraint", relations, false)->recipe =
			psprintf("-- in a migration of its own:\n"
					 "ALTER TABLE %s VALIDATE CONSTRAINT %s;",
					 table->sql, quote_identifier(command->name));
}

static void
lint_drop_constraint(LintTable *table, const AlterTableCmd *command)
{
	EcConstraint *constraint =
		ec_find_constraint(table->world, table->relation, command->name);
	ListCell *cell;

	if (constraint == NULL)
	{
		if (!command->missing_ok && !ec_is_new(table->relation))
			ec_lint_explain(add(table, "will_fail"), ": there is no constraint %s",
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

static void
lint_drop_column(LintTable *table, const AlterTableCmd *command)
{
	EcColumn *column = ec_find_column(table->world, table->relation, command->name);
	ListCell *cell;

	if (column == NULL)
	{
		if (!command->missing_ok && !ec_is_new(table->relation))
			(void) add(table, "drop_column");
		return;
	}
	if (!column->is_new)
		(void) add(table, "drop_column");
	if (command->behavior == DROP_CASCADE)
	{
		char *taken = ec_lint_obstacle(table->world, table->relation, column, true);

		if (taken != NULL)
		{
			ec_lint_explain(add(table, "cascade"), ": %s", taken);
			ec_lint_effects(table->lint,
							ec_lint_views_on(table->lint, table->relation,
											 column->number),
							AccessExclusiveLock, false, false);
		}
	}
	else
		lint_obstacle(table, column, true);
	foreach (cell, table->family)
	{
		EcRelation *relation = lfirst(cell);
		EcColumn *own = ec_find_column(table->world, relation, command->name);
		List *kept = NIL;
		ListCell *other;

		if (own == NULL)
			continue;
		foreach (other, relation->constraints)
		{
			EcConstraint *constraint = lfirst(other);

			if (!bms_is_member(own->number, constraint->columns))
				kept = lappend(kept, constraint);
			else
				ec_lint_drop_key(table->lint, relation, constraint);
		}
		relation->constraints = kept;
		relation->columns = list_delete_ptr(relation->columns, own);
	}
}

static void
lint_partition(LintTable *table, const AlterTableCmd *command)
{
	PartitionCmd *partition = castNode(PartitionCmd, command->def);
	EcRelation *child = ec_world_find(table->world, partition->name);

	if (child == NULL)
	{
		(void) ec_lint_add_missing(table->lint,
								   command->subtype == AT_AttachPartition
									   ? "attach_partition"
									   : "detach_partition",
								   AccessExclusiveLock, false,
								   command->subtype == AT_AttachPartition);
		return;
	}
	if (command->subtype == AT_AttachPartition)
	{
		ec_lint_attach(table->lint, table->relation, child, partition->bound,
					   table->lock);
		table->relation->new_children =
			lappend(table->relation->new_children, child);
		return;
	}
	ec_lint_effects(table->lint, ec_world_family(table->world, child),
					partition->concurrent ? ShareUpdateExclusiveLock
										  : AccessExclusiveLock,
					false, false);
	ec_lint_effect(table->lint,
				   ec_lint_default_partition(table->lint, table->relation),
				   AccessExclusiveLock, false, false);
	if (!partition->concurrent)
	{
		EcFinding *finding = add(table, "detach_partition");

		finding->recipe =
			psprintf("ALTER TABLE %s DETACH PARTITION %s CONCURRENTLY;",
					 table->sql, ec_lint_name(partition->name));
		if (ec_lint_is_small(table->family))
			finding->severity = EC_SEVERITY_NOTICE;
	}
	table->relation->old_children = lappend(table->relation->old_children, child);
}

/* True if the command does not rewrite the table. */
static bool
changes_nothing(const LintTable *table, const AlterTableCmd *command)
{
	HeapTuple tuple;
	Form_pg_class form;
	bool is_same = false;

	if (ec_is_new(table->relation))
		return true;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table->relation->oid));
	if (!HeapTupleIsValid(tuple))
		return true;
	form = (Form_pg_class) GETSTRUCT(tuple);
	switch (command->subtype)
	{
		case AT_SetLogged:
			is_same = table->relation->persistence != RELPERSISTENCE_UNLOGGED;
			table->relation->persistence = RELPERSISTENCE_PERMANENT;
			break;
		case AT_SetUnLogged:
			is_same = table->relation->persistence == RELPERSISTENCE_UNLOGGED;
			table->relation->persistence = RELPERSISTENCE_UNLOGGED;
			break;
		case AT_SetTableSpace:
		{
			Oid space = get_tablespace_oid(command->name, true);

			is_same = space == form->reltablespace ||
					  (space == MyDatabaseTableSpace &&
					   !OidIsValid(form->reltablespace));
			break;
		}
		case AT_SetAccessMethod:
			is_same = command->name != NULL &&
					  get_table_am_oid(command->name, true) == form->relam;
			break;
		default:
			break;
	}
	ReleaseSysCache(tuple);
	return is_same;
}

#if PG_VERSION_NUM >= 170000
/* A virtual generated column is not stored. */
static void
lint_expression(LintTable *table, const AlterTableCmd *command)
{
	EcColumn *column = ec_find_column(table->world, table->relation, command->name);

	if (column == NULL || column->generated == ATTRIBUTE_GENERATED_STORED)
		(void) stop(table, "rewrite_table", table->family, true);
	else
		(void) add(table, "change_type");
}
#endif

static void
lint_default(LintTable *table, const AlterTableCmd *command)
{
	EcColumn *column = ec_find_column(table->world, table->relation, command->name);

	if (column == NULL)
		return;
	if (command->def == NULL && column->has_default && column->is_not_null &&
		!column->is_new)
		(void) add(table, "drop_default");
	column->has_default = command->def != NULL;
}

static void
lint_identity(LintTable *table, const AlterTableCmd *command)
{
	ListCell *cell;

	if (command->subtype == AT_AddIdentity)
	{
		Node *definition = command->def;

		if (IsA(definition, Constraint) &&
			castNode(Constraint, definition)->generated_when ==
				ATTRIBUTE_IDENTITY_ALWAYS)
			(void) add(table, "generated_always");
		return;
	}
	foreach (cell, (List *) command->def)
	{
		DefElem *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, "generated") == 0 &&
			defGetInt32(option) == ATTRIBUTE_IDENTITY_ALWAYS)
			(void) add(table, "generated_always");
	}
}

/* Tells which commands recurse to the descendants and lock them. */
static bool
reaches_down(const LintTable *table, const AlterTableCmd *command)
{
	switch (command->subtype)
	{
		case AT_AddColumn:
			return !command->missing_ok ||
				   ec_find_column(table->world, table->relation,
								  castNode(ColumnDef, command->def)->colname) == NULL;
		case AT_ColumnDefault:
		case AT_DropNotNull:
		case AT_SetStatistics:
		case AT_SetStorage:
		case AT_DropColumn:
		case AT_AlterColumnType:
		case AT_DropExpression:
#if PG_VERSION_NUM >= 170000
		case AT_SetExpression:
#endif
			return true;
		case AT_SetNotNull:
		{
			EcColumn *column =
				ec_find_column(table->world, table->relation, command->name);

			return column == NULL || !column->is_not_null ||
				   (PG_VERSION_NUM < 180000 &&
					table->relation->kind != RELKIND_PARTITIONED_TABLE);
		}
		case AT_AddConstraint:
		{
			Constraint *constraint = castNode(Constraint, command->def);

			/* 18 locks what is below before it looks at the constraint */
			if (PG_VERSION_NUM >= 180000)
				return true;
			if (constraint->contype == CONSTR_CHECK ||
				constraint->contype == CONSTR_NOTNULL)
				return !constraint->is_no_inherit;
			if (constraint->contype == CONSTR_PRIMARY && constraint->indexname == NULL)
			{
				ListCell *cell;

				/* for its NOT NULL */
				foreach (cell, constraint->keys)
				{
					EcColumn *column = ec_find_column(table->world, table->relation,
													  strVal(lfirst(cell)));

					if (column == NULL || !column->is_not_null)
						return true;
				}
			}
			return constraint->contype == CONSTR_FOREIGN &&
				   table->relation->kind == RELKIND_PARTITIONED_TABLE;
		}
		case AT_DropConstraint:
		case AT_ValidateConstraint:
		{
			EcConstraint *constraint =
				ec_find_constraint(table->world, table->relation, command->name);

			if (constraint == NULL)
				return false;
			if (command->subtype == AT_ValidateConstraint && constraint->is_valid)
				return false;
			return (constraint->type == CONSTRAINT_CHECK && !constraint->no_inherit) ||
				   constraint->type == 'n' ||
				   table->relation->kind == RELKIND_PARTITIONED_TABLE;
		}
		case AT_EnableTrig:
		case AT_EnableAlwaysTrig:
		case AT_EnableReplicaTrig:
		case AT_EnableTrigAll:
		case AT_EnableTrigUser:
		case AT_DisableTrig:
		case AT_DisableTrigAll:
		case AT_DisableTrigUser:
			return table->relation->kind == RELKIND_PARTITIONED_TABLE;
		default:
			return false;
	}
}

/* the order in which the server runs the commands of a statement */
static int
pass_of(const AlterTableCmd *command)
{
	switch (command->subtype)
	{
		case AT_DropColumn:
		case AT_DropConstraint:
		case AT_DropNotNull:
		case AT_DropIdentity:
		case AT_DropExpression:
			return 0;
		case AT_AlterColumnType:
			return 1;
		case AT_AddColumn:
			return 2;
		case AT_SetNotNull:
			return 3;
		case AT_AddConstraint:
			switch (castNode(Constraint, command->def)->contype)
			{
				case CONSTR_UNIQUE:
				case CONSTR_PRIMARY:
				case CONSTR_EXCLUSION:
					return 4;
				case CONSTR_NOTNULL:
					return 3;
				default:
					return 5;
			}
		default:
			return 6;
	}
}

static void
lint_command(LintTable *table, const AlterTableCmd *command)
{
	switch (command->subtype)
	{
		case AT_DropColumn:
			lint_drop_column(table, command);
			break;
		case AT_AddColumn:
			lint_add_column(table, command);
			break;
		case AT_SetNotNull:
			lint_not_null(table, command->name);
			break;
		case AT_DropNotNull:
		{
			EcColumn *column =
				ec_find_column(table->world, table->relation, command->name);

			if (column != NULL && column->is_not_null && !column->is_new)
				(void) add(table, "drop_not_null");
			mark_not_null(table, command->name, false);
			break;
		}
		case AT_AlterColumnType:
			lint_type(table, command);
			break;
		case AT_AddConstraint:
			lint_constraint(table, castNode(Constraint, command->def), NULL, false);
			break;
		case AT_DropConstraint:
			lint_drop_constraint(table, command);
			break;
		case AT_ValidateConstraint:
			lint_validate(table, command);
			break;
		case AT_AttachPartition:
		case AT_DetachPartition:
			lint_partition(table, command);
			break;
		case AT_SetLogged:
		case AT_SetUnLogged:
		case AT_SetAccessMethod:
		case AT_SetTableSpace:
			if (!changes_nothing(table, command))
				(void) stop(table, "rewrite_table", list_make1(table->relation),
							true);
			break;
#if PG_VERSION_NUM >= 170000
		case AT_SetExpression:
			lint_expression(table, command);
			break;
#endif
		case AT_ColumnDefault:
			lint_default(table, command);
			break;
		case AT_AddIdentity:
		case AT_SetIdentity:
			lint_identity(table, command);
			break;
		case AT_EnableRowSecurity:
		case AT_ForceRowSecurity:
			(void) add(table, "row_security");
			break;
		case AT_DisableTrig:
		case AT_DisableTrigAll:
		case AT_DisableTrigUser:
		case AT_EnableReplicaTrig:
			(void) add(table, "disable_trigger");
			break;
		case AT_ReplicaIdentity:
			(void) add(table, "replica_identity");
			break;
		case AT_AddInherit:
		case AT_DropInherit:
			ec_lint_effect(table->lint,
						   ec_world_find(table->world,
										 castNode(RangeVar, command->def)),
						   command->subtype == AT_AddInherit ? ShareUpdateExclusiveLock
															 : AccessShareLock,
						   false, false);
			break;
		default:
			break;
	}
}

/* Logical replication transfers rows, not definitions. */
static void
lint_published(LintTable *table)
{
	ListCell *cell;

	foreach (cell, table->stmt->cmds)
	{
		switch (lfirst_node(AlterTableCmd, cell)->subtype)
		{
			case AT_AddColumn:
			case AT_DropColumn:
			case AT_AlterColumnType:
				if (ec_lint_is_published(table->relation))
					(void) add(table, "published_table");
				return;
			default:
				break;
		}
	}
}

/*
 * Rules for a table that does not exist, so that its data cannot be
 * considered.
 */
static void
lint_missing(EcLint *lint, AlterTableStmt *stmt)
{
	ListCell *cell;

	if (stmt->missing_ok)
		return;
	foreach (cell, stmt->cmds)
	{
		switch (lfirst_node(AlterTableCmd, cell)->subtype)
		{
			case AT_DropColumn:
				(void) ec_lint_add(lint, "drop_column", NULL);
				break;
			case AT_SetNotNull:
				(void) ec_lint_add_missing(lint, "set_not_null",
										   AccessExclusiveLock, false, true);
				break;
			case AT_AddColumn:
			case AT_AlterColumnType:
			case AT_SetLogged:
			case AT_SetUnLogged:
			case AT_SetAccessMethod:
			case AT_SetTableSpace:
				(void) ec_lint_add_missing(lint, "rewrite_table",
										   AccessExclusiveLock, true, true);
				break;
			case AT_AddConstraint:
				(void) ec_lint_add_missing(lint, "add_check",
										   AccessExclusiveLock, false, true);
				break;
			case AT_AttachPartition:
				(void) ec_lint_add_missing(lint, "attach_partition",
										   AccessExclusiveLock, false, true);
				break;
			default:
				break;
		}
	}
}

/* Applies the commands of a statement to one relation and its descendants. */
static void
lint_commands(EcLint *lint, AlterTableStmt *stmt, EcRelation *relation, LOCKMODE lock)
{
	LintTable table = {0};
	bool is_table = stmt->objtype == OBJECT_TABLE ||
					stmt->objtype == OBJECT_MATVIEW ||
					stmt->objtype == OBJECT_FOREIGN_TABLE ||
					relation->kind == RELKIND_RELATION;
	List *family;
	ListCell *cell;

	table.lint = lint;
	table.world = lint->world;
	table.relation = relation;
	table.stmt = stmt;
	table.sql = stmt->objtype == OBJECT_TYPE
					? quote_qualified_identifier(relation->schema, relation->name)
					: ec_lint_name(stmt->relation);
	table.lock = lock;
	family = stmt->relation->inh ? ec_world_family(lint->world, relation)
								 : list_make1(relation);
	ec_lint_effect(lint, relation, lock, false, false);
	foreach (cell, family)
	{
		ec_load_facts(lint->world, lfirst(cell));
	}
	for (int pass = 0; pass <= LAST_PASS; pass++)
	{
		foreach (cell, stmt->cmds)
		{
			AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);

			if (pass_of(command) != pass)
				continue;
			table.family = list_make1(relation);
			if (reaches_down(&table, command))
			{
				table.family = family;
				ec_lint_effects(lint, family, lock, false, false);
			}
			/*
			 * for a type, a view or an index, only DROP COLUMN can break code
			 */
			if (is_table || command->subtype == AT_DropColumn)
				lint_command(&table, command);
		}
	}
	if (is_table)
		lint_published(&table);
}

/* CASCADE propagates a change of a composite type to the typed tables. */
static void
lint_typed_tables(EcLint *lint, AlterTableStmt *stmt, EcRelation *type)
{
	AlterTableCmd *command = linitial_node(AlterTableCmd, stmt->cmds);
	ListCell *cell;

	if (ec_is_new(type))
		return;
	foreach (cell, ec_lint_tables_of_type(lint, get_rel_type_id(type->oid), true))
	{
		if (command->behavior == DROP_CASCADE)
			lint_commands(lint, stmt, lfirst(cell), AccessExclusiveLock);
		else
			ec_lint_explain(ec_lint_add(lint, "will_fail", lfirst(cell)),
							": the table is made of the type");
	}
}

void
ec_lint_alter_table(EcLint *lint, AlterTableStmt *stmt)
{
	EcRelation *relation = ec_world_find(lint->world, stmt->relation);

	if (relation == NULL)
	{
		lint_missing(lint, stmt);
		return;
	}
	lint_commands(lint, stmt, relation, AlterTableGetLockLevel(stmt->cmds));
	if (stmt->objtype == OBJECT_TYPE)
		lint_typed_tables(lint, stmt, relation);
}
