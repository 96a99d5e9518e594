/*
 * successor.h
 *		An empty table that has what another one has.
 *
 *		what the other one has                 the successor
 *		-----------------------------------    --------------------------------
 *		columns, with all that is on them      the same, in the same order
 *		CHECK constraints, keys, indexes       the same; see below
 *		foreign keys of it to other tables     the same, of the same names
 *		triggers                               the same, disabled: dual writes
 *		                                       would fire them a second time
 *		policies, owner, privileges, options,  the same
 *		tablespace, access method, comments
 *		what the rows to come may violate,     not; named in left_out
 *		what refers to the table, what a
 *		partitioned table cannot have
 *
 * The names of indexes belong to a schema, so the successor's are made of its own
 * name.  In a partitioned successor, a unique key has to contain the partition
 * key: the primary key gets its columns in addition, and another key becomes an
 * index that is not unique.
 *
 * Locking protocol.  ACCESS SHARE on the other table; SHARE ROW EXCLUSIVE on the
 * tables to which its foreign keys refer.  No row is read.
 */
#ifndef EC_TWINS_SUCCESSOR_SUCCESSOR_H
#define EC_TWINS_SUCCESSOR_SUCCESSOR_H

#include "postgres.h"

#include "nodes/pg_list.h"

typedef struct EcSuccessor
{
	Oid source;
	const char *name;
	/* "RANGE (at)"; NULL: as the source is; "": not partitioned */
	const char *partition_by;

	/* results */
	Oid oid;
	List *left_out; /* of char *, "constraint \"x\", which …" */
	List *refused;  /* of char *, "rule \"x\" (drop it before …)" */
} EcSuccessor;

/* Raises 42601 unless it is what may follow PARTITION BY, and no more. */
extern void ec_successor_check_partition_by(const char *text);

/*
 * Creates the table, as the source's owner.  If something is refused, it has not
 * all of it.  Call in an EcTry.
 */
extern void ec_successor_make(EcSuccessor *successor);

#endif
