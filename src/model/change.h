/*
 * change.h
 *		Changes, as the tables expand_contract.changes and change_columns
 *		know them.
 */
#ifndef EC_MODEL_CHANGE_H
#define EC_MODEL_CHANGE_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#define EC_PHASE_DUAL_WRITE  "dual_write"
#define EC_PHASE_BACKFILLED  "backfilled"
#define EC_PHASE_VERIFIED    "verified"
#define EC_PHASE_CUT_OVER    "cut_over"
#define EC_PHASE_QUARANTINED "quarantined"
#define EC_PHASE_CONTRACTED  "contracted"
#define EC_PHASE_REVERTED    "reverted"

typedef enum EcSide
{
	EC_SIDE_OLD,
	EC_SIDE_NEW,
	EC_SIDE_KEY,     /* neither: tells rows apart, nothing else */
	EC_SIDE_UNMAPPED /* old, but no mapping names it */
} EcSide;

typedef struct EcChangeColumn
{
	EcSide side;
	char *name;        /* on the day of ec_expand, as the expressions have it */
	AttrNumber attnum; /* now; 0 if it is gone from a restored table */
	char *present_name; /* after renames, as a dump of the table has it */
	char *expression;   /* what dual writes assign to it, or NULL */
	char *tree;  /* the same as the server keeps it, see mapping.h; or NULL */
	List *calls; /* the functions in it, see mapping.h */
	int key_position; /* from 1; 0 if not of the key */
	bool goes;        /* contraction removes it */
	int number;       /* attnum as stored: with the side, what names its row */
} EcChangeColumn;

typedef struct EcChange
{
	char *name;
	Oid relation;
	Oid target;     /* InvalidOid: other columns of the same table */
	Jsonb *forward; /* the mappings as they were given */
	Jsonb *backward;
	List *key;         /* as given, of char *; NIL if not given */
	List *old_columns; /* as asked of ec_expand; not stored, see goes */
	bool whole_table;  /* contraction removes the relation, not columns of it */
	bool records;      /* on_error => 'record' */
	char *phase;
	Jsonb *settings;  /* its expressions' , see pinned.h; NULL: anybody's */
	bool dual_write;  /* the flag */
	bool is_restored; /* from a dump: the table has another OID by now */
	Oid owner;        /* of its tables when it was set up, see owner.h */
	char *owner_name; /* then; NULL if not known */
	List *columns;    /* of EcChangeColumn, by attribute number */
	List *unmapped;   /* likewise: those that no mapping names */
} EcChange;

/*
 * The change as it is committed now, whatever the snapshot of the transaction:
 * a REPEATABLE READ writer has to obey a change that is younger than his
 * snapshot.  False if there is none.  Everything is allocated in the current
 * memory context.
 */
extern bool ec_change_load(const char *name, EcChange *change);

/* The same, but raises 42704 when there is none, and 42501 unless the caller
 * owns the table. */
extern void ec_change_get(const char *name, EcChange *change);

/*
 * Does the caller own the change's table?  Where its tables are gone: has he the
 * rights of the role that owned them at ec_expand?
 */
extern bool ec_change_is_mine(const EcChange *change);

/* contracted or reverted */
extern bool ec_change_is_over(const EcChange *change);

/*
 * Its name is free again: it has another one, which is returned, and so have its
 * events, jobs and verifications.  For one that is over.
 */
extern char *ec_change_retire(const EcChange *change);

/* The same, and nothing is kept of it but those. */
extern void ec_change_forget(const EcChange *change);

/* May the caller see the change: as its owner, or as a member of pg_monitor? */
extern bool ec_change_may_see(const EcChange *change);

/* As ec_change_get, for those who only look: 42501 unless they may see it. */
extern void ec_change_get_to_see(const char *name, EcChange *change);

/* 55000 unless the change still has something to do. */
extern void ec_change_require_active(const EcChange *change);

/* As stored in change_columns. */
extern const char *ec_side_name(EcSide side);

/* Enter a new change, with its columns. */
extern void ec_change_insert(const EcChange *change);

/*
 * The columns have other numbers, or the trigger was gone for a while, which
 * leaves a gap.
 */
extern void ec_change_renew(const EcChange *change, bool had_gap);

/*
 * Go to a phase, or set the flag of dual writes: written, logged, told to
 * whoever listens on the channel expand_contract, and every session's
 * triggers look again.  In no catalogue scope.
 */
extern void ec_change_set_phase(const char *name, const char *phase);
extern void ec_change_set_dual_write(const EcChange *change, bool enabled);

/* Set a read switch, and tell the channel expand_contract. */
extern void ec_flag_set(const char *name, bool value);

/* Log and NOTIFY; value may be NULL. */
extern void
ec_change_announce(const char *change, const char *event, const char *value);

/* What the name of a change's trigger begins with: behind every usual name. */
#define EC_TRIGGER_PREFIX  "~ec_"
#define EC_MAX_CHANGE_NAME 50

extern char *ec_change_trigger_name(const char *change);

#endif
