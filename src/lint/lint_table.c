/*
 * lint_table.c
 *		The lint's rules for ALTER TABLE.
 *
 * The server determines which lock a form of ALTER TABLE takes, and what it
 * does under it; doc/lint.md has the list.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "nodes/makefuncs.h"
#include "parser/parse_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "lint/lint.h"
#include "lint/lint_rules.h"

typedef struct LintTable
{
	EcLint *lint;
	const RangeVar *name;
	char *sql;    /* the table's name as SQL */
	Oid relation; /* InvalidOid: it does not exist */
} LintTable;

static EcFinding *
add(LintTable *table, const char *rule, LOCKMODE lock, bool rewrites, bool scans)
{
	EcFinding *finding = ec_lint_add(table->lint, rule, table->name);

	finding->lock = lock;
	finding->rewrites = rewrites;
	finding->scans = scans;
	return finding;
}

/* The name that the server would choose; the server truncates longer names. */
static char *
constraint_name(const LintTable *table, const char *columns, const char *suffix)
{
	return pstrdup(quote_identifier(psprintf("%s_%s%s%s", table->name->relname,
											 columns, *columns ? "_" : "", suffix)));
}

/* Joins the names in a list of String nodes. */
static char *
joined(List *names, const char *separator, bool quoted)
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

static char *
not_null_recipe(const LintTable *table, const char *column)
{
	const char *quoted = quote_identifier(column);
	char *name = constraint_name(table, column, "not_null");

	return psprintf("ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s IS NOT NULL) NOT VALID;\n"
					"-- in a migration of its own:\n"
					"ALTER TABLE %s VALIDATE CONSTRAINT %s;\n"
					"-- and after that:\n"
					"ALTER TABLE %s ALTER COLUMN %s SET NOT NULL;\n"
					"ALTER TABLE %s DROP CONSTRAINT %s;",
					table->sql, name, quoted, table->sql, name, table->sql,
					quoted, table->sql, name);
}

