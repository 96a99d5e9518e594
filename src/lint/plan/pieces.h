/*
 * pieces.h
 *		The source text of the parts of a statement.
 *
 * The server can deparse an analysed expression, but analysing one of a script
 * would run functions and needs the objects that earlier statements create.
 * So what is taken over from a statement is taken over as it was written: the
 * parse tree says where a part begins, and the server's scanner where it ends.
 */
#ifndef EC_LINT_PLAN_PIECES_H
#define EC_LINT_PLAN_PIECES_H

#include "postgres.h"

#include "nodes/parsenodes.h"

#include "script/script.h"

typedef struct EcPieceToken
{
	int kind; /* EcTokenKind, or a character */
	int offset;
	int end;
	char *word; /* of an unquoted word, in lower case; otherwise NULL */
	int depth;  /* of parentheses and brackets around it */
} EcPieceToken;

typedef struct EcPieces
{
	const EcStatement *statement;
	EcPieceToken *tokens;
	int count;
} EcPieces;

extern EcPieces *ec_pieces_of(const EcStatement *statement);

/* Returns the first token at or after a location of the parse tree. */
extern int ec_piece_at(const EcPieces *pieces, int location);

/* Returns the first token from the given one on that is this unquoted word. */
extern int ec_piece_word(const EcPieces *pieces, int from, const char *word);

/*
 * Returns the token after a possibly qualified name, "*" and closing
 * parentheses (of ONLY (name)) that starts at the token.
 */
extern int ec_piece_after_name(const EcPieces *pieces, int token);

/* Returns the token after the parenthesis that closes the one at the token. */
extern int ec_piece_after_parenthesis(const EcPieces *pieces, int token);

/* The text of the tokens from ... until - 1. */
extern char *ec_piece_text(const EcPieces *pieces, int from, int until);

/*
 * Returns the texts of the commands of an ALTER TABLE (char *), as many as it
 * has commands; NIL if they cannot be told apart.
 */
extern List *
ec_pieces_of_alter(const EcPieces *pieces, const AlterTableStmt *stmt);

/* A column definition. */
typedef struct EcColumnPieces
{
	char *head;        /* name, type, storage and compression; and COLLATE */
	char *default_sql; /* the expression; NULL: none */
	char *identity;    /* GENERATED ... AS IDENTITY (...) */
	char *generated;   /* GENERATED ALWAYS AS (...) ... */
	List *checks;      /* char *: CHECK (...), for each CHECK in its order */
} EcColumnPieces;

extern EcColumnPieces *
ec_pieces_of_column(const EcPieces *pieces, const ColumnDef *column);

/* CHECK (...) of a constraint. */
extern char *
ec_pieces_of_check(const EcPieces *pieces, const Constraint *constraint);

#endif
