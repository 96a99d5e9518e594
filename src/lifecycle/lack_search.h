/*
 * lack_search.h
 *		Declarations shared by the files that search for what the new shape of a
 *		change lacks.
 */
#ifndef EC_LIFECYCLE_LACK_SEARCH_H
#define EC_LIFECYCLE_LACK_SEARCH_H

#include "postgres.h"

#include "catalog/pg_attribute.h"

#include "lifecycle/lack.h"
#include "lifecycle/shapes.h"

typedef struct EcLackSearch
{
	EcShapes shapes;
	List *lacks;
	List *names;         /* char *: names that the statements so far use */
	Bitmapset *not_null; /* new columns that the statements so far set NOT NULL */
	bool has_key;        /* the new table has a primary key */
} EcLackSearch;

/* Adds an EcLack.  Statements that are empty count as none. */
extern void
ec_add_lack(EcLackSearch *search, char *what, char *because, char *statements);

/* Names as SQL. */
extern const char *ec_quoted_column(Relation table, AttrNumber attnum);
extern char *ec_quoted_columns(Relation table, Bitmapset *columns);
extern char *ec_new_table_name(const EcLackSearch *search);

extern Form_pg_attribute
ec_new_column(const EcLackSearch *search, AttrNumber attnum);

/*
 * Returns a name for an index, a sequence or a constraint of the table that
 * neither the schema nor a statement so far uses.
 */
extern char *ec_free_name(EcLackSearch *search, Relation table,
						  const char *column, const char *label);

/* Both statements, with a space between them if neither is empty. */
extern char *ec_append_sql(char *sql, const char *more);

/*
 * Returns the statements that set a new column NOT NULL without a scan under a
 * strong lock; "" if it is NOT NULL, or a statement so far sets it.
 */
extern char *ec_make_not_null(EcLackSearch *search, AttrNumber attnum);

/* Deparses an expression over the columns of the new table. */
extern char *ec_deparse_over_new(const EcLackSearch *search, Node *expression);

/* lack_index.c */
extern void ec_find_lacking_indexes(EcLackSearch *search);

/* lack_default.c */
extern void ec_find_lacking_defaults(EcLackSearch *search);
extern void ec_find_lacking_sequences(EcLackSearch *search);

#endif
