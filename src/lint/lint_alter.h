/*
 * lint_alter.h
 *		Declarations shared by the files with the rules for ALTER TABLE:
 *		lint_table.c, lint_column.c and lint_constraint.c.
 */
#ifndef EC_LINT_LINT_ALTER_H
#define EC_LINT_LINT_ALTER_H

#include "postgres.h"

#include "lint/lint_rules.h"

/* The command that is looked at, and what it concerns. */
typedef struct EcLintTable
{
	EcLint *lint;
	EcWorld *world;
	EcRelation *relation;
	List *family; /* the relation and those of its descendants that the
				   * command affects */
	LOCKMODE lock;
	char *sql; /* its name */
	AlterTableStmt *stmt;
	bool has_new_value; /* a column is added with a default */
} EcLintTable;

/* Like ec_lint_add, with the lock of the statement. */
static inline EcFinding *
ec_lint_table_add(EcLintTable *table, const char *rule)
{
	EcFinding *finding = ec_lint_add(table->lint, rule, table->relation);

	finding->lock = table->lock;
	return finding;
}

/* Like ec_lint_stop, with the lock of the statement. */
static inline EcFinding *
ec_lint_table_stop(EcLintTable *table, const char *rule, List *relations,
				   bool rewrites)
{
	return ec_lint_stop(table->lint, rule, relations, table->lock, rewrites, true);
}

/* lint_constraint.c */

/*
 * Adds a finding about a column that does not exist, but that something the
 * lint does not see may add.
 */
extern EcFinding *ec_lint_add_missing_column(EcLintTable *table, const char *rule,
											 const char *column, bool rewrites);

/* SET NOT NULL, which other commands imply. */
extern void ec_lint_not_null(EcLintTable *table, const char *name);

/* Records in the whole family whether the column is NOT NULL from now on. */
extern void
ec_lint_mark_not_null(EcLintTable *table, const char *name, bool is_not_null);

/* A constraint that is added together with its column, or to the table. */
extern void ec_lint_constraint(EcLintTable *table, const Constraint *constraint,
							   const char *column, bool is_all_null);
extern void ec_lint_validate(EcLintTable *table, const AlterTableCmd *command);
extern void
ec_lint_drop_constraint(EcLintTable *table, const AlterTableCmd *command);
extern void
ec_lint_alter_constraint(EcLintTable *table, const AlterTableCmd *command);

/* DROP NOT NULL, and since version 18 DROP CONSTRAINT. */
extern void ec_lint_drop_not_null(EcLintTable *table, const char *name);

/* lint_column.c */
extern void ec_lint_add_column(EcLintTable *table, const AlterTableCmd *command);
extern void ec_lint_type(EcLintTable *table, const AlterTableCmd *command);
extern void ec_lint_drop_column(EcLintTable *table, const AlterTableCmd *command);
extern void ec_lint_default(EcLintTable *table, const AlterTableCmd *command);
extern void ec_lint_identity(EcLintTable *table, const AlterTableCmd *command);
#if PG_VERSION_NUM >= 170000
extern void ec_lint_expression(EcLintTable *table, const AlterTableCmd *command);
#endif

#endif
