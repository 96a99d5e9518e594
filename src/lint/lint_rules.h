/*
 * lint_rules.h
 *		What the files of the lint share among themselves.
 *
 * The files are made of two halves.  The planner's eyes (world.h, facts.c,
 * effects) know what each statement locks, scans and rewrites, by the catalogue
 * as the script has changed it so far.  The rules make findings of it.
 */
#ifndef EC_LINT_LINT_RULES_H
#define EC_LINT_LINT_RULES_H

#include "postgres.h"

#include "lint/finding.h"
#include "lint/world.h"
#include "nodes/parsenodes.h"
#include "parser/parse_type.h"

/* The state of the lint while it examines one statement of a script. */
typedef struct EcLint
{
	const EcScript *script;
	const EcStatement *statement;
	List *findings; /* EcFinding */
	List *effects;  /* EcEffect: of all statements, in their order */
	EcWorld *world;
	bool is_mixed; /* each statement has a transaction of its own */
	List *held; /* EcRelation: locked in this transaction so that writers wait */
	HTAB *made_later; /* what DROP may take away, as it comes back */
} EcLint;

/* Raises 22023 unless each name (char *) is a rule; lists the known ones. */
extern void ec_lint_check_rules(List *names);

/*
 * Enter a finding of the present statement.  The rule gives severity and detail;
 * locks and a recipe can be set in what is returned.  About what the script has
 * made itself nothing is entered; what is returned is then of no consequence.
 * The relation may be NULL.
 */
extern EcFinding *
ec_lint_add(EcLint *lint, const char *rule, EcRelation *relation);

/* The relation named is not there: judged as a large one would be. */
extern EcFinding *ec_lint_add_missing(EcLint *lint, const char *rule,
									  LOCKMODE lock, bool rewrites, bool scans);

/* Words that follow the rule's own in the detail. */
extern void ec_lint_explain(EcFinding *finding, const char *format, ...)
	pg_attribute_printf(2, 3);

/* effects.c: what the present statement does to a relation. */
extern void ec_lint_effect(EcLint *lint, EcRelation *relation, LOCKMODE lock,
						   bool rewrites, bool scans);
extern void ec_lint_effects(EcLint *lint, List *relations, LOCKMODE lock,
							bool rewrites, bool scans);

/*
 * The relations are scanned or rewritten under that lock: an effect on each, and
 * a finding about the first of them that others use, if one of them has rows to
 * be scanned.  It is a notice where all of them together are small.
 */
extern EcFinding *ec_lint_stop(EcLint *lint, const char *rule, List *relations,
							   LOCKMODE lock, bool rewrites, bool scans);

/* At the end of a statement: what it does while others wait for earlier locks. */
extern void ec_lint_close_statement(EcLint *lint);

/* The blocks of a table and its TOAST; waits for no lock. */
extern uint64 ec_lint_blocks(EcRelation *relation);
extern bool ec_lint_is_small(List *relations);

/* lint_statement.c: applies the rules to the current statement */
extern void ec_lint_statement(EcLint *lint);

/* The relation, if it is there before the script; takes no lock. */
extern Oid ec_lint_find_relation(const RangeVar *relation);

/* The relation's name as SQL. */
extern char *ec_lint_name(const RangeVar *relation);

/* lint_table.c: ALTER TABLE, and what it does to one relation */
extern void ec_lint_alter_table(EcLint *lint, AlterTableStmt *stmt);

/* lint_key.c: foreign keys */
extern void ec_lint_foreign_key(EcLint *lint, EcRelation *relation,
								const Constraint *constraint, List *columns,
								bool is_scanned, LOCKMODE lock);
extern void ec_lint_drop_key(EcLint *lint, EcRelation *relation,
							 const EcConstraint *constraint);
extern char *ec_lint_joined(List *names, const char *separator, bool quoted);
extern char *ec_lint_constraint_name(const char *table, const char *columns,
									 const char *suffix);

/* lint_partition.c: partitions that come and go */
extern void ec_lint_attach(EcLint *lint, EcRelation *parent, EcRelation *child,
						   PartitionBoundSpec *bound, LOCKMODE lock);
extern void ec_lint_new_partition(EcLint *lint, EcRelation *parent,
								  PartitionBoundSpec *bound);
extern EcRelation *ec_lint_default_partition(EcLint *lint, EcRelation *parent);

/* lint_object.c: what is no table */
extern bool ec_lint_object(EcLint *lint, Node *node);
extern HTAB *ec_lint_made_later(const EcScript *script);

/* lint_catalog.c: what the catalogue knows of types and expressions */

/* Would a DEFAULT have to be computed for each row? */
extern bool ec_lint_is_volatile(Node *raw_expression);
extern bool ec_lint_has_volatile_default(const TypeName *type);

/*
 * Like LookupTypeName, but NULL if the type does not exist or must not be
 * looked up.
 */
extern Type ec_lint_find_type(const TypeName *name, int32 *typmod);

/* The effects of changing a column's type. */
typedef struct EcTypeChange
{
	bool is_widening; /* all values of the old type remain the same */
	bool rewrites;
	bool rebuilds;   /* an index on the column */
	bool rechecks;   /* a CHECK on the column */
	bool is_nothing; /* type, modifier and collation stay */
	Oid type;        /* InvalidOid: not there yet */
	int32 typmod;
	Oid collation;
} EcTypeChange;

extern EcTypeChange ec_lint_type_change(EcWorld *world, EcRelation *relation,
										EcColumn *column, ColumnDef *definition);

/* Whether the change makes the server look up a foreign key's rows again. */
extern bool ec_lint_key_is_kept(const EcConstraint *key, EcRelation *relation,
								EcColumn *column, const EcTypeChange *change);

/* What the server refuses to change under a column: NULL, or what it is. */
extern char *ec_lint_obstacle(EcWorld *world, EcRelation *relation,
							  EcColumn *column, bool is_drop);

#endif
