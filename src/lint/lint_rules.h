/*
 * lint_rules.h
 *		What the files of the lint share among themselves.
 */
#ifndef EC_LINT_LINT_RULES_H
#define EC_LINT_LINT_RULES_H

#include "postgres.h"

#include "lint/finding.h"
#include "nodes/parsenodes.h"
#include "parser/parse_type.h"

/* The lint of a script, while it looks at one of its statements. */
typedef struct EcLint
{
	const EcScript *script;
	const EcStatement *statement;
	List *findings;
} EcLint;

/* Raise 22023 unless each name (char *) is a rule, with the known ones. */
extern void ec_lint_check_rules(List *names);

/*
 * Enter a finding of the present statement; relation may be NULL.  The rule
 * gives severity and detail; locks and a recipe can be set in what is returned.
 */
extern EcFinding *
ec_lint_add(EcLint *lint, const char *rule, const RangeVar *relation);

/* lint_statement.c: the rules of the present statement */
extern void ec_lint_statement(EcLint *lint);

/* Whether an earlier statement of the script created the table by this name. */
extern bool ec_lint_is_new(const EcLint *lint, const RangeVar *relation);

/* The relation, if it is there already; takes no lock. */
extern Oid ec_lint_find_relation(const RangeVar *relation);

/* As it is written in SQL. */
extern char *ec_lint_name(const RangeVar *relation);

/* lint_table.c: ALTER TABLE of a table that is not new */
extern void ec_lint_alter_table(EcLint *lint, AlterTableStmt *stmt);

/* lint_catalog.c: what the catalogue knows */

/* A table, or an index of one, that is read in moments; waits for no lock. */
extern bool ec_lint_is_small(Oid relation);

/* Can the column not be NULL, or does a valid CHECK prove it? */
extern bool ec_lint_is_proven_not_null(Oid relation, const char *column);

/* Would DEFAULT have to be computed for each row? */
extern bool ec_lint_is_volatile(Node *raw_expression);

/* As LookupTypeName; NULL if it is not there, or nobody may tell. */
extern Type ec_lint_find_type(const TypeName *name, int32 *typmod);

/* What changing a column's type does. */
typedef struct EcTypeChange
{
	bool is_known;    /* is the column there? */
	bool is_widening; /* all values of the old type stay what they are */
	bool rewrites;
	bool scans; /* an index or a CHECK constraint uses the column */
} EcTypeChange;

extern EcTypeChange
ec_lint_type_change(Oid relation, const char *column, ColumnDef *definition);

#endif
