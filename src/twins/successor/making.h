/*
 * making.h
 *		A successor of a table while it is being made: what is known of the two,
 *		the statements that are still to be run, what is left out and refused.
 */
#ifndef EC_TWINS_SUCCESSOR_MAKING_H
#define EC_TWINS_SUCCESSOR_MAKING_H

#include "postgres.h"

#include "nodes/pg_list.h"

typedef struct EcStatement
{
	char *sql;
	Oid tablespace; /* where it puts what it creates; InvalidOid: the database's */
} EcStatement;

typedef struct EcMaking
{
	Oid source_oid;
	Oid space;         /* the schema of both */
	char *source_name; /* not quoted */
	char *source;      /* as SQL, qualified */
	const char *name;  /* the successor's likewise */
	char *table;
	Oid oid;
	bool is_partitioned;
	List *key_columns; /* of the partition key: attribute numbers of the source */
	bool has_key_expression;
	List *statements; /* of EcStatement */
	List *left_out;   /* of char * */
	List *refused;    /* likewise */
} EcMaking;

extern void ec_making_run(EcMaking *making, char *sql, Oid tablespace);
extern void ec_making_leave_out(EcMaking *making, char *what);
extern void ec_making_refuse(EcMaking *making, char *what);

/*
 * The rows of the last query, within its SPI connection.  Their first columns
 * are a statement, what is left out, and what is refused; each may be NULL.
 * memory is the context for what is kept.
 */
extern void ec_making_take(EcMaking *making, uint64 count, MemoryContext memory);

/* An expression over the source's columns as one over the successor's. */
extern char *ec_making_write(const EcMaking *making, const char *stored);

/*
 * What follows the table's name in a definition of the source's: of an index or a
 * trigger.  With before, also what precedes it.
 */
extern char *
ec_making_tail(const EcMaking *making, char *definition, char **before);

#endif
