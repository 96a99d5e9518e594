/*
 * part.h
 *		What the successor of a table gets, part by part.
 *
 * Each function looks at the source and adds statements, and what is left out or
 * refused.  They are called with the settings of ec_pin_text, when the successor
 * has its columns and, if it is partitioned, its partition key.
 */
#ifndef EC_TWINS_SUCCESSOR_PART_H
#define EC_TWINS_SUCCESSOR_PART_H

#include "postgres.h"

#include "nodes/nodes.h"
#include "nodes/pg_list.h"

#include "twins/successor/successor.h"

typedef struct EcStatement
{
	char *sql;
	Oid tablespace; /* where it puts what it creates; InvalidOid: the database's */
} EcStatement;

typedef struct EcMaking
{
	EcSuccessor *successor;
	Oid space;         /* the schema of both */
	char *source_name; /* not quoted */
	char *source;      /* as SQL, qualified */
	char *table;       /* the successor likewise */
	bool is_partitioned;
	List *key_columns; /* of the partition key: attribute numbers of the source */
	bool has_key_expression;
	List *statements; /* of EcStatement */
} EcMaking;

extern void ec_make_columns(EcMaking *making);
extern void ec_make_keys(EcMaking *making); /* indexes, with their constraints */
extern void ec_make_checks(EcMaking *making); /* and foreign keys */
extern void ec_make_rules(EcMaking *making);  /* triggers, policies */

/* for these */
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
