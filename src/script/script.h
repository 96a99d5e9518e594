/*
 * script.h
 *		A migration's script: its statements and its checksum.
 *
 * A script is split by the server's own parser, so dollar quotes, BEGIN
 * ATOMIC bodies, nested comments and strings need no care of ours.
 */
#ifndef EC_SCRIPT_SCRIPT_H
#define EC_SCRIPT_SCRIPT_H

#include "postgres.h"

#include "nodes/nodes.h"
#include "nodes/pg_list.h"

typedef struct EcStatement
{
	int number;           /* from 1 */
	int line;             /* of its first word in the script, from 1 */
	int column;           /* in characters, from 1 */
	char *text;           /* without what stands before the first word */
	Node *node;           /* RawStmt->stmt: unanalysed */
	bool needs_top_level; /* the catalogue says so: by_catalog.c */
} EcStatement;

typedef struct EcScript
{
	const char *what; /* names the script in errors: migration "001" */
	const char *text;
	char *checksum;
	List *statements; /* of EcStatement */
	Oid author;       /* of a way down, who gave it; else InvalidOid */
} EcScript;

typedef enum EcStatementKind
{
	EC_STATEMENT_TRANSACTIONAL, /* runs in a transaction block */
	EC_STATEMENT_ALONE,     /* is of no use before its transaction commits */
	EC_STATEMENT_TOP_LEVEL, /* runs only outside of a transaction block */
	EC_STATEMENT_FORBIDDEN  /* has no place in a script */
} EcStatementKind;

/*
 * Split a script.  Raises the server's syntax error, with its position in the
 * script, or what unreadable.h says.  One that is empty or has nothing but
 * comments has no statements.  A byte order mark at the beginning, and BEGIN
 * and COMMIT around the whole, are left out.  what is kept, not copied.
 */
extern EcScript *ec_script_parse(const char *text, const char *what);

/*
 * SHA-256 over the script's tokens, "v1:" and 64 hex digits.  Comments, white
 * space, the case of unquoted words, empty statements and the form of line
 * ends (in quotes too) do not count.  The same text has the same checksum
 * under every server version: words are not told apart from keywords, whose
 * list changes.  offsets, if not NULL, becomes the byte offset of each token.
 */
extern char *ec_script_checksum(const char *text, int **offsets, int *count);

/* How a statement can run; *name becomes what a user calls it. */
extern EcStatementKind
ec_statement_kind(const EcStatement *statement, const char **name);

/*
 * Raise an error for the first statement that has no place in a script: 0A000,
 * or 2D000 for BEGIN, COMMIT and their like.  True if there are statements
 * that the caller's transaction cannot hold, so that a worker has to run it.
 */
extern bool ec_script_is_mixed(const EcScript *script);

/*
 * Set needs_top_level of each REINDEX and CLUSTER that no transaction of ours can
 * hold (by_catalog.c).  Takes no lock, and needs no right: a name that is not found
 * is the server's to complain of.
 */
extern void ec_look_at_catalog(EcScript *script);

/*
 * Take BEGIN and COMMIT out of a script whose outermost statements they are, and
 * number the others anew: a script runs in a transaction as it is.  SETs may
 * stand around them.
 */
extern void ec_take_out_transaction(EcScript *script);

/* For DETAILs: 'Statement 2, line 3, column 1'. */
extern char *ec_statement_place(const EcStatement *statement);

#endif
