/*
 * subject.h
 *		What is compared, and the key by which rows are matched.
 */
#ifndef EC_VERIFY_SUBJECT_H
#define EC_VERIFY_SUBJECT_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/rel.h"

#include "core/mapping.h"

typedef enum EcRowSide
{
	EC_ROW_OF_SOURCE,
	EC_ROW_OF_TARGET
} EcRowSide;

/* What is compared.  The tables are open, with AccessShareLock. */
typedef struct EcSubject
{
	Relation source;
	Relation target;   /* equals source when columns of one table are
					    * compared */
	List *columns;     /* EcMappedColumn of the target */
	List *key;         /* for two tables: EcMappedColumn of the target */
	List *backward;    /* EcMappedColumn of the source, or NIL */
	List *walk;        /* the columns of a unique key in whose order jobs
					    * read; NIL: those of key, or the primary key */
	bool is_of_change; /* rows whose expressions fail count as different */
	bool new_is_right; /* after cutover: repairs go from target to source */
	bool by_image; /* strings that a collation calls equal are none the less different */
} EcSubject;

static inline bool
ec_is_one_table(const EcSubject *subject)
{
	return RelationGetRelid(subject->source) == RelationGetRelid(subject->target) &&
		   subject->key == NIL;
}

/*
 * For two tables: moves the key's columns from subject->columns to
 * subject->key.  names is a text[]; NULL means the target's primary key.  A
 * key column that the mapping does not name corresponds to the source's column
 * of the same name.
 */
extern void ec_mapping_take_key(EcSubject *subject, List *names);

/* The same for a list of names (char *), all of which the mapping has. */
extern void ec_match_by(EcSubject *subject, List *names);

/*
 * The names of the primary key's columns, in the order of its index; raises
 * 55000 if there is none.
 */
extern List *ec_primary_key(Relation relation);

#endif
