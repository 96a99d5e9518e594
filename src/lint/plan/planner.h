/*
 * planner.h
 *		Declarations shared by the files of the planner.
 *
 * The lint follows the script statement by statement (lint/world.h).  Before
 * it looks at a statement, or at one command of an ALTER TABLE, the planner
 * drafts its online way, as the world is by then.  The draft is used if the
 * lint finds that the statement would block others.
 */
#ifndef EC_LINT_PLAN_PLANNER_H
#define EC_LINT_PLAN_PLANNER_H

#include "postgres.h"

#include "lint/lint_rules.h"
#include "lint/plan/pieces.h"
#include "lint/plan/plan.h"

typedef struct EcPlanner
{
	EcLint lint;
	EcPlan *plan;
	const EcStatement *statement;
	EcStatement *looked_at; /* the same, or one of its commands */
	bool if_large;          /* small tables count, too */
	const char *local;      /* a setting of the transaction, with a meaning */
	List *names;            /* chosen so far, see plan_names.c */
	char *extension;        /* the schema of ec_backfill, quoted */
	bool keeps_locks;       /* the last step holds a lock that blocks writers */
	bool takes_more;        /* the last step can take another statement */
	bool validates;         /* its last statement reads a large table, while
							 * others write it */
} EcPlanner;

/* A column that gets another type by a change that keeps its name. */
typedef struct EcRetyped
{
	char *column;
	char *type; /* as SQL */
} EcRetyped;

/* The online way of a statement or command. */
typedef struct EcDraft
{
	List *steps;        /* EcPlanStep; NIL: there is no online way ... */
	char *reason;       /* ... because of this, NULL: of its kind */
	char *instead;      /* SQL of another way to the same end, which is no plan
						 * of steps; NULL: none */
	const char *proven; /* a new column that is NOT NULL by these steps */
	EcRetyped *retyped; /* the steps are those of plan_retype.c; several commands
						 * of a statement share them */
} EcDraft;

/* plan_step.c */
extern EcPlanStep *ec_plan_step(EcDraft *draft, EcPlanKind kind, char *sql,
								EcRelation *relation, LOCKMODE lock, bool scans);
extern EcPlanStep *ec_plan_alter(EcDraft *draft, EcRelation *relation,
								 const char *table, char *command);

/*
 * Lets the lint look at a statement, which changes the world.  Returns the
 * finding that says that it blocks others for long; NULL: it does not.
 */
extern EcFinding *ec_plan_lint(EcPlanner *planner, Node *node);

/* Adds to the plan: a draft's steps, or the current statement as it is. */
extern void ec_plan_add_all(EcPlanner *planner, List *steps);
extern void ec_plan_add_written(EcPlanner *planner);

/*
 * Drops the steps of a draft if a SET LOCAL that they depend on would end with
 * the first of them.
 */
extern void ec_plan_check_local(EcPlanner *planner, EcDraft *draft);

/* The statement blocks others, and there is no other way. */
extern void
ec_plan_refuse(EcPlanner *planner, EcFinding *finding, const EcDraft *draft);

/*
 * Attaches the index of a partition, the relation, to its parent's.  An index that
 * is attached can be dropped with all of them only, which undo does.
 */
extern void
ec_plan_attach_index(EcDraft *draft, EcRelation *relation,
					 const char *parent_index, const char *index, char *undo);

/* As ALTER TABLE takes it: with its schema, and with ONLY if inh is false. */
extern char *ec_plan_table(const EcRelation *relation, bool inh);
extern char *ec_plan_name(const char *schema, const char *name);

/* A partition or child whose rows are elsewhere; NULL: there is none. */
extern EcRelation *ec_plan_foreign(EcPlanner *planner, EcRelation *relation);

/* plan_names.c */

/*
 * Returns the name that the server would choose for a constraint, an index or
 * a sequence of the relation, and remembers it.  Callers put it into the parse
 * tree, so that the lint knows it, too.  is_relation: of an index or
 * sequence; is_constraint: of a constraint, or of an index of one.
 */
extern char *ec_plan_choose_name(EcPlanner *planner, EcRelation *relation,
								 const char *columns, const char *label,
								 bool is_relation, bool is_constraint);

/* The part of an index's or a key's name that comes of its columns (char *). */
extern char *ec_plan_joined_columns(List *names);
extern char *ec_plan_index_columns(const IndexStmt *stmt);
extern List *ec_plan_strings(List *nodes);

/* plan_proof.c */

