/*
 * world.h
 *		The catalogue as a script has changed it so far.
 *
 * The lint goes through a script statement by statement and runs none of them.
 * What a statement would change, it enters here: relations made, renamed and
 * dropped, columns, constraints and indexes, settings.  The next statement is
 * judged by that.  Facts about a relation are read from the catalogue when they
 * are first asked for.
 *
 * No lock of a user's relation is waited for.
 */
#ifndef EC_LINT_WORLD_H
#define EC_LINT_WORLD_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/bitmapset.h"
#include "nodes/parsenodes.h"
#include "storage/lockdefs.h"
#include "utils/hsearch.h"

typedef struct EcRelation EcRelation;

typedef struct EcColumn
{
	char *name;
	AttrNumber number; /* one past all others for a column of the script's */
	Oid type;          /* InvalidOid: one that the script makes */
	int32 typmod;
	Oid collation;
	bool is_not_null; /* and no row breaks it */
	bool has_default;
	bool is_identity;
	char generated;
	bool is_new; /* added by the script */
	bool is_inherited;
} EcColumn;

typedef struct EcConstraint
{
	char *name;
	char type; /* pg_constraint.contype */
	bool is_valid;
	bool is_new;
	bool no_inherit;
	Bitmapset *columns; /* their numbers */
	Node *check; /* of a CHECK: analysed, or raw where it is the script's */
	Oid oid;
	Oid index;
	EcRelation *referenced; /* of a foreign key */
	List *keys; /* of a foreign key: integers, the columns' numbers */
	List *referenced_keys;
	List *operators; /* OIDs: of a foreign key that is there */
} EcConstraint;

typedef struct EcIndex
{
	char *name;
	Oid oid; /* InvalidOid: the script's */
	bool is_unique;
	bool is_partial;
	List *keys;       /* integers: numbers of columns, 0 for an expression */
	List *opclasses;  /* OIDs */
	List *collations; /* OIDs */
	Bitmapset *in_expressions; /* columns in expressions and in the predicate */
	Oid method;
} EcIndex;

/* What a statement does to a relation that was there before the script. */
typedef struct EcEffect
{
	const struct EcStatement *statement;
	EcRelation *relation;
	LOCKMODE lock; /* NoLock: none that stops anyone */
	bool rewrites;
	bool scans;
} EcEffect;

struct EcRelation
{
	char *schema;
	char *name;
	Oid oid; /* InvalidOid: the script's own */
	char kind;
	bool is_dropped;
	EcRelation *table;  /* of an index of the script's */
	List *new_children; /* attached or made by the script */
	List *old_children; /* detached by the script: EcRelation */

	LOCKMODE held;    /* the strongest lock that the transaction has taken */
	EcEffect *effect; /* of the last statement that has one */

	bool is_loaded;
	List *columns;     /* EcColumn */
	List *constraints; /* EcConstraint */
	List *indexes;     /* EcIndex */
	char persistence;
};

typedef struct EcWorld
{
	HTAB *names;   /* of relations that the script has touched */
	HTAB *oids;    /* the same by OID */
	HTAB *objects; /* what the script has made or dropped that is no relation */
	int guc_level;
} EcWorld;

/* End what was begun; an error needs no end. */
extern EcWorld *ec_world_begin(void);
extern void ec_world_end(EcWorld *world);

/* Follow a setting that decides what names mean. */
extern void ec_world_set(EcWorld *world, VariableSetStmt *stmt);
extern void ec_world_set_config(EcWorld *world, Node *statement);

/* NULL: it is not there. */
extern EcRelation *ec_world_find(EcWorld *world, const RangeVar *name);
extern EcRelation *ec_world_relation(EcWorld *world, Oid oid);

/* The script makes, renames or drops a relation. */
extern EcRelation *
ec_world_create(EcWorld *world, const RangeVar *name, char kind);
extern void ec_world_rename(EcWorld *world, EcRelation *relation,
							const char *schema, const char *name);
extern void ec_world_drop(EcWorld *world, EcRelation *relation);

/* Objects of other kinds: schemas, types, functions. */
extern void ec_world_create_object(EcWorld *world, char kind,
								   const char *schema, const char *name);
extern bool ec_world_is_new_object(EcWorld *world, char kind,
								   const char *schema, const char *name);

static inline bool
ec_is_new(const EcRelation *relation)
{
	return relation != NULL && !OidIsValid(relation->oid);
}

/* The relation and all below it, in the script's world: EcRelation. */
extern List *ec_world_family(EcWorld *world, EcRelation *relation);
/* A partitioned table with its partitions; any other relation alone. */
extern List *ec_world_partitions(EcWorld *world, EcRelation *relation);
extern List *ec_world_children(EcWorld *world, EcRelation *relation);
extern List *ec_world_parents(EcWorld *world, EcRelation *relation);

/* facts.c: read from the catalogue when first asked for */
extern void ec_load_facts(EcWorld *world, EcRelation *relation);
extern EcColumn *
ec_find_column(EcWorld *world, EcRelation *relation, const char *name);
extern EcConstraint *
ec_find_constraint(EcWorld *world, EcRelation *relation, const char *name);
extern EcIndex *
ec_find_index(EcWorld *world, EcRelation *relation, const char *name);
extern EcColumn *ec_column_numbered(EcRelation *relation, AttrNumber number);

/* Foreign keys of others that refer to the relation: EcInboundKey. */
typedef struct EcInboundKey
{
	EcRelation *relation;
	EcConstraint *constraint;
} EcInboundKey;
extern List *ec_inbound_keys(EcWorld *world, EcRelation *relation);

/* Can the column not be NULL, or does a valid CHECK prove it? */
extern bool
ec_is_proven_not_null(EcWorld *world, EcRelation *relation, EcColumn *column);

/* Columns of the relation that a raw expression names: their numbers. */
extern Bitmapset *
ec_columns_in(EcWorld *world, EcRelation *relation, Node *raw_expression);

#endif
