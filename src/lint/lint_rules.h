/*
 * lint_rules.h
 *		Declarations shared by the files of the lint.
 *
 * The files form two groups.  world.h, facts.c and effects.c determine what
 * each statement locks, scans and rewrites, given the catalog as changed by
 * the preceding statements.  The rules turn that into findings.
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
	bool is_mixed;    /* each statement runs in its own transaction */
	List *held;       /* EcRelation: locked in this transaction in a mode that
				 * blocks writers */
	HTAB *made_later; /* what DROP may take away, as it comes back */
} EcLint;

/* Raises 22023 unless each name (char *) is a rule; lists the known ones. */
extern void ec_lint_check_rules(List *names);

/*
 * Adds a finding about the current statement.  The rule determines severity
 * and detail; the caller can set locks and a recipe in the result.  No finding
 * is added about objects that the script itself has created; changes to the
 * result then have no effect.  The relation may be NULL.
 */
extern EcFinding *
ec_lint_add(EcLint *lint, const char *rule, EcRelation *relation);

/* The named relation does not exist: it is treated as a large one. */
extern EcFinding *ec_lint_add_missing(EcLint *lint, const char *rule,
									  LOCKMODE lock, bool rewrites, bool scans);

/* text that is appended to the rule's detail */
extern void ec_lint_explain(EcFinding *finding, const char *format, ...)
	pg_attribute_printf(2, 3);

/* effects.c: what the current statement does to a relation */
extern void ec_lint_effect(EcLint *lint, EcRelation *relation, LOCKMODE lock,
						   bool rewrites, bool scans);
extern void ec_lint_effects(EcLint *lint, List *relations, LOCKMODE lock,
							bool rewrites, bool scans);

/*
 * Records that the relations are scanned or rewritten under the lock: an
 * effect on each of them, and a finding about the first one that is in use by
 * others, if one of them has rows to be scanned.  The finding is a notice if
 * all of them together are small.
 */
extern EcFinding *ec_lint_stop(EcLint *lint, const char *rule, List *relations,
							   LOCKMODE lock, bool rewrites, bool scans);

/*
 * Called at the end of a statement, for what it does while earlier locks are
 * held.
 */
extern void ec_lint_close_statement(EcLint *lint);

/*
 * Returns the number of blocks of a table and its TOAST table; does not wait
 * for locks.
 */
extern uint64 ec_lint_blocks(EcRelation *relation);
extern bool ec_lint_is_small(List *relations);

/* lint_statement.c: applies the rules to the current statement */
extern void ec_lint_statement(EcLint *lint);

/* Returns the relation if it exists before the script; takes no lock. */
extern Oid ec_lint_find_relation(const RangeVar *relation);

/* The relation's name as SQL. */
extern char *ec_lint_name(const RangeVar *relation);

/* lint_index.c */
extern void ec_lint_index(EcLint *lint, IndexStmt *stmt);
extern void ec_lint_drop_index(EcLint *lint, DropStmt *stmt, List *names);
extern void ec_lint_reindex(EcLint *lint, ReindexStmt *stmt);

/* Returns the table of an index; NULL if there is none. */
extern EcRelation *ec_lint_table_of_index(EcLint *lint, EcRelation *index);

/* lint_drop.c: DROP and TRUNCATE */
extern void ec_lint_drop(EcLint *lint, DropStmt *stmt);
extern void ec_lint_truncate(EcLint *lint, TruncateStmt *stmt);

/* lint_rename.c: ALTER ... RENAME and ALTER ... SET SCHEMA */
extern void ec_lint_rename(EcLint *lint, RenameStmt *stmt);
extern void ec_lint_set_schema(EcLint *lint, AlterObjectSchemaStmt *stmt);

/* lint_table.c: ALTER TABLE and its effects on a relation; see lint_alter.h */
extern void ec_lint_alter_table(EcLint *lint, AlterTableStmt *stmt);

/* The order in which the server runs the commands of a statement: 0 ... */
#define EC_LINT_LAST_PASS 6
extern int ec_lint_pass(const AlterTableCmd *command);

/*
 * lint_constraint.c: puts the attributes of constraints, which follow them in the
 * list of a column, into the constraints; the server will do the same.
 */
extern void ec_lint_merge_attributes(List *constraints);

static inline bool
ec_is_enforced(const Constraint *constraint)
{
#if PG_VERSION_NUM >= 180000
	return constraint->is_enforced;
#else
	return true;
#endif
}

/* lint_key.c: foreign keys */
extern void ec_lint_foreign_key(EcLint *lint, EcRelation *relation,
								const Constraint *constraint, List *columns,
								bool is_scanned, LOCKMODE lock);

/*
 * Records that both tables of a foreign key are read, the one that has it under
 * the first lock, the other one under the second.
 */
