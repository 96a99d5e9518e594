/*
 * file_name.c
 *		What the name of a migration file says.
 *
 * The tools agree on VERSION_description.sql, the version being a number, and
 * differ in how a way back is named: dbmate and goose write both into one file,
 * golang-migrate and sqlx have pairs .up.sql and .down.sql, flyway pairs V and
 * U with two underscores, and underscores for the dots of a version.
 */
#include "postgres.h"

#include "migrate/file.h"

/* text without this end, or NULL if it has another */
static char *
without_suffix(const char *text, const char *suffix)
{
	size_t length = strlen(text);
	size_t end = strlen(suffix);

	if (length <= end || pg_strcasecmp(text + length - end, suffix) != 0)
		return NULL;
	return pnstrdup(text, length - end);
}

/* "add_email" as people write it; NULL for nothing */
static char *
description_of(const char *words)
{
	char *description;

	if (*words == '\0')
		return NULL;
	description = pstrdup(words);
	for (char *c = description; *c; c++)
	{
		if (*c == '_')
			*c = ' ';
	}
	return description;
}

static bool
read_flyway(const char *stem, EcFileName *parts, const char **problem)
{
	const char *separator = strstr(stem, "__");

	if (separator == NULL)
		return false;
	if (stem[0] == 'R')
	{
		*problem = "a repeatable migration has no version";
		return false;
	}
	if (stem[0] == 'B')
	{
		*problem = "a baseline migration stands for versions that it does not name";
		return false;
	}
	if (!isdigit((unsigned char) stem[1]) ||
		strspn(stem + 1, "0123456789._") < separator - stem - 1)
		return false;
	parts->version = pnstrdup(stem + 1, separator - stem - 1);
	for (char *c = parts->version; *c; c++)
	{
		if (*c == '_')
			*c = '.';
	}
	parts->description = description_of(separator + 2);
	parts->is_down = stem[0] == 'U';
	return true;
}

bool
ec_file_name_read(const char *name, EcFileName *parts, const char **problem)
{
	char *stem = without_suffix(name, ".sql");
	char *shorter;
	size_t length;

	*problem = NULL;
	memset(parts, 0, sizeof(*parts));
	if (stem == NULL)
		return false;
	if (strchr("VURB", stem[0]) != NULL)
		return read_flyway(stem, parts, problem);

	shorter = without_suffix(stem, ".down");
	if (shorter != NULL)
		parts->is_down = true;
	else
		shorter = without_suffix(stem, ".up");
	if (shorter != NULL)
		stem = shorter;

	length = stem[0] == 'v' ? 1 : 0;
	if (!isdigit((unsigned char) stem[length]))
		return false;
	length += strspn(stem + length, "0123456789.");
	if (stem[length] != '\0' && stem[length] != '_' && stem[length] != '-')
		return false;
	parts->version = pnstrdup(stem, length);
	parts->description = description_of(stem[length] ? stem + length + 1 : "");
	return true;
}