/* ADD CONSTRAINT name body NOT VALID, and VALIDATE. */
extern void ec_plan_proof(EcPlanner *planner, EcDraft *draft, EcRelation *relation,
						  bool inh, const char *name, const char *body);

/* VALIDATE, of a table as ALTER TABLE takes it. */
extern void ec_plan_validation(EcDraft *draft, EcRelation *relation,
							   const char *table, const char *name);

/*
 * SET NOT NULL; since version 18 it may be a constraint with a name of its own.
 * constraint: NULL, or how it is written.
 */
extern void
ec_plan_not_null(EcPlanner *planner, EcDraft *draft, EcRelation *relation,
				 bool inh, const char *column, const Constraint *constraint);

/* The same without a CHECK as proof, which is possible since version 18. */
extern void
ec_plan_not_null_constraint(EcPlanner *planner, EcDraft *draft,
							EcRelation *relation, bool inh, const char *column,
							const Constraint *constraint);

/* plan_key.c: UNIQUE and PRIMARY KEY */
extern void ec_plan_key(EcPlanner *planner, EcDraft *draft, EcRelation *relation,
						bool inh, Constraint *constraint, List *columns);
extern const char *ec_plan_deferrable(const Constraint *constraint);

/*
 * plan_constraint.c: a constraint of a table, or of a column that is added.
 * check: its text, if it is a CHECK.
 */
extern void
ec_plan_constraint(EcPlanner *planner, EcDraft *draft, EcRelation *relation,
				   bool inh, Constraint *constraint, const char *column,
				   const char *check);

/* ALTER CONSTRAINT ... ENFORCED of a foreign key. */
extern void
ec_plan_enforce(EcPlanner *planner, EcDraft *draft, EcRelation *relation,
				bool inh, const AlterTableCmd *command);

/* plan_index.c */
extern void ec_plan_index(EcPlanner *planner, EcDraft *draft, IndexStmt *stmt);
extern void
ec_plan_left_index(EcPlanner *planner, EcDraft *draft, IndexStmt *stmt);
extern void
ec_plan_drop_index(EcPlanner *planner, EcDraft *draft, const DropStmt *stmt);
extern void
ec_plan_reindex(EcPlanner *planner, EcDraft *draft, const ReindexStmt *stmt);
extern void
ec_plan_move(EcDraft *draft, EcRelation *index, const char *tablespace);
extern void ec_plan_move_all(EcPlanner *planner, EcDraft *draft,
							 const AlterTableMoveAllStmt *stmt);
extern void ec_plan_refresh(EcPlanner *planner, EcDraft *draft,
							const RefreshMatViewStmt *stmt);

/* plan_partition.c */
extern void ec_plan_attach(EcPlanner *planner, EcDraft *draft, EcRelation *parent,
						   const PartitionCmd *command, const char *text);
extern void ec_plan_detach(EcPlanner *planner, EcDraft *draft,
						   EcRelation *parent, const PartitionCmd *command);
extern void
ec_plan_new_partition(EcPlanner *planner, EcDraft *draft, const CreateStmt *stmt);

/* plan_column.c */
extern void
ec_plan_column(EcPlanner *planner, EcDraft *draft, EcRelation *relation,
			   bool inh, const AlterTableCmd *command, const EcPieces *pieces);

/* plan_type.c: a change of a type that does not write the rows anew */
extern void
ec_plan_type(EcPlanner *planner, EcDraft *draft, EcRelation *relation, bool inh,
			 const AlterTableCmd *command, const char *text);

/*
 * A constraint that is made anew: its definition; and its comments, on the relation
 * and on its descendants, as statements that follow others, or "".
 */
extern char *ec_plan_definition(const EcConstraint *constraint);
extern char *
ec_plan_comments(EcPlanner *planner, EcRelation *relation, const char *name);

/*
 * plan_retype.c: one that does.  Drafts its steps, or returns why there are
 * none, if there is a reason of its own.
 */
extern char *ec_plan_retype(EcPlanner *planner, EcDraft *draft,
							EcRelation *relation, const AlterTableCmd *command);
extern List *
ec_plan_retype_steps(EcPlanner *planner, EcRelation *relation, List *retyped);

/* plan_rows.c: UPDATE and DELETE; see plan_rows.h */
extern void ec_plan_rows(EcPlanner *planner, EcDraft *draft, Node *node);

/* plan_table.c: plans an ALTER TABLE, and lets the lint look at it */
extern void ec_plan_alter_table(EcPlanner *planner);

#endif
