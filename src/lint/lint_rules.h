/*
 * lint_rules.h
 *		Declarations shared by the files of the lint.
 */
#ifndef EC_LINT_LINT_RULES_H
#define EC_LINT_LINT_RULES_H

#include "postgres.h"

#include "lint/finding.h"
#include "nodes/parsenodes.h"
#include "parser/parse_type.h"

/* The state of the lint while it examines one statement of a script. */
typedef struct EcLint
{
	const EcScript *script;
	const EcStatement *statement;
	List *findings;
} EcLint;

/* Raises 22023 unless each name (char *) is a rule; lists the known ones. */
extern void ec_lint_check_rules(List *names);

/*
 * Adds a finding about the current statement; relation may be NULL.  The rule
 * determines severity and detail.  The caller can set locks and a recipe in
 * the result.
 */
extern EcFinding *
ec_lint_add(EcLint *lint, const char *rule, const RangeVar *relation);

/* lint_statement.c: applies the rules to the current statement */
extern void ec_lint_statement(EcLint *lint);

/* Has an earlier statement of the script created the table with this name? */
extern bool ec_lint_is_new(const EcLint *lint, const RangeVar *relation);

/* The relation's OID if it exists already; takes no lock. */
extern Oid ec_lint_find_relation(const RangeVar *relation);

/* The relation's name as SQL. */
extern char *ec_lint_name(const RangeVar *relation);

/* lint_table.c: ALTER TABLE of a table that the script has not created */
extern void ec_lint_alter_table(EcLint *lint, AlterTableStmt *stmt);

/* lint_catalog.c: lookups in the catalog */

/*
 * Is the table, or an index's table, so small that a scan takes only moments?
 * Does not wait for locks.
 */
extern bool ec_lint_is_small(Oid relation);

/* Is the column NOT NULL, or does a valid CHECK prove that it is not null? */
extern bool ec_lint_is_proven_not_null(Oid relation, const char *column);

/* Would a DEFAULT have to be computed for each row? */
extern bool ec_lint_is_volatile(Node *raw_expression);

/*
 * Like LookupTypeName, but NULL if the type does not exist or must not be
 * looked up.
 */
extern Type ec_lint_find_type(const TypeName *name, int32 *typmod);

/* The effects of changing a column's type. */
typedef struct EcTypeChange
{
	bool is_known;    /* the column exists */
	bool is_widening; /* all values of the old type remain the same */
	bool rewrites;
	bool scans; /* an index or a CHECK constraint uses the column */
} EcTypeChange;

extern EcTypeChange
ec_lint_type_change(Oid relation, const char *column, ColumnDef *definition);

#endif
