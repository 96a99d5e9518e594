/*
 * compiled.h
 *		A change in the compiled form that the trigger of one table executes.
 *
 * It is compiled once per table and session, and again when the table, the
 * change, a function or the current role changes.
 */
#ifndef EC_DUALWRITE_COLUMNS_COMPILED_H
#define EC_DUALWRITE_COLUMNS_COMPILED_H

#include "postgres.h"

#include "commands/trigger.h"
#include "executor/executor.h"

#include "core/pinned.h"
#include "dualwrite/queue/discrepancy.h"
#include "model/change.h"

/* a column of the change in this table */
typedef struct EcCompiledColumn
{
	AttrNumber attnum;
	char *name;
	int16 length;
	bool by_value;
	bool has_default; /* the default is a constant other than NULL */
	Datum default_value;

	/* only for columns that dual writes assign */
	const EcChangeColumn *known; /* with the stored expression */
	Expr *expression;
	ExprState *value;
	bool is_not_null;
} EcCompiledColumn;

typedef struct EcCompiledCheck
{
	char *name;
	Expr *expression;
	ExprState *state;
} EcCompiledCheck;

/* one direction: the columns that are assigned, and the CHECKs on them */
typedef struct EcDirection
{
	const char *name;
	int count; /* 0: the change has no such mapping */
	EcCompiledColumn *columns;
	AttrNumber *attnums; /* of the same columns */
	int check_count;
	EcCompiledCheck *checks;
	bool can_fail;   /* may raise an error, other than out of memory and the
					  * like */
	bool writes_key; /* the columns include a column of the change's key */
} EcDirection;

typedef struct EcCompiled
{
	Oid trigger; /* hash key */
	Oid relation;
	Oid root;
	bool is_valid;
	bool is_busy;      /* being compiled or evaluated, so that reentry is an
				    * error */
	bool is_found;     /* the change exists, and it belongs to this table */
	bool is_on;        /* dual writes are switched on */
	bool keeps_names;  /* see ec_change_type */
	bool old_is_right; /* then: the old side is the one that has the names */
	bool records;
	bool uses_domain; /* the expressions contain constraints of domains */
	EcPinned *pinned; /* settings for evaluating the expressions; NULL: none */
	Oid role;         /* the role for which the expressions were checked */
	List *names;      /* column names as used in the stored expressions */
	ErrorData *error; /* set if the expressions do not compile (any more) */
	int old_count;
	EcCompiledColumn *old_columns;
	int new_count;
	EcCompiledColumn *new_columns;
	EcDirection forward;
	EcDirection backward;
	int key_count;
	EcCompiledColumn *key;
	EcQueueKey queue; /* over the same columns */
	MemoryContext memory;
	MemoryContext states; /* for expression states; can be reset separately */
	ExprContext *econtext;
	TupleTableSlot *trial; /* holds the row that CHECKs are evaluated on */

	bool has_warned;
} EcCompiled;

/*
 * known is the result of the last call, or NULL; it saves a lookup.  Raises
 * 27000 while a row is being computed, because the compiled change is in use
 * then.
 */
extern EcCompiled *
ec_compiled(Relation relation, Trigger *trigger, EcCompiled *known);

/* Call this after an error: the states of expressions may be inconsistent. */
extern void ec_compiled_reset(EcCompiled *compiled, Relation relation);

/*
 * Finds the attribute numbers of the change's columns in its table, or in a
 * partition or child of it.  Returns false if a column does not exist any
 * more.
 */
extern bool ec_change_find_columns(Relation relation, const EcChange *change,
								   AttrNumber *attnums);

/*
 * Returns the column names as used in the stored expressions, at the positions
 * that the columns have in this table.
 */
extern List *ec_change_names(Relation relation, const EcChange *change,
							 const AttrNumber *attnums);

#endif
