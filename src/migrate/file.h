/*
 * file.h
 *		Migration files: their names, and the directives in them.
 */
#ifndef EC_MIGRATE_FILE_H
#define EC_MIGRATE_FILE_H

#include "postgres.h"

#include "nodes/pg_list.h"

/*
 * What a file says.  Each script keeps the line numbers of the file, so that
 * errors tell lines of the file.
 */
typedef struct EcFile
{
	char *up;          /* without directives: the whole text */
	char *down;        /* NULL: none, or nothing but comments */
	char *description; /* NULL: none */
	char *phase;       /* NULL: none */
	List *requires;    /* of char * */
	List *allow;       /* of char * */
} EcFile;

/*
 * Read a file's directives: ours (-- ec:up), dbmate's (-- migrate:up) or
 * goose's (-- +goose Up).  Raises 22023 with the line for one that is not
 * known, 0A000 for one that cannot be followed.  what names the file's script.
 */
extern EcFile *ec_file_read(const char *text, const char *what);

/*
 * Apply it, as ec_apply does.  description is used where the file has none.
 * Returns the answer of ec_apply.
 */
extern char *ec_file_apply(const EcFile *file, const char *version,
						   const char *description, bool dry_run);

/* What a file's name says. */
typedef struct EcFileName
{
	char *version;
	char *description; /* NULL: none */
	bool is_down;      /* only the way back */
} EcFileName;

/*
 * Take a name apart: 001_name.sql, 001_name.up.sql, 001_name.down.sql,
 * V1_2__name.sql, U1_2__name.sql.  False if it is none of these; *problem then
 * becomes what is wrong if it is one that another tool knows, else NULL.
 */
extern bool
ec_file_name_read(const char *name, EcFileName *parts, const char **problem);

#endif
