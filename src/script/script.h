/*
 * script.h
 *		A migration's script: its statements and its checksum.
 *
 * The server's own parser splits a script, so dollar quotes, BEGIN ATOMIC
 * bodies, nested comments and strings need no special treatment.
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
	int offset;           /* of its first word in EcScript.text, in bytes */
	char *text;           /* starts at the first word */
	Node *node;           /* RawStmt->stmt, not analysed */
	bool needs_top_level; /* according to the catalog, see by_catalog.c */
} EcStatement;

typedef struct EcScript
{
	const char *what; /* names the script in errors: migration "001" */
	const char *text;
	char *checksum;
	List *statements;  /* of EcStatement */
	Oid author;        /* of a down script: the role that gave it */
	const char *scope; /* of its migration; NULL: that of the session */
} EcScript;

typedef enum EcStatementKind
{
	EC_STATEMENT_TRANSACTIONAL, /* runs in a transaction block */
	EC_STATEMENT_ALONE,         /* its effect is usable only after commit */
	EC_STATEMENT_TOP_LEVEL,     /* cannot run in a transaction block */
	EC_STATEMENT_FORBIDDEN      /* not allowed in a script */
} EcStatementKind;

/*
 * Splits a script into statements.  Raises the server's syntax error, with its
 * position in the script, or the errors of unreadable.h.  A script that is
 * empty or contains only comments has no statements.  Removes a byte order
 * mark at the beginning, and BEGIN and COMMIT around the whole script.  Keeps
 * the pointer what.
 */
extern EcScript *ec_script_parse(const char *text, const char *what);

/*
 * SHA-256 of the script's tokens: "v1:" and 64 hex digits.  Comments, white
 * space, the case of unquoted words, empty statements, and the kind of line
 * ends (even within quotes) have no effect.  The checksum is the same under
 * every server version, because keywords, which differ between versions, are
 * not distinguished from other words.  If offsets is not NULL, it is set to
 * the byte offset of each token.
 */
extern char *ec_script_checksum(const char *text, int **offsets, int *count);

/* How a statement can run; sets *name to the command's usual name. */
extern EcStatementKind
ec_statement_kind(const EcStatement *statement, const char **name);

/*
 * Raises an error for the first statement that is not allowed in a script:
 * 0A000, or 2D000 for BEGIN, COMMIT and similar ones.  Returns true if the
 * script has statements that cannot run in the caller's transaction, so that a
 * worker has to run it.
 */
extern bool ec_script_is_mixed(const EcScript *script);

/*
 * Sets needs_top_level of each REINDEX and CLUSTER that cannot run in our
 * transaction (by_catalog.c).  Takes no lock and checks no privileges.
 * Ignores names that are not found; the server raises the error when the
 * statement runs.
 */
extern void ec_look_at_catalog(EcScript *script);

/*
 * Removes BEGIN and COMMIT if they enclose the whole script, except for SETs,
 * and numbers the other statements again.  A script runs in a transaction
 * anyway.
 */
extern void ec_take_out_transaction(EcScript *script);

/*
 * The value of a boolean option (DefElem) of a statement, false where it is
 * absent.  As in the server, the last one counts.
 */
extern bool ec_option_is_set(List *options, const char *name);

/* For DETAILs: 'Statement 2, line 3, column 1'. */
extern char *ec_statement_place(const EcStatement *statement);

#endif
