/*
 * world.h
 *		The catalog as changed by a script so far.
 *
 * The lint processes a script statement by statement and runs none of them.
 * Instead it records here what a statement would change: relations created,
 * renamed and dropped, columns, constraints and indexes, settings.  The
 * following statements are judged by that.  Facts about a relation are read
 * from the catalog when they are first needed.
 *
 * No lock on a user's relation is waited for.
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

/* ATTRIBUTE_GENERATED_VIRTUAL; before version 18 there is none */
#define EC_GENERATED_VIRTUAL 'v'

typedef struct EcColumn
{
	char *name;
	AttrNumber number; /* for a column added by the script: a number after
					    * all others */
	Oid type;          /* InvalidOid: the script creates it */
	int32 typmod;
	Oid collation;
	bool is_not_null; /* valid for all rows */
	bool has_default;
	bool is_identity;
	char generated; /* ATTRIBUTE_GENERATED_STORED, EC_GENERATED_VIRTUAL */
	bool is_new;    /* added by the script */
	bool is_inherited;
	const struct EcObject *own_type; /* NULL: no type of the script */
} EcColumn;

/* CONSTRAINT_NOTNULL; before version 18 there is none */
#define EC_CONSTRAINT_NOTNULL 'n'

typedef struct EcConstraint
{
	char *name;
	char type; /* pg_constraint.contype */
	bool is_valid;
	bool is_enforced; /* always, before version 18 */
	bool is_new;
	bool is_local; /* not only inherited */
	bool no_inherit;
	Bitmapset *columns; /* attribute numbers */
	Node *check; /* of a CHECK: analysed, or raw if it is from the script */
	Oid oid;
	Oid index;
	EcRelation *referenced; /* of a foreign key */
	List *keys; /* of a foreign key: attribute numbers, as integers */
	List *referenced_keys;
	List *operators; /* OIDs; only of an existing foreign key */
} EcConstraint;

typedef struct EcIndex
{
	char *name;
	Oid oid; /* InvalidOid: the script creates it */
	bool is_unique;
	bool is_partial;
	List *keys;       /* attribute numbers, as integers; 0 for an expression */
	List *opclasses;  /* OIDs */
	List *collations; /* OIDs */
	Bitmapset *in_expressions; /* columns in expressions and in the predicate */
	Oid method;
} EcIndex;

/* what a statement does to a relation that existed before the script */
typedef struct EcEffect
{
	const struct EcStatement *statement;
	EcRelation *relation;
	LOCKMODE lock; /* NoLock: none that blocks others */
	bool rewrites;
	bool scans;
} EcEffect;

struct EcRelation
{
	char *schema;
	char *name;
	Oid oid; /* InvalidOid: the script creates it */
	char kind;
	bool is_dropped;
	EcRelation *table;  /* of an index that the script creates */
	List *new_children; /* attached or created by the script */
	List *old_children; /* detached by the script: EcRelation */

	LOCKMODE held;    /* the strongest lock taken by the transaction */
	EcEffect *effect; /* of the last statement that has one */

	bool is_loaded;
	List *columns;     /* EcColumn */
	List *constraints; /* EcConstraint */
	List *indexes;     /* EcIndex */
	char persistence;
};

typedef struct EcWorld
{
	HTAB *names;   /* relations that the script has named */
	HTAB *oids;    /* the same by OID */
	HTAB *objects; /* objects other than relations that the script has
				    * created or dropped */
	int guc_level;
} EcWorld;

/* Ends the work; not needed after an error. */
extern EcWorld *ec_world_begin(void);
extern void ec_world_end(EcWorld *world);

/* Applies a setting that affects the lookup of names. */
extern void ec_world_set(EcWorld *world, VariableSetStmt *stmt);
extern void ec_world_set_config(EcWorld *world, Node *statement);

/* Returns NULL if it does not exist. */
extern EcRelation *ec_world_find(EcWorld *world, const RangeVar *name);
extern EcRelation *ec_world_relation(EcWorld *world, Oid oid);

/* Records that the script creates, renames or drops a relation. */
extern EcRelation *
ec_world_create(EcWorld *world, const RangeVar *name, char kind);
extern void ec_world_rename(EcWorld *world, EcRelation *relation,
							const char *schema, const char *name);
extern void ec_world_drop(EcWorld *world, EcRelation *relation);

/*
 * Objects of other kinds that the script has created or renamed: 's' schemas,
 * 't' types, 'f' functions; 'd' stands for functions that it has dropped.
 */
typedef struct EcObject
{
	Oid oid;             /* InvalidOid: the script creates it */
	bool is_constrained; /* a domain with a CHECK or NOT NULL */
	bool is_volatile;    /* a function, or the default of a domain */
} EcObject;

/* Records the name, without and, if it has one, with its schema. */
extern EcObject *ec_world_create_object(EcWorld *world, char kind,
										const char *schema, const char *name);
/* Returns NULL if the script has not named it. */
extern EcObject *ec_world_find_object(EcWorld *world, char kind,
									  const char *schema, const char *name);
extern bool ec_world_is_new_object(EcWorld *world, char kind,
								   const char *schema, const char *name);

/* Records that a schema has another name, and so all relations in it. */
extern void
ec_world_rename_schema(EcWorld *world, const char *from, const char *to);

/*
 * Returns the existing relations (EcRelation) with a column of this type of
 * the script.
 */
extern List *ec_world_relations_with(EcWorld *world, const EcObject *type);

static inline bool
ec_is_new(const EcRelation *relation)
{
	return relation != NULL && !OidIsValid(relation->oid);
}

/*
 * Returns the relation and all its descendants (EcRelation), as changed by the
 * script.
 */
extern List *ec_world_family(EcWorld *world, EcRelation *relation);
/*
 * Returns a partitioned table with its partitions; any other relation alone.
 */
extern List *ec_world_partitions(EcWorld *world, EcRelation *relation);
extern List *ec_world_children(EcWorld *world, EcRelation *relation);
extern List *ec_world_parents(EcWorld *world, EcRelation *relation);

/* facts.c: read from the catalog when first needed */
extern void ec_load_facts(EcWorld *world, EcRelation *relation);
extern EcColumn *
ec_find_column(EcWorld *world, EcRelation *relation, const char *name);
extern EcConstraint *
ec_find_constraint(EcWorld *world, EcRelation *relation, const char *name);
extern EcIndex *
ec_find_index(EcWorld *world, EcRelation *relation, const char *name);

/* Since version 18 NOT NULL is a constraint.  Returns NULL if there is none. */
extern EcConstraint *ec_not_null_of(EcRelation *relation, const EcColumn *column);
extern EcColumn *ec_column_numbered(EcRelation *relation, AttrNumber number);

/*
 * Returns the foreign keys of other tables that refer to the relation
 * (EcInboundKey).
 */
typedef struct EcInboundKey
{
	EcRelation *relation;
	EcConstraint *constraint;
} EcInboundKey;
extern List *ec_inbound_keys(EcWorld *world, EcRelation *relation);

/* Can the column not be NULL, or does a valid CHECK prove it? */
extern bool
ec_is_proven_not_null(EcWorld *world, EcRelation *relation, EcColumn *column);

/*
 * Returns the attribute numbers of the relation's columns that a raw
 * expression names.
 */
extern Bitmapset *
ec_columns_in(EcWorld *world, EcRelation *relation, Node *raw_expression);

#endif
