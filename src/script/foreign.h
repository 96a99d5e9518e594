/*
 * foreign.h
 *		What other migration tools would read in a script, and the server takes
 *		for a comment or for data.
 *
 * A script that was written for another tool can have its way down below its
 * way up, and only a comment between the two.  To the server all of it is one
 * script.
 */
#ifndef EC_SCRIPT_FOREIGN_H
#define EC_SCRIPT_FOREIGN_H

#include "postgres.h"

/* The comments that are looked at as the beginning of a way down. */
typedef enum EcForeignSections
{
	EC_FOREIGN_ANY_SECTIONS,
	EC_FOREIGN_MARKED_SECTIONS, /* of a file whose sections were read: those with
								   the signs of a directive, a misspelt one */
	EC_FOREIGN_NO_SECTIONS      /* of a way down: it may say so */
} EcForeignSections;

/*
 * Raise 0A000 for the first comment line that looks like the beginning of a way
 * down with statements after it, or like a directive that cannot be followed.
 */
extern void
ec_refuse_foreign(const char *text, const char *what, EcForeignSections sections);

/* The forms of placeholders that tools replace wherever they stand. */
typedef enum EcPlaceholder
{
	EC_PLACEHOLDER_NONE,
	EC_PLACEHOLDER_DOLLAR, /* ${name} */
	EC_PLACEHOLDER_BRACES, /* {{ name }} */
	EC_PLACEHOLDER_COLON   /* :NAME */
} EcPlaceholder;

/*
 * Raise 0A000 for the first placeholder of that form outside of comments, in
 * a string or a body too.  tool is who would replace it.
 */
extern void ec_refuse_placeholders(const char *text, const char *what,
								   EcPlaceholder form, const char *tool);

#endif
