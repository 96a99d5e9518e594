/*
 * copy_definition.h
 *		What a copy does: mapping and key, checked at submission.
 */
#ifndef EC_BACKFILL_COPY_COPY_DEFINITION_H
#define EC_BACKFILL_COPY_COPY_DEFINITION_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/rel.h"

#include "core/json.h"
#include "worker/jobs/job.h"

/* What ec_copy takes; upper rooms submit copies without SQL. */
typedef struct EcCopySpec
{
	EcJobSpec job; /* of this the change and the pace */
	const char *method;
	Oid source;
	Oid target;
	const Jsonb *mapping;
	List *key; /* names of columns of the target; NIL: its primary key */
	bool repair;
} EcCopySpec;

/* In our statements the tables have these names, and expressions use them. */
#define EC_COPY_SOURCE "source"
#define EC_COPY_TARGET "target"

typedef struct EcCopyColumn
{
	char *name;       /* of the target's column */
	char *expression; /* its value, coerced as INSERT does it */

	/* of a column of the key */
	char *search; /* the expression, where the source is searched by it */
	char *equal;  /* the operators that the unique index goes by */
	char *before;
	char *after;
	char *collation; /* of that index, as SQL, or NULL */
} EcCopyColumn;

typedef struct EcCopy
{
	Oid source;
	Oid target;
	char *target_name; /* as it was at submission */
	bool is_foreign;   /* the source */
	bool repair;
	bool has_unique_keys; /* no two rows of the source can have one key */
	int key_count;
	int count;
	EcCopyColumn *columns; /* those of the key first */
} EcCopy;

/* Raises an error for whatever cannot be copied like that. */
extern EcCopy *
ec_define_copy(Relation source, Relation target, const EcCopySpec *spec);

/* Raises the reason if one table cannot be read, or the other not be written. */
extern void ec_check_copy_source(Relation source);
extern void ec_check_copy_target(Relation target);

/* A row that goes over from one to the other would be another's row. */
extern void ec_check_tables_differ(Relation source, Relation target);

extern void ec_copy_to_json(const EcCopy *copy, EcJsonWriter *writer);
extern EcCopy *ec_copy_from_json(const Jsonb *json);

#endif
