/*
 * change.h
 *		Changes as stored in the tables expand_contract.changes and
 *		change_columns.
 */
#ifndef EC_MODEL_CHANGE_H
#define EC_MODEL_CHANGE_H

#include "postgres.h"

#include "access/attnum.h"
#include "fmgr.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#define EC_PHASE_DUAL_WRITE  "dual_write"
#define EC_PHASE_BACKFILLED  "backfilled"
#define EC_PHASE_PREPARED    "prepared" /* only if it keeps the names */
#define EC_PHASE_VERIFIED    "verified"
#define EC_PHASE_CUT_OVER    "cut_over"
#define EC_PHASE_QUARANTINED "quarantined"
#define EC_PHASE_CONTRACTED  "contracted"
#define EC_PHASE_REVERTED    "reverted"

typedef enum EcSide
{
	EC_SIDE_OLD,
	EC_SIDE_NEW,
	EC_SIDE_KEY,     /* neither old nor new: only identifies rows */
	EC_SIDE_UNMAPPED /* an old column that no mapping names */
} EcSide;

typedef struct EcChangeColumn
{
	EcSide side;
	char *name;         /* at ec_expand; the expressions use this name */
	AttrNumber attnum;  /* present number; 0 if it does not exist */
	char *present_name; /* present name, kept through renames */
	char *expression;   /* what dual writes assign to it, or NULL */
	char *tree;         /* its analysed form, see mapping.h; or NULL */
	List *calls;        /* functions that it calls, see mapping.h */
	int key_position;   /* from 1; 0 if not in the key */
	bool goes;          /* contraction removes it */
	int number;         /* attnum as stored; identifies the row, with side */
} EcChangeColumn;

typedef struct EcChange
{
	char *name;
	Oid relation;
	Oid target;     /* InvalidOid: the new columns are in the same table */
	Jsonb *forward; /* both mappings as the user gave them */
	Jsonb *backward;
	List *key;         /* names as given, char *; NIL if not given */
	List *old_columns; /* argument of ec_expand; not stored, see goes */
	bool whole_table;  /* contraction removes the table, not columns */
	bool records;      /* on_error => 'record' */
	char *phase;
	Jsonb *kept_names; /* of a change that keeps the names of columns: the
						* name at that time of each old column, and of the new
						* one that takes its name; else NULL */
	Jsonb *settings;   /* for its expressions, see pinned.h; NULL: none */
	bool dual_write;   /* the flag */
	bool is_restored;  /* from a dump: the table has another OID now */
	Oid owner;         /* owner of its tables at ec_expand, see owner.h */
	char *owner_name;  /* name at that time; NULL if unknown */
	List *columns;     /* EcChangeColumns, ordered by attribute number */
	List *unmapped;    /* likewise those that no mapping names */
} EcChange;

/*
 * Loads the change as it is committed now, whatever the transaction's
 * snapshot.  A REPEATABLE READ writer has to obey a change that is newer than
 * his snapshot.  Returns false if there is no such change.  Allocates in the
 * current memory context.
 */
extern bool ec_change_load(const char *name, EcChange *change);

/*
 * The same, but raises 42704 if there is none, and 42501 unless the caller
 * owns the table.
 */
extern void ec_change_get(const char *name, EcChange *change);

/*
 * Does the caller own the change's table?  Where its tables are gone: has he the
 * rights of the role that owned them at ec_expand?
 */
extern bool ec_change_is_mine(const EcChange *change);

/* contracted or reverted */
extern bool ec_change_is_over(const EcChange *change);

/*
 * Before cutover a repair writes the new side from the old one; after it, the
 * other way round.
 */
extern bool ec_old_is_authority(const EcChange *change);

extern bool ec_has_backward(const EcChange *change);

/*
 * Its name is free again: it has another one, which is returned, and so have its
 * events, jobs and verifications.  For one that is over.
 */
extern char *ec_change_retire(const EcChange *change);

/* The same, and nothing is kept of it but those. */
extern void ec_change_forget(const EcChange *change);

/* May the caller see the change: as its owner, or as a member of pg_monitor? */
extern bool ec_change_may_see(const EcChange *change);

/*
 * Like ec_change_get, but raises 42501 only if the caller may not see the
 * change.
 */
extern void ec_change_get_to_see(const char *name, EcChange *change);

/* Raises 55000 if the change is contracted or reverted. */
extern void ec_change_require_active(const EcChange *change);

/* The side's name in change_columns. */
extern const char *ec_side_name(EcSide side);

/* Inserts a new change with its columns. */
extern void ec_change_insert(const EcChange *change);

/*
 * Stores the mappings and columns again, because the columns' numbers or the
 * names in the mappings have changed, or the trigger was missing for a while.
 * had_gap: rows may be out of step.
 */
extern void ec_change_renew(const EcChange *change, bool had_gap);

/*
 * Change the phase, or the flag of dual writes.  They write the row and the
 * event log, notify the channel expand_contract, and make the triggers of all
 * sessions read the change again.  Call outside of a catalog scope.
 */
extern void ec_change_set_phase(const char *name, const char *phase);
extern void ec_change_set_dual_write(const EcChange *change, bool enabled);

/* Sets a flag for readers, and notifies the channel expand_contract. */
extern void ec_flag_set(const char *name, bool value);

/* Writes the event log and notifies; value may be NULL. */
extern void
ec_change_announce(const char *change, const char *event, const char *value);

/*
 * The prefix of a change's trigger.  It sorts after all usual names, so that
 * the trigger fires last.
 */
#define EC_TRIGGER_PREFIX  "~ec_"
#define EC_MAX_CHANGE_NAME 50

extern char *ec_change_trigger_name(const char *change);

/*
 * The name by which a change is stored and shown everywhere.  Where
 * expand_contract.scope is set, that is "scope/name", so that one name in two
 * scopes is two changes.  A name that begins with the scope already stays as it
 * is, and so do all where no scope is set.  Empty names stay empty.
 *
 * Only names that users give are read so; names in our tables are full.
 */
extern char *ec_change_full_name(const char *name);

/* The full name that an argument of type text, not NULL, stands for. */
extern char *ec_change_argument(FunctionCallInfo fcinfo, int n);

#endif