extern void
ec_lint_check_key(EcLint *lint, EcRelation *relation, EcConstraint *constraint,
				  LOCKMODE lock, LOCKMODE referenced_lock);
extern void ec_lint_drop_key(EcLint *lint, EcRelation *relation,
							 const EcConstraint *constraint);
extern char *ec_lint_joined(List *names, const char *separator, bool quoted);
extern char *ec_lint_constraint_name(const char *table, const char *columns,
									 const char *suffix);

/*
 * lint_cascade.c: DROP ... CASCADE of an object, and of all objects that a
 * role owns
 */
extern void ec_lint_cascade(EcLint *lint, Oid catalog, Oid object);
extern void ec_lint_drop_owned(EcLint *lint, DropOwnedStmt *stmt);
extern void ec_lint_reassign_owned(EcLint *lint, ReassignOwnedStmt *stmt);

/* Returns the OIDs of those roles (RoleSpec) that exist. */
extern List *ec_lint_roles(List *roles);

/* lint_tablespace.c: SET TABLESPACE of a relation, and of all in a tablespace */
extern void
ec_lint_move(EcLint *lint, EcRelation *relation, const char *tablespace);
extern void ec_lint_move_all(EcLint *lint, const AlterTableMoveAllStmt *stmt);

/* Returns the relations (EcRelation) of which the server copies the files. */
extern List *ec_lint_moved(EcWorld *world, const AlterTableMoveAllStmt *stmt);
extern bool ec_lint_is_moved(const EcRelation *relation, const char *tablespace);

/* lint_partition.c: attaching and detaching partitions */
extern void ec_lint_attach(EcLint *lint, EcRelation *parent, EcRelation *child,
						   PartitionBoundSpec *bound, LOCKMODE lock);
extern void ec_lint_new_partition(EcLint *lint, EcRelation *parent,
								  PartitionBoundSpec *bound);

/*
 * Returns what holds for all rows of a partition with that bound, or, with
 * of_default, of the default partition beside it, as SQL; NULL: that cannot be
 * told, or nothing has to hold.  *is_proven: its constraints imply it.
 */
extern char *
ec_lint_bound_text(EcLint *lint, EcRelation *parent, EcRelation *partition,
				   PartitionBoundSpec *bound, bool of_default, bool *is_proven);

/*
 * The column, if there is only one, of the CHECK that a concurrent detach puts
 * on the partition.  False: the partition is locked.
 */
extern bool ec_lint_detached_column(EcRelation *partition, char **column);

/* The indexes of the parent (EcIndex) to which the child has none alike. */
extern List *
ec_lint_lacking_indexes(EcLint *lint, EcRelation *parent, EcRelation *child);
extern EcRelation *ec_lint_default_partition(EcLint *lint, EcRelation *parent);

/* lint_object.c: objects other than tables */
extern bool ec_lint_object(EcLint *lint, Node *node);
extern HTAB *ec_lint_made_later(const EcScript *script);

/* lint_catalog.c: types and expressions in the catalog */

/* Would a DEFAULT have to be computed for each row? */
extern bool ec_lint_is_volatile(EcWorld *world, Node *raw_expression);
extern bool ec_lint_has_default(EcWorld *world, const TypeName *type);
extern bool ec_lint_has_volatile_default(EcWorld *world, const TypeName *type);

/* The same of a function that a script creates. */
extern bool ec_lint_creates_volatile(EcWorld *world, CreateFunctionStmt *stmt);

/*
 * Like LookupTypeName, but NULL if the type does not exist or must not be
 * looked up.
 */
extern Type ec_lint_find_type(EcWorld *world, const TypeName *name, int32 *typmod);

/* The type if the script has created it; else NULL. */
extern EcObject *ec_lint_own_type(EcWorld *world, const TypeName *name);

/* The effects of changing a column's type. */
typedef struct EcTypeChange
{
	bool is_widening; /* all values of the old type remain the same */
	bool rewrites;
	bool rebuilds;   /* an index on the column */
	bool rechecks;   /* a CHECK on the column */
	bool is_nothing; /* type, modifier and collation do not change */
	Oid type;        /* InvalidOid: it does not exist yet */
	int32 typmod;
	Oid collation;
} EcTypeChange;

extern EcTypeChange ec_lint_type_change(EcWorld *world, EcRelation *relation,
										EcColumn *column, ColumnDef *definition);

/* True if the change makes the server validate a foreign key again. */
extern bool ec_lint_key_is_kept(const EcConstraint *key, EcRelation *relation,
								EcColumn *column, const EcTypeChange *change);

/*
 * Returns why the server refuses to change the column's type; NULL: it does
 * not.
 */
extern char *ec_lint_obstacle(EcWorld *world, EcRelation *relation,
							  EcColumn *column, bool is_drop);

#endif
