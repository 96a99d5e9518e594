/*
 * copy_definition.h
 *		The definition of a copy: mapping and key, checked at submission.
 */
#ifndef EC_BACKFILL_COPY_COPY_DEFINITION_H
#define EC_BACKFILL_COPY_COPY_DEFINITION_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/rel.h"

#include "core/json.h"
#include "worker/jobs/job.h"

/* The arguments of ec_copy; upper rooms submit copies without SQL. */
typedef struct EcCopySpec
{
	EcJobSpec job; /* only its change and its pace are used */
	const char *method;
	Oid source;
	Oid target;
	const Jsonb *mapping;
	List *key; /* names of the target's columns; NIL: its primary key */
	bool repair;
} EcCopySpec;

/* The tables' aliases in our statements, which the expressions use. */
#define EC_COPY_SOURCE "source"
#define EC_COPY_TARGET "target"

typedef struct EcCopyColumn
{
	char *name;       /* the target's column */
	char *expression; /* its value, coerced as by INSERT */

	/* for columns of the key */
	char *search; /* the expression for searches in the source */
	char *equal;  /* operators of the unique index */
	char *before;
	char *after;
	char *collation; /* that index's collation as SQL, or NULL */
} EcCopyColumn;

typedef struct EcCopy
{
	Oid source;
	Oid target;
	char *target_name; /* at submission */
	bool is_foreign;   /* the source is a foreign table */
	bool repair;
	bool has_unique_keys; /* two rows of the source cannot have the same key */
	int key_count;
	int count;
	EcCopyColumn *columns; /* the key's columns first */
} EcCopy;

/* Checks and builds a copy; raises an error if it is not possible. */
extern EcCopy *
ec_define_copy(Relation source, Relation target, const EcCopySpec *spec);

/*
 * Raise an error if one table cannot be read, or the other cannot be written.
 */
extern void ec_check_copy_source(Relation source);
extern void ec_check_copy_target(Relation target);

/*
 * Raises an error if one table inherits from the other, because a copied row
 * would then belong to both.
 */
extern void ec_check_tables_differ(Relation source, Relation target);

extern void ec_copy_to_json(const EcCopy *copy, EcJsonWriter *writer);
extern EcCopy *ec_copy_from_json(const Jsonb *json);

#endif
