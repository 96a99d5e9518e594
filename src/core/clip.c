/*
 * clip.c
 *		Limits the length of texts that come from users.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "core/clip.h"

char *
ec_clip(const char *text, int max_bytes)
{
	size_t length;
	char *clipped;

	if (text == NULL)
		return NULL;
	length = strlen(text);
	if (length <= max_bytes)
		return pstrdup(text);
	clipped = pnstrdup(text, pg_mbcliplen(text, length, max_bytes));
	return psprintf("%s... (%zu bytes)", clipped, length);
}

void
ec_clip_error(ErrorData *error)
{
	MemoryContext caller = MemoryContextSwitchTo(error->assoc_context);

	error->message = ec_clip(error->message, EC_MAX_TEXT);
	error->detail = ec_clip(error->detail, EC_MAX_TEXT);
	error->detail_log = ec_clip(error->detail_log, EC_MAX_TEXT);
	error->hint = ec_clip(error->hint, EC_MAX_TEXT);
	error->context = ec_clip(error->context, EC_MAX_TEXT);
	error->internalquery = ec_clip(error->internalquery, EC_MAX_TEXT);
	MemoryContextSwitchTo(caller);
}