static void
lint_not_null(LintTable *table, const char *column)
{
	if (!OidIsValid(table->relation) ||
		!ec_lint_is_proven_not_null(table->relation, column))
		add(table, "set_not_null", AccessExclusiveLock, false, true)->recipe =
			not_null_recipe(table, column);
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

/* A constraint that is added together with its column, or to the table. */
static void
lint_constraint(LintTable *table, const Constraint *constraint, const char *column)
{
	List *keys = column != NULL ? list_make1(makeString(pstrdup(column)))
				 : constraint->contype == CONSTR_FOREIGN ? constraint->fk_attrs
														 : constraint->keys;
	char *what = joined(keys, "_", false);
	char *columns = joined(keys, ", ", true);
	char *name;

	switch (constraint->contype)
	{
		case CONSTR_CHECK:
			if (constraint->skip_validation)
				return;
			name = constraint->conname
					   ? pstrdup(quote_identifier(constraint->conname))
					   : constraint_name(table, what, "check");
			add(table, "add_check", AccessExclusiveLock, false, true)->recipe =
				psprintf("ALTER TABLE %s ADD CONSTRAINT %s CHECK (...) NOT VALID;\n"
						 "-- in a migration of its own:\n"
						 "ALTER TABLE %s VALIDATE CONSTRAINT %s;",
						 table->sql, name, table->sql, name);
			break;
		case CONSTR_FOREIGN:
			if (constraint->skip_validation)
				return;
			name = constraint->conname
					   ? pstrdup(quote_identifier(constraint->conname))
					   : constraint_name(table, what, "fkey");
			add(table, "add_foreign_key",
				column ? AccessExclusiveLock : ShareRowExclusiveLock, false, true)
				->recipe =
				psprintf("ALTER TABLE %s ADD CONSTRAINT %s FOREIGN KEY (%s) "
						 "REFERENCES %s%s NOT VALID;\n"
						 "-- in a migration of its own:\n"
						 "ALTER TABLE %s VALIDATE CONSTRAINT %s;",
						 table->sql, name, columns,
						 ec_lint_name(constraint->pktable),
						 constraint->pk_attrs
							 ? psprintf(" (%s)",
										joined(constraint->pk_attrs, ", ", true))
							 : "",
						 table->sql, name);
			break;
		case CONSTR_UNIQUE:
		case CONSTR_PRIMARY:
			if (constraint->indexname != NULL)
				return;
			name = constraint->conname
					   ? pstrdup(quote_identifier(constraint->conname))
					   : constraint_name(table, what, "key");
			add(table, "add_unique", AccessExclusiveLock, false, true)->recipe =
				psprintf("CREATE UNIQUE INDEX CONCURRENTLY %s ON %s (%s);\n"
						 "ALTER TABLE %s ADD CONSTRAINT %s %s USING INDEX %s;",
						 name, table->sql, columns, table->sql, name,
						 constraint->contype == CONSTR_UNIQUE ? "UNIQUE"
															  : "PRIMARY KEY",
						 name);
			break;
		case CONSTR_EXCLUSION:
			(void) add(table, "add_exclusion", AccessExclusiveLock, false, true);
			break;
		case CONSTR_NOTNULL:
			/*
			 * as a table constraint, possible from 18 on; a NOT VALID one is
			 * checked for new rows only
			 */
			if (column == NULL && constraint->keys != NIL)
				lint_not_null(table, strVal(linitial(constraint->keys)));
			break;
		default:
			break;
	}
}

static void
lint_add_column(LintTable *table, const AlterTableCmd *command)
{
	ColumnDef *column = castNode(ColumnDef, command->def);
	bool rewrites =
		is_serial(column->typeName) || is_constrained_domain(column->typeName);
	bool has_value = is_serial(column->typeName);
	bool is_not_null = column->is_not_null;
	ListCell *cell;

	if (command->missing_ok && OidIsValid(table->relation) &&
		get_attnum(table->relation, column->colname) != InvalidAttrNumber)
		return;
	foreach (cell, column->constraints)
	{
		const Constraint *constraint = lfirst_node(Constraint, cell);

		switch (constraint->contype)
		{
			case CONSTR_DEFAULT:
				has_value = true;
				rewrites |= ec_lint_is_volatile(constraint->raw_expr);
				break;
			case CONSTR_IDENTITY:
				has_value = true;
				rewrites = true;
				break;
			case CONSTR_GENERATED:
				has_value = true;
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
	if (is_not_null && !has_value)
		add(table, "add_not_null", AccessExclusiveLock, false, true)->recipe =
			psprintf("ALTER TABLE %s ADD COLUMN %s ... NOT NULL DEFAULT ...;",
					 table->sql, quote_identifier(column->colname));
	if (rewrites)
		add(table, "rewrite_table", AccessExclusiveLock, true, true)->recipe =
			add_filled_recipe(table, column->colname);
	foreach (cell, column->constraints)
	{
		const Constraint *constraint = lfirst_node(Constraint, cell);

		/* if all values are NULL, a foreign key has nothing to look up */
		if (constraint->contype != CONSTR_FOREIGN || has_value)
			lint_constraint(table, constraint, column->colname);
	}
}

static void
lint_type(LintTable *table, const AlterTableCmd *command)
{
	ColumnDef *definition = castNode(ColumnDef, command->def);
	EcTypeChange change =
		ec_lint_type_change(table->relation, command->name, definition);
	const char *column = quote_identifier(command->name);
	const char *copy = quote_identifier(psprintf("%s_new", command->name));
	const char *rule;

	if (!change.is_known)
		rule = "rewrite_table";
	else if (!change.is_widening)
		rule = "change_type";
	else if (change.rewrites)
		rule = "rewrite_table";
	else if (change.scans)
		rule = "rescan_table";
	else
		return;
	add(table, rule, AccessExclusiveLock, change.rewrites,
		change.rewrites || change.scans)
		->recipe =
		psprintf("ALTER TABLE %s ADD COLUMN %s %s;\n"
				 "SELECT ec_expand(%s, %s, forward => jsonb_build_object(%s, %s),\n"
				 "                 backward => jsonb_build_object(%s, %s));",
				 table->sql, copy, TypeNameToString(definition->typeName),
				 quote_literal_cstr(
					 psprintf("%s_%s", table->name->relname, command->name)),
				 quote_literal_cstr(table->sql), quote_literal_cstr(copy),
				 quote_literal_cstr(column), quote_literal_cstr(column),
				 quote_literal_cstr(copy));
}

static bool
adds_constraint(const EcStatement *statement, const RangeVar *table, const char *name)
{
	AlterTableStmt *stmt;
	ListCell *cell;

	if (!IsA(statement->node, AlterTableStmt))
		return false;
	stmt = castNode(AlterTableStmt, statement->node);
	if (strcmp(stmt->relation->relname, table->relname) != 0)
		return false;
	foreach (cell, stmt->cmds)
	{
		AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);

		if (command->subtype == AT_AddConstraint)
		{
			Constraint *constraint = castNode(Constraint, command->def);

			if (constraint->conname != NULL && strcmp(constraint->conname, name) == 0)
				return true;
		}
	}
	return false;
}

/*
 * VALIDATE is safe in a transaction of its own, where its lock does not block
 * writes.
 */
static void
lint_validate(LintTable *table, const AlterTableCmd *command)
{
	ListCell *cell;

	foreach (cell, table->lint->script->statements)
	{
		if (adds_constraint(lfirst(cell), table->name, command->name))
		{
			add(table, "validate_constraint", AccessExclusiveLock, false, true)->recipe =
				psprintf("-- in a migration of its own:\n"
						 "ALTER TABLE %s VALIDATE CONSTRAINT %s;",
						 table->sql, quote_identifier(command->name));
			return;
		}
		if (lfirst(cell) == table->lint->statement)
			return;
	}
}

static void
lint_partition(LintTable *table, const AlterTableCmd *command)
{
	PartitionCmd *partition = castNode(PartitionCmd, command->def);
	LintTable part = *table;

	part.name = partition->name;
	if (command->subtype == AT_AttachPartition)
	{
		if (!ec_lint_is_new(table->lint, partition->name))
			add(&part, "attach_partition", AccessExclusiveLock, false, true)->recipe =
				psprintf("ALTER TABLE %s ADD CONSTRAINT ... CHECK (...) NOT VALID;\n"
						 "-- in a migration of its own:\n"
						 "ALTER TABLE %s VALIDATE CONSTRAINT ...;\n"
						 "-- and after that the statement itself",
						 ec_lint_name(partition->name),
						 ec_lint_name(partition->name));
	}
	else if (!partition->concurrent)
		add(table, "detach_partition", AccessExclusiveLock, false, false)->recipe =
			psprintf("ALTER TABLE %s DETACH PARTITION %s CONCURRENTLY;",
					 table->sql, ec_lint_name(partition->name));
}

void
ec_lint_alter_table(EcLint *lint, AlterTableStmt *stmt)
{
	LintTable table = {lint, stmt->relation, ec_lint_name(stmt->relation),
					   ec_lint_find_relation(stmt->relation)};
	ListCell *cell;

	foreach (cell, stmt->cmds)
	{
		AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);

		/* for a type, a view or an index, only DROP COLUMN can break code */
		if (stmt->objtype != OBJECT_TABLE && command->subtype != AT_DropColumn)
			continue;
		switch (command->subtype)
		{
			case AT_DropColumn:
				(void) add(&table, "drop_column", AccessExclusiveLock, false, false);
				break;
			case AT_AddColumn:
				lint_add_column(&table, command);
				break;
			case AT_SetNotNull:
				lint_not_null(&table, command->name);
				break;
			case AT_AlterColumnType:
				lint_type(&table, command);
				break;
			case AT_AddConstraint:
				lint_constraint(&table, castNode(Constraint, command->def), NULL);
				break;
			case AT_ValidateConstraint:
				lint_validate(&table, command);
				break;
			case AT_AttachPartition:
			case AT_DetachPartition:
				lint_partition(&table, command);
				break;
			case AT_SetLogged:
			case AT_SetUnLogged:
			case AT_SetAccessMethod:
			case AT_SetTableSpace:
#if PG_VERSION_NUM >= 170000
			case AT_SetExpression:
#endif
				(void) add(&table, "rewrite_table", AccessExclusiveLock, true, true);
				break;
			default:
				break;
		}
	}
}
