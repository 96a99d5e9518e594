/*
 * twin_kind.h
 *		What hangs on a column, kind by kind.
 *
 * A twin is what is built on the column that is to take a name over, for each
 * thing that hangs on the column that has the name.  Nothing is stored about
 * twins: each look at the catalog finds them by their definitions.  So it does
 * not matter who has built one, or when a crash has interrupted us.
 *
 * A kind looks at the things of its kind.  For each it adds to the plan either
 * a step that is still to be done, or what the swap of the names does with it.
 */
#ifndef EC_TWINS_TWIN_KIND_H
#define EC_TWINS_TWIN_KIND_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"

#include "core/query.h"

/* a column that has the name, and the one that takes it over */
typedef struct EcTwinPair
{
	AttrNumber from;
	AttrNumber to;
	char *from_name; /* present names, not quoted */
	char *to_name;
	char *free_name; /* what "from" is called after the swap */
} EcTwinPair;

typedef struct EcRetype
{
	const char *change;
	Oid relation;
	Oid space;         /* the table's schema */
	char *table;       /* its name as SQL */
	List *pairs;       /* of EcTwinPair */
	Bitmapset *from;   /* attribute numbers */
	Bitmapset *to;     /* likewise */
	const char *label; /* in names of what is built: "_new", or "_old" on the
						* way back */
	const char *old_label; /* in names of what loses its name */
} EcRetype;

/* The swap runs the statements of all kinds, part by part. */
typedef enum EcSwapPart
{
	EC_SWAP_VIEWS_AWAY, /* and the bodies of functions */
	EC_SWAP_UNTIE,      /* away with foreign keys, triggers */
	EC_SWAP_RELEASE,    /* "from" loses defaults, sequences, the primary key */
	EC_SWAP_PROVE,      /* SET NOT NULL, from a constraint that proves it */
	EC_SWAP_KEYS,       /* keys from indexes; away with the proofs */
	EC_SWAP_NAMES,      /* names change; later parts use the new ones */
	EC_SWAP_GIVE,       /* "to" gets what "from" has lost */
	EC_SWAP_VIEWS       /* the views are there again, and the bodies */
} EcSwapPart;
#define EC_SWAP_PARTS (EC_SWAP_VIEWS + 1)

typedef struct EcTwinStep
{
	char *what; /* "index \"orders_status\"" */
	char *sql;
	bool is_top_level; /* cannot run in a transaction block */
	char *blocking;    /* the same where nobody would wait for long */
} EcTwinStep;

typedef struct EcTwinPlan
{
	bool for_swap;             /* the table is locked, and the swap follows */
	List *steps;               /* of EcTwinStep, in their order */
	List *refused;             /* of char *: what cannot have a twin, and why */
	List *swap[EC_SWAP_PARTS]; /* of char *, SQL */
	List *privileges;          /* of EcTwinPrivileges, of the views */
	List *functions;           /* OIDs */
	List *names;               /* that the plan gives away */
	List *taken;               /* OIDs of twins that are somebody's already */
} EcTwinPlan;

typedef struct EcTwinKind
{
	const char *name;
	void (*look)(const EcRetype *retype, EcTwinPlan *plan);
} EcTwinKind;

extern const EcTwinKind ec_twin_index;
extern const EcTwinKind ec_twin_check;
extern const EcTwinKind ec_twin_column;
extern const EcTwinKind ec_twin_default;
extern const EcTwinKind ec_twin_foreign;
extern const EcTwinKind ec_twin_trigger;
extern const EcTwinKind ec_twin_policy;
extern const EcTwinKind ec_twin_view;
extern const EcTwinKind ec_twin_body;
extern const EcTwinKind ec_twin_statistics;
extern const EcTwinKind ec_twin_publication;
extern const EcTwinKind ec_twin_function;
extern const EcTwinKind ec_twin_unknown;

/* The pair of which the column is "from"; NULL if none. */
extern const EcTwinPair *ec_twin_pair(const EcRetype *retype, AttrNumber from);

/* $1: the relation; $2: the numbers of the columns that change. */
extern void ec_twin_arguments(const EcRetype *retype, EcArgs *args);

extern void ec_twin_step(EcTwinPlan *plan, char *what, char *sql);
extern void
ec_twin_top_level_step(EcTwinPlan *plan, char *what, char *sql, char *blocking);
extern void ec_twin_swap(EcTwinPlan *plan, EcSwapPart part, char *sql);
extern void ec_twin_refuse(EcTwinPlan *plan, char *why);

/*
 * A name that begins like the given one, and that no relation, constraint and
 * column near the table has.
 */
extern char *ec_twin_free_name(const EcRetype *retype, EcTwinPlan *plan,
							   const char *name, const char *label);

#endif
