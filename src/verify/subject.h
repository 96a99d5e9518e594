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
	Relation target;   /* the same for columns of one table */
	List *columns;     /* EcMappedColumn of the target */
	List *key;         /* two tables: EcMappedColumn of the target */
	List *backward;    /* EcMappedColumn of the source, or NIL */
	List *walk;        /* names of a unique key that jobs walk along; NIL: the
					  * key above, or the primary key */
	bool new_is_right; /* after cutover: repairs flow from target to source */
	bool by_image; /* strings that a collation calls equal are none the less different */
} EcSubject;

static inline bool
ec_is_one_table(const EcSubject *subject)
{
	return RelationGetRelid(subject->source) == RelationGetRelid(subject->target) &&
		   subject->key == NIL;
}

/*
 * Two tables: take the key's columns out of the mapping, and put them into
 * subject->key.  names is a text[]; NULL: the target's primary key.  A column
 * that the mapping does not name is the source's of the same name.
 */
extern void ec_mapping_take_key(EcSubject *subject, ArrayType *names);

/* The same for columns that the mapping has, by their names, of char *. */
extern void ec_match_by(EcSubject *subject, List *names);

/*
 * The names of the primary key's columns, in the order of its index; raises
 * 55000 if there is none.
 */
extern List *ec_primary_key(Relation relation);

#endif
