/*
 * lint_column.c
 *		The lint's rules for the forms of ALTER TABLE that add, drop and change
 *		columns.
 */
#include "postgres.h"

#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "parser/parse_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "core/hint.h"
#include "lint/lint_alter.h"
#include "lint/lint_object.h"

/*
 * Columns added by the script are numbered after the last column of the table.
 */
#define FIRST_NEW_COLUMN 2000

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
is_constrained_domain(EcWorld *world, const TypeName *type)
{
	const EcObject *own = ec_lint_own_type(world, type);
	Type found = is_serial(type) ? NULL : ec_lint_find_type(world, type, NULL);
	bool is_constrained;

	if (own != NULL)
		return own->is_constrained;
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

static void
enter_column(EcLintTable *table, ColumnDef *definition, bool is_not_null,
			 bool has_value, bool is_identity, char generated)
{
	ListCell *cell;

	foreach (cell, table->family)
	{
		EcRelation *relation = lfirst(cell);
		EcColumn *column = palloc0(sizeof(EcColumn));
		Type type = is_serial(definition->typeName)
						? NULL
						: ec_lint_find_type(table->world, definition->typeName,
											&column->typmod);

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
		column->generated = generated;
		column->is_new = true;
		column->own_type = ec_lint_own_type(table->world, definition->typeName);
		relation->columns = lappend(relation->columns, column);
	}
}

void
ec_lint_add_column(EcLintTable *table, const AlterTableCmd *command)
{
	ColumnDef *column = castNode(ColumnDef, command->def);
	bool is_serial_type = is_serial(column->typeName);
	bool rewrites =
		is_serial_type || is_constrained_domain(table->world, column->typeName);
	bool has_value = is_serial_type;
	bool has_default = is_serial_type;
	bool is_identity = false;
	bool is_not_null = column->is_not_null || is_serial_type;
	char generated = '\0';
	ListCell *cell;

	if (command->missing_ok &&
		ec_find_column(table->world, table->relation, column->colname) != NULL)
		return;
	ec_lint_merge_attributes(column->constraints);
	foreach (cell, column->constraints)
	{
		const Constraint *constraint = lfirst_node(Constraint, cell);

		switch (constraint->contype)
		{
			case CONSTR_DEFAULT:
				has_value = has_default = true;
				rewrites |= ec_lint_is_volatile(table->world, constraint->raw_expr);
				break;
			case CONSTR_IDENTITY:
				has_value = is_identity = is_not_null = true;
				rewrites = true;
				break;
			case CONSTR_GENERATED:
				has_value = has_default = true;
				generated = is_virtual(constraint) ? EC_GENERATED_VIRTUAL
												   : ATTRIBUTE_GENERATED_STORED;
				rewrites |= generated == ATTRIBUTE_GENERATED_STORED;
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
		rewrites |= ec_lint_has_volatile_default(table->world, column->typeName);
		has_value = ec_lint_has_default(table->world, column->typeName);
		if (is_not_null && !has_value)
			ec_lint_table_stop(table, "add_not_null", table->family, false);
	}
	if (!ec_is_new(table->relation) && ec_lint_is_row_type_used(table->relation))
		(void) ec_lint_table_add(table, "row_type");
	table->has_new_value |= has_default;
	if (rewrites)
		ec_lint_table_stop(table, "rewrite_table", table->family, true);
	/* the value of each row is computed, to see that it is not NULL */
	if (generated == EC_GENERATED_VIRTUAL && is_not_null)
		ec_lint_table_stop(table, "set_not_null", table->family, false);
	enter_column(table, column, is_not_null, has_value, is_identity, generated);
	if (is_not_null)
		ec_lint_mark_not_null(table, column->colname, true);
	foreach (cell, column->constraints)
	{
		/* if all values are NULL, a foreign key has nothing to look up */
		ec_lint_constraint(table, lfirst(cell), column->colname,
						   !table->has_new_value);
	}
}

/* Foreign keys on the column, from and to other tables, are created again. */
static void
lint_type_keys(EcLintTable *table, EcRelation *relation, EcColumn *column,
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
			(void) ec_lint_table_stop(table, "add_foreign_key",
									  list_make1(relation), false);
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
lint_obstacle(EcLintTable *table, EcColumn *column, bool is_drop)
{
	char *obstacle =
		ec_lint_obstacle(table->world, table->relation, column, is_drop);

	if (obstacle != NULL)
		ec_lint_explain(ec_lint_table_add(table, "will_fail"),
						": %s depends on the column %s", obstacle,
						quote_identifier(column->name));
}

void
ec_lint_type(EcLintTable *table, const AlterTableCmd *command)
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
			ec_lint_add_missing_column(table, "rewrite_table", command->name, true);
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
		EcFinding *finding = ec_lint_table_add(table, "change_type");

		if (rewritten != NIL || rescanned != NIL)
		{
			EcFinding *effect = ec_lint_table_stop(table, "rewrite_table",
												   rewritten ? rewritten : rescanned,
												   rewritten != NIL);

			finding->rewrites = effect->rewrites;
			finding->scans = effect->scans;
			finding->lock = Max(finding->lock, effect->lock);
			table->lint->findings = list_delete_ptr(table->lint->findings, effect);
		}
	}
	else if (rewritten != NIL)
		ec_lint_table_stop(table, "rewrite_table", rewritten, true);
	else if (rescanned != NIL)
		ec_lint_table_stop(table, "rescan_table", rescanned, false);
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

void
ec_lint_drop_column(EcLintTable *table, const AlterTableCmd *command)
{
	EcColumn *column = ec_find_column(table->world, table->relation, command->name);
	ListCell *cell;

	if (column == NULL)
	{
		if (!command->missing_ok && !ec_is_new(table->relation))
			(void) ec_lint_table_add(table, "drop_column");
		return;
	}
	if (!column->is_new)
		(void) ec_lint_table_add(table, "drop_column");
	if (command->behavior == DROP_CASCADE)
	{
		char *taken = ec_lint_obstacle(table->world, table->relation, column, true);

		if (taken != NULL)
		{
			ec_lint_explain(ec_lint_table_add(table, "cascade"), ": %s", taken);
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

#if PG_VERSION_NUM >= 170000
/* A virtual generated column is not stored. */
void
ec_lint_expression(EcLintTable *table, const AlterTableCmd *command)
{
	EcColumn *column = ec_find_column(table->world, table->relation, command->name);

	if (column == NULL || column->generated == ATTRIBUTE_GENERATED_STORED)
		(void) ec_lint_table_stop(table, "rewrite_table", table->family, true);
	else
		(void) ec_lint_table_add(table, "change_type");
}
#endif

void
ec_lint_default(EcLintTable *table, const AlterTableCmd *command)
{
	EcColumn *column = ec_find_column(table->world, table->relation, command->name);

	if (column == NULL)
		return;
	if (command->def == NULL && column->has_default && column->is_not_null &&
		!column->is_new)
		(void) ec_lint_table_add(table, "drop_default");
	column->has_default = command->def != NULL;
}

void
ec_lint_identity(EcLintTable *table, const AlterTableCmd *command)
{
	ListCell *cell;

	if (command->subtype == AT_AddIdentity)
	{
		Node *definition = command->def;

		if (IsA(definition, Constraint) &&
			castNode(Constraint, definition)->generated_when ==
				ATTRIBUTE_IDENTITY_ALWAYS)
			(void) ec_lint_table_add(table, "generated_always");
		return;
	}
	foreach (cell, (List *) command->def)
	{
		DefElem *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, "generated") == 0 &&
			defGetInt32(option) == ATTRIBUTE_IDENTITY_ALWAYS)
			(void) ec_lint_table_add(table, "generated_always");
	}
}
