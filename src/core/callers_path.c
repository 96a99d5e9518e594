/*
 * callers_path.c
 *		The search_path of the caller, also where ours is in force.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

#include "core/callers_path.h"

/* NULL before the first call; of another statement unless the times are equal */
static char *noted_path;
static TimestampTz noted_at;

static bool
is_ours(const char *path)
{
	return strcmp(path, EC_OWN_SEARCH_PATH) == 0;
}

void
ec_note_callers_path(void)
{
	TimestampTz now = GetCurrentStatementStartTimestamp();

	if (is_ours(namespace_search_path) ||
		(noted_path != NULL && noted_at == now &&
		 strcmp(noted_path, namespace_search_path) == 0))
		return;
	if (noted_path != NULL)
		pfree(noted_path);
	noted_path = NULL;
	noted_path = MemoryContextStrdup(TopMemoryContext, namespace_search_path);
	noted_at = now;
}

void
ec_use_own_path(void)
{
	ec_note_callers_path();
	(void) set_config_option("search_path", EC_OWN_SEARCH_PATH, PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

static const char *
callers_path(void)
{
	const char *by_default;

	if (!is_ours(namespace_search_path))
		return namespace_search_path;
	if (noted_path != NULL && noted_at == GetCurrentStatementStartTimestamp())
		return noted_path;
	by_default = GetConfigOptionResetString("search_path");
	return by_default ? by_default : "";
}

bool
ec_caller_finds(Oid schema)
{
	char *name = get_namespace_name(schema);
	List *names = NIL;
	ListCell *cell;

	if (name == NULL || !SplitIdentifierString(pstrdup(callers_path()), ',', &names))
		return false;
	foreach (cell, names)
	{
		const char *one = lfirst(cell);

		if (strcmp(one, "$user") == 0)
			one = GetUserNameFromId(GetOuterUserId(), true);
		if (one != NULL && strcmp(one, name) == 0)
			return true;
	}
	return false;
}
