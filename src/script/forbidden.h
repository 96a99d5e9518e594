/*
 * forbidden.h
 *		Errors for statements that are not allowed in a script.
 */
#ifndef EC_SCRIPT_FORBIDDEN_H
#define EC_SCRIPT_FORBIDDEN_H

#include "postgres.h"

#include "core/compat.h"

#define EC_COPY_HINT                                                            \
	"A script has no client to copy from or to. Use INSERT (pg_dump --inserts " \
	"writes them), or COPY with a file on the server."

/* what names the script, place the statement in it (see ec_place). */
ec_noreturn extern void
ec_raise_forbidden(const char *what, const char *place, const char *name,
				   int code, const char *hint);

ec_noreturn extern void
ec_refuse_copy_from_stdin(const char *what, const char *place);

#endif
