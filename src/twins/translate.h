/*
 * translate.h
 *		Expressions over a table, written for other columns of it.
 */
#ifndef EC_TWINS_TRANSLATE_H
#define EC_TWINS_TRANSLATE_H

#include "postgres.h"

#include "parser/parse_node.h"

#include "twins/twin_kind.h"

/* an expression as the server would store it */
typedef struct EcTwinExpression
{
	char *text; /* as the server writes it, with all names qualified, and, of
				 * ec_twin_translate, without the casts that it puts in itself */
	Node *node;
	char *error; /* instead: why the server does not take it */
} EcTwinExpression;

/*
 * The stored expression (the text of a node tree), in which each column of a
 * pair is replaced by its twin; retype NULL: none.  kind is that of the place
 * where it stands.
 */
extern EcTwinExpression ec_twin_translate(Oid relation, const EcRetype *retype,
										  Node *stored, ParseExprKind kind);

/* Likewise reads an expression from text. */
extern EcTwinExpression
ec_twin_read(Oid relation, const char *text, ParseExprKind kind);

/* Coerces it as a column's default; the error is set if that cannot be. */
extern EcTwinExpression
ec_twin_read_default(Oid relation, AttrNumber attnum, const char *text);

/* As the server writes it. */
extern char *ec_twin_write(Oid relation, Node *stored);

/* Attribute numbers that a stored expression reads; 0 for the whole row. */
extern Bitmapset *ec_twin_reads(Node *stored);

#endif
