/*
 * clip.h
 *		Limits the length of texts that come from users, before they are stored,
 *		shown, sent or logged.
 *
 * Names, messages and values come from users, and nothing else limits them: an
 * exception's message can have 20 MB.
 */
#ifndef EC_CORE_CLIP_H
#define EC_CORE_CLIP_H

#include "postgres.h"

/*
 * The limits, in bytes, for one name or value within a text, and for a whole
 * text.
 */
#define EC_MAX_NAMED 300
#define EC_MAX_TEXT  4000

/*
 * Returns a copy of the text if it has at most max_bytes bytes; otherwise its
 * beginning, cut at a character boundary, followed by its full length.  NULL
 * for NULL.
 */
extern char *ec_clip(const char *text, int max_bytes);

/*
 * Applies ec_clip to an error's message, detail, hint, context and query, in
 * place.
 */
extern void ec_clip_error(ErrorData *error);

#endif
