/*
 * compiled.h
 *		A change as the trigger of one table executes it.
 *
 * Compiled once per table and session, and again when the table, the change,
 * a function or the current role has changed.
 */
#ifndef EC_DUALWRITE_COLUMNS_COMPILED_H
#define EC_DUALWRITE_COLUMNS_COMPILED_H

#include "postgres.h"

#include "commands/trigger.h"
#include "executor/executor.h"

#include "core/pinned.h"
#include "dualwrite/queue/discrepancy.h"
#include "model/change.h"

/* A column of the change in this table. */
typedef struct EcCompiledColumn
{
	AttrNumber attnum;
	char *name;
	int16 length;
	bool by_value;
	bool has_default; /* a constant, other than NULL */
	Datum default_value;

	/* where dual writes assign to it */
	const EcChangeColumn *known; /* with the expression as it is stored */
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

/* One direction: what is assigned, and what checks it. */
typedef struct EcDirection
{
	const char *name;
	int count; /* 0: there is no such mapping */
	EcCompiledColumn *columns;
	AttrNumber *attnums; /* of the same columns */
	int check_count;
	EcCompiledCheck *checks;
	bool can_fail;   /* with an error, other than out of memory and the like */
	bool writes_key; /* a column of the change's key is among the columns */
} EcDirection;

typedef struct EcCompiled
{
	Oid trigger; /* hash key */
	Oid relation;
	Oid root;
	bool is_valid;
	bool is_busy;  /* being compiled, or computing: not to be entered again */
	bool is_found; /* there is such a change, and it is this table's */
	bool is_on;    /* the flag */
	bool records;
	bool uses_domain; /* whose constraints are part of the expressions */
	EcPinned *pinned; /* the settings that they are evaluated under, or NULL */
	Oid role;         /* whose rights the expressions were checked for */
	List *names;      /* of the columns, as the stored expressions have them */
	ErrorData *error; /* the expressions do not compile (any more) */
	int old_count;
	EcCompiledColumn *old_columns;
	int new_count;
	EcCompiledColumn *new_columns;
	EcDirection forward;
	EcDirection backward;
	int key_count;
	EcCompiledColumn *key;
	EcQueueKey queue; /* the same columns */
	MemoryContext memory;
	MemoryContext states; /* of the expressions; can be made anew alone */
	ExprContext *econtext;
	TupleTableSlot *trial; /* holds a row that checks look at */

	bool has_warned;
} EcCompiled;

/*
 * known is what the last call gave, or NULL: it spares looking for it.  27000
 * while it computes a row: its memory is in use.
 */
extern EcCompiled *
ec_compiled(Relation relation, Trigger *trigger, EcCompiled *known);

/* After an error the states of expressions may be half way through. */
extern void ec_compiled_reset(EcCompiled *compiled, Relation relation);

/*
 * The numbers that the change's columns have in a table, or in a partition or
 * child of it; false if one is gone.
 */
extern bool ec_change_find_columns(Relation relation, const EcChange *change,
								   AttrNumber *attnums);

/* The names that the stored expressions use, where this table has them. */
extern List *ec_change_names(Relation relation, const EcChange *change,
							 const AttrNumber *attnums);

#endif
