/*
 * foreign.h
 *		Finds parts of a script that are meant for other migration tools, and
 *		which the server takes for comments or data.
 *
 * A script that was written for another tool may contain its down section
 * after its up section, separated only by a comment.  The server would run all
 * of it as one script.
 */
#ifndef EC_SCRIPT_FOREIGN_H
#define EC_SCRIPT_FOREIGN_H

#include "postgres.h"

/* Which comments are examined as possible starts of a down section. */
typedef enum EcForeignSections
{
	EC_FOREIGN_ANY_SECTIONS,
	EC_FOREIGN_MARKED_SECTIONS, /* for a file whose sections have been read:
								 * only marked ones, which may be misspelt */
	EC_FOREIGN_NO_SECTIONS      /* for a down section, which may name itself */
} EcForeignSections;

/*
 * Raises 0A000 for the first comment line that looks like the start of a down
 * section with statements after it, or like a directive that we cannot follow.
 */
extern void
ec_refuse_foreign(const char *text, const char *what, EcForeignSections sections);

/* The forms of placeholders that tools replace anywhere in a script. */
typedef enum EcPlaceholder
{
	EC_PLACEHOLDER_NONE,
	EC_PLACEHOLDER_DOLLAR, /* ${name} */
	EC_PLACEHOLDER_BRACES, /* {{ name }} */
	EC_PLACEHOLDER_COLON   /* :NAME */
} EcPlaceholder;

/*
 * Raises 0A000 for the first placeholder of that form outside of comments,
 * including strings and function bodies.  tool names the tool that would
 * replace it.
 */
extern void ec_refuse_placeholders(const char *text, const char *what,
								   EcPlaceholder form, const char *tool);

#endif
