/*
 * forbidden.c
 *		Errors for statements that are not allowed in a script.
 */
#include "postgres.h"

#include "script/forbidden.h"

void
ec_raise_forbidden(const char *what, const char *place, const char *name,
				   int code, const char *hint)
{
	ereport(ERROR, (errcode(code),
					errmsg("%s has a statement that a script must not have: %s",
						   what, name),
					errdetail("%s: %s.", place, name), errhint("%s", hint)));
}

void
ec_refuse_copy_from_stdin(const char *what, const char *place)
{
	ec_raise_forbidden(what, place, "COPY FROM STDIN",
					   ERRCODE_FEATURE_NOT_SUPPORTED, EC_COPY_HINT);
}
