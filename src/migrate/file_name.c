/*
 * file_name.c
 *		Parses the name of a migration file.
 *
 * The tools agree on VERSION_description.sql, where the version is a number or
 * a date.  They differ in the names of down scripts.  dbmate and goose write
 * both into one file; golang-migrate and sqlx have pairs .up.sql and
 * .down.sql; postgrator has .do.sql and .undo.sql; flyway has the prefixes V
 * and U, two underscores, and underscores for the dots of a version.
 */
#include "postgres.h"

#include "migrate/file.h"

#define RENAME_HINT                                                            \
	"Call it 001_name.sql, 001_name.up.sql and 001_name.down.sql, or "         \
	"V1__name.sql, or move it elsewhere."

/* The text without this suffix, or NULL if it does not have it. */
static char *
without_suffix(const char *text, const char *suffix)
{
	size_t length = strlen(text);
	size_t end = strlen(suffix);

	if (length <= end || pg_strcasecmp(text + length - end, suffix) != 0)
		return NULL;
	return pnstrdup(text, length - end);
}

/* Turns "add_email" into "add email"; NULL if it is empty. */
static char *
description_of(const char *words)
{
	char *description;

	words += strspn(words, "_ ");
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

/*
 * The length of a date with separators, possibly followed by a time; 0 if
 * none.
 */
static size_t
date_length(const char *text)
{
	static const int digits[] = {4, 2, 2};
	size_t length = 0;
	size_t time;

	if (strncmp(text, "19", 2) != 0 && strncmp(text, "20", 2) != 0)
		return 0;
	for (int part = 0; part < lengthof(digits); part++)
	{
		if (part > 0 && text[length] != '-' && text[length] != '_')
			return 0;
		length += part > 0;
		if (strspn(text + length, "0123456789") != digits[part])
			return 0;
		length += digits[part];
	}
	if (text[length] != '-' && text[length] != '_')
		return length;
	time = strspn(text + length + 1, "0123456789");
	return time == 4 || time == 6 ? length + 1 + time : length;
}

/*
 * Finds the version at the beginning of a name.  Returns its length in the
 * name; 0 if there is none.
 */
static size_t
version_length(const char *stem, char **version)
{
	size_t prefix = stem[0] == 'v' ? 1 : 0;
	size_t length = date_length(stem);

	if (length > 0)
	{
		char *to = *version = palloc(length + 1);

		/* without separators, as other tools write it */
		for (const char *c = stem; c < stem + length; c++)
		{
			if (isdigit((unsigned char) *c))
				*to++ = *c;
		}
		*to = '\0';
		return length;
	}
	if (!isdigit((unsigned char) stem[prefix]))
		return 0;
	length = prefix + strspn(stem + prefix, "0123456789.");
	/* in 001.name the dot is a separator */
	while (stem[length - 1] == '.')
		length--;
	*version = pnstrdup(stem, length);
	return length;
}

static bool
is_flyway_version(const char *version, size_t length)
{
	return length > 0 && isdigit((unsigned char) version[0]) &&
		   strspn(version, "0123456789._") >= length;
}

static bool
read_flyway(const char *stem, EcFileName *parts, const char **problem,
			const char **hint)
{
	const char *separator = strstr(stem, "__");

	if (separator == NULL)
		return false;
	if (stem[0] == 'R')
	{
		*problem = "a repeatable migration has no version";
		*hint = "Put its statements into a versioned migration, and into a new one each time they change.";
		return false;
	}
	if (stem[0] == 'B')
	{
		*problem = "a baseline migration replaces versions that it does not name";
		*hint = "On a new database, apply it under the version of the last migration that it replaces; on other databases, record their version with ec_baseline.";
		return false;
	}
	if (stem[0] == 'A')
	{
		*problem = "a migration that always runs has no version";
		*hint = "Have the deployment run it after CALL ec_apply_directory.";
		return false;
	}
	if (!is_flyway_version(stem + 1, separator - stem - 1))
		return false;
	parts->version = pnstrdup(stem + 1, separator - stem - 1);
	for (char *c = parts->version; *c; c++)
	{
		if (*c == '_')
			*c = '.';
	}
	parts->description = description_of(separator + 2);
	parts->is_down = stem[0] == 'U';
	parts->is_flyway = true;
	return true;
}

/*
 * beforeMigrate, afterEachMigrate__words: a script that flyway runs at that
 * time
 */
static bool
is_callback(const char *stem)
{
	size_t length = strncmp(stem, "before", 6) == 0  ? 6
					: strncmp(stem, "after", 5) == 0 ? 5
													 : 0;

	return length > 0 && isupper((unsigned char) stem[length]);
}

typedef struct Ending
{
	const char *text;
	bool is_down;
} Ending;

static const Ending endings[] = {{"up", false},      {"do", false},
								 {"deploy", false},  {"apply", false},
								 {"down", true},     {"undo", true},
								 {"rollback", true}, {"revert", true},
								 {"upgrade", false}, {"downgrade", true},
								 {"tx.up", false},   {"tx.down", true}};

/* Removes the direction from a name such as 001_name.up. */
static char *
take_direction(char *stem, EcFileName *parts)
{
	for (int i = lengthof(endings) - 1; i >= 0; i--)
	{
		char *shorter = without_suffix(stem, psprintf(".%s", endings[i].text));

		if (shorter != NULL)
		{
			parts->is_down = endings[i].is_down;
			return shorter;
		}
	}
	/*
	 * in 003_scale_down the ending is an ordinary word, unless there is a
	 * 003_scale_up
	 */
	for (int i = 0; i < lengthof(endings); i++)
	{
		char *shorter = without_suffix(stem, psprintf("_%s", endings[i].text));

		if (shorter == NULL)
			shorter = without_suffix(stem, psprintf("-%s", endings[i].text));
		if (shorter != NULL)
		{
			parts->pair = shorter;
			parts->pair_is_down = endings[i].is_down;
		}
	}
	return stem;
}

/* Skips the direction in a name such as 001.undo.name (postgrator). */
static size_t
skip_direction(const char *stem, size_t version, EcFileName *parts)
{
	for (int i = 0; i < lengthof(endings) && stem[version] == '.'; i++)
	{
		size_t length = strlen(endings[i].text);
		const char *word = stem + version + 1;

		if (pg_strncasecmp(word, endings[i].text, length) == 0 &&
			(word[length] == '.' || word[length] == '\0'))
		{
			parts->is_down = endings[i].is_down;
			return version + 1 + length;
		}
	}
	return version;
}

/*
 * Is the last part after a dot an instruction for a tool, as in
 * 001_name.always?
 */
static bool
has_other_ending(const char *stem, size_t version, const char **problem,
				 const char **hint)
{
	const char *dot = strrchr(stem, '.');
	const char *ending = dot ? dot + 1 : "";

	/* in 001.create.users the dots separate words */
	if (*ending == '\0' || dot < stem + version + 1 ||
		(stem[version] == '.' && pg_strcasecmp(ending, "always") != 0) ||
		strspn(ending, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") <
			strlen(ending))
		return false;
	*problem = psprintf("\".%s\" before \".sql\" may say when or where to run it",
						ending);
	*hint = "If it has no meaning, remove it from the name. Otherwise apply the file by itself, or move it elsewhere.";
	return true;
}

bool
ec_file_name_read(const char *name, EcFileName *parts, const char **problem,
				  const char **hint)
{
	char *stem = without_suffix(name, ".sql");
	size_t length;

	*problem = NULL;
	*hint = RENAME_HINT;
	memset(parts, 0, sizeof(*parts));
	if (stem == NULL)
		return false;
	if (strchr("VURBA", stem[0]) != NULL && strstr(stem, "__") != NULL)
		return read_flyway(stem, parts, problem, hint);
	if (is_callback(stem))
	{
		*problem = "a callback runs whenever flyway migrates";
		*hint = "Have the deployment run it before or after CALL ec_apply_directory, or make it a migration.";
		return false;
	}

	stem = take_direction(stem, parts);
	length = version_length(stem, &parts->version);
	if (length == 0 ||
		(stem[length] != '\0' && strchr("_- .", stem[length]) == NULL) ||
		has_other_ending(stem, length, problem, hint))
		return false;
	length = skip_direction(stem, length, parts);
	parts->description = description_of(stem[length] ? stem + length + 1 : "");
	if (parts->pair != NULL)
		parts->pair_description = description_of(
			strlen(parts->pair) > length ? parts->pair + length + 1 : "");
	return true;
}

bool
ec_file_name_is_sql(const char *name)
{
	static const char *const endings[] = {".pgsql", ".psql", ".ddl",
										  ".dml",   ".pls",  ".plsql"};

	for (int i = 0; i < lengthof(endings); i++)
	{
		if (without_suffix(name, endings[i]) != NULL)
			return true;
	}
	return false;
}

bool
ec_file_name_is_changelog(const char *name)
{
	static const char *const endings[] = {".xml", ".yaml", ".yml", ".json"};

	for (int i = 0; i < lengthof(endings); i++)
	{
		if (without_suffix(name, endings[i]) != NULL)
			return strstr(name, "changelog") != NULL ||
				   strstr(name, "changeLog") != NULL;
	}
	return false;
}

/* A revision of alembic: 1975ea83b712_create_account.py */
static bool
is_alembics(const char *name)
{
	return strspn(name, "0123456789abcdef") == 12 && name[12] == '_' &&
		   without_suffix(name, ".py") != NULL;
}

bool
ec_file_name_is_foreign(const char *name)
{
	/* files that people, editors and tools leave beside migrations */
	static const char *const others[] = {".md",   ".txt", ".rst",  ".adoc",
										 ".html", ".pdf", ".png",  ".svg",
										 ".csv",  ".bak", ".orig", ".rej",
										 ".swp",  ".tmp", ".sum",  ".lock",
										 ".log",  "~"};
	size_t length = strcspn(name, ".");
	const char *separator = strstr(name, "__");
	char *version;

	for (int i = 0; i < lengthof(others); i++)
	{
		if (without_suffix(name, others[i]) != NULL)
			return false;
	}
	if (strchr("VURB", name[0]) != NULL && separator != NULL &&
		separator < name + length)
		return name[0] == 'R' || is_flyway_version(name + 1, separator - name - 1);
	if (is_alembics(name))
		return true;
	length = version_length(name, &version);
	return length > 0 && name[length] != '\0' &&
		   strchr("_- .", name[length]) != NULL;
}
