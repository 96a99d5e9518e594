/*
 * clip.h
 *		Texts of others, bounded before they are stored, shown, sent or logged.
 *
 * Names, messages and values come from users, and nothing bounds them: an
 * exception can say 20 MB.
 */
#ifndef EC_CORE_CLIP_H
#define EC_CORE_CLIP_H

#include "postgres.h"

/* Of one thing that a text names, and of a text as a whole, in bytes. */
#define EC_MAX_NAMED 300
#define EC_MAX_TEXT  4000

/*
 * The text if it has at most so many bytes; else its beginning, cut between
 * characters, and how long it was.  NULL of NULL.
 */
extern char *ec_clip(const char *text, int max_bytes);

/* The same of message, detail, hint and context of an error, in place. */
extern void ec_clip_error(ErrorData *error);

#endif
