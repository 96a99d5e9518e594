/*
 * file.h
 *		Migration files: their names, and the directives in them.
 */
#ifndef EC_MIGRATE_FILE_H
#define EC_MIGRATE_FILE_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "migrate/apply.h"

/* The parts of a file's name. */
typedef struct EcFileName
{
	char *version;
	char *description; /* NULL: none */
	bool is_down;      /* the file has only the down script */
	bool is_flyway;
	/*
	 * If the name ends in _up, -down or the like: the name without that.  It
	 * is a down script if there is a file with the other ending; otherwise the
	 * ending is an ordinary word.
	 */
	char *pair;
	bool pair_is_down;
	char *pair_description;
} EcFileName;

/*
 * Parses a name: 001_name.sql, 001_name.up.sql, 001_name.down.sql,
 * V1_2__name.sql, U1_2__name.sql.  Returns false for other names.  Then
 * *problem is the reason if another tool knows the name, else NULL, and *hint
 * says what to do.
 */
extern bool ec_file_name_read(const char *name, EcFileName *parts,
							  const char **problem, const char **hint);

/*
 * Does a file that is not SQL have a version in its name, so that it is a
 * migration that only another tool can run?
 */
extern bool ec_file_name_is_foreign(const char *name);

/* Is the ending one that SQL files have, too, but not .sql? */
extern bool ec_file_name_is_sql(const char *name);

/* Is it a changelog of Liquibase, such as db.changelog-master.xml? */
extern bool ec_file_name_is_changelog(const char *name);

/*
 * The contents of a file.  Each script keeps the line numbers of the file, so
 * that errors refer to lines of the file.
 */
typedef struct EcFile
{
	char *up;          /* the whole text, if there are no directives */
	char *down;        /* NULL: none, or it has only comments */
	bool has_sections; /* up and down are sections of the file */
	char *description; /* NULL: none */
	char *phase;       /* NULL: none */
	List *requires;    /* of char * */
	List *allow;       /* of char * */
	EcOnline online;   /* what it says about that */
} EcFile;

/*
 * Reads a file's directives: ours (-- ec:up), or those of another tool whose
 * sections are known.  Raises 22023 with the line for an unknown directive,
 * 0A000 for one that is not supported.  what names the script in errors; name
 * may be NULL.
 */
extern EcFile *
ec_file_read(const char *text, const char *what, const EcFileName *name);

/* Options that do not come from the file. */
typedef struct EcFileOptions
{
	const char *scope;
	const char *description; /* used if the file has none; may be NULL */
	List *allow;             /* of char *; in addition to the file's */
	bool dry_run;
	EcOnline online; /* of the call, which counts more than the file */
} EcFileOptions;

/* Applies the file, and returns what ec_apply returns. */
extern const char *ec_file_apply(const EcFile *file, const char *version,
								 const EcFileOptions *options);

#endif
