/*
 * file.h
 *		Migration files: their names, and the directives in them.
 */
#ifndef EC_MIGRATE_FILE_H
#define EC_MIGRATE_FILE_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* What a file's name says. */
typedef struct EcFileName
{
	char *version;
	char *description; /* NULL: none */
	bool is_down;      /* only the way back */
	bool is_flyway;
	/*
	 * Where it ends in _up, -down or the like, the name without that: the way
	 * back, if there is a file with the other end, else a word as any.
	 */
	char *pair;
	bool pair_is_down;
	char *pair_description;
} EcFileName;

/*
 * Take a name apart: 001_name.sql, 001_name.up.sql, 001_name.down.sql,
 * V1_2__name.sql, U1_2__name.sql.  False if it is none of these; *problem then
 * becomes what is wrong if it is one that another tool knows, else NULL, and
 * *hint what to do about it.
 */
extern bool ec_file_name_read(const char *name, EcFileName *parts,
							  const char **problem, const char **hint);

/*
 * Does a file of another kind have a version in its name, so that it is a
 * migration that only another tool can run?
 */
extern bool ec_file_name_is_foreign(const char *name);

/*
 * What a file says.  Each script keeps the line numbers of the file, so that
 * errors tell lines of the file.
 */
typedef struct EcFile
{
	char *up;          /* without directives: the whole text */
	char *down;        /* NULL: none, or nothing but comments */
	bool has_sections; /* the two come from sections of the file */
	char *description; /* NULL: none */
	char *phase;       /* NULL: none */
	List *requires;    /* of char * */
	List *allow;       /* of char * */
} EcFile;

/*
 * Read a file's directives: ours (-- ec:up), or those of another tool whose
 * sections are known.  Raises 22023 with the line for one that is not known,
 * 0A000 for one that cannot be followed.  what names the file's script; name may
 * be NULL, where it has none.
 */
extern EcFile *
ec_file_read(const char *text, const char *what, const EcFileName *name);

/* What does not come from the file. */
typedef struct EcFileOptions
{
	const char *scope;
	const char *description; /* where the file has none; may be NULL */
	List *allow;             /* of char *: beside those of the file */
	bool dry_run;
} EcFileOptions;

/* Apply it, as ec_apply does.  Returns the answer of ec_apply. */
extern const char *ec_file_apply(const EcFile *file, const char *version,
								 const EcFileOptions *options);

#endif
