/*
 * listing.c
 *		Lists the migrations in a directory of the server.
 *
 * The files are directly in the directory.  Or each migration has a directory
 * of its own (Prisma, Diesel, Hasura), with migration.sql, or with up.sql and
 * down.sql.  Subdirectories are read if all their files have flyway's names,
 * because flyway reads them.  Other subdirectories that contain migrations
 * raise an error, because it is not known whether they belong to these
 * migrations.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "mb/pg_wchar.h"
#include "storage/fd.h"

#include "core/hint.h"
#include "migrate/listing.h"
#include "migrate/version.h"

/* Limits the nesting of directories, because a symbolic link may lead back. */
#define MAX_DEPTH 16

typedef struct Listing
{
	List *entries;     /* of EcListedMigration */
	const char *other; /* a file or directory that is no migration; NULL:
					    * none */
} Listing;

/*
 * The name is stored in the ledger and shown in messages, one line each.
 */
static void
check_encoding(const char *path, const char *name)
{
	int length = strlen(name);
	int valid = pg_encoding_verifymbstr(GetDatabaseEncoding(), name, length);

	if (valid < length)
		ereport(ERROR, (errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
						errmsg("the name of a file in \"%s\" is not in the encoding of the database, %s",
							   path, GetDatabaseEncodingName()),
						errdetail("It begins with \"%.*s\".", valid, name),
						errhint("Rename the file.")));
	for (const char *c = name; *c; c++)
	{
		if ((unsigned char) *c < ' ' || *c == 0x7F)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_NAME),
					 errmsg("the name of a file in \"%s\" has a control character",
							path),
					 errdetail("It begins with \"%.*s\".", (int) (c - name), name),
					 errhint("Rename the file.")));
	}
}

static bool
ends_with(const char *name, const char *end)
{
	size_t length = strlen(name);

	return length > strlen(end) &&
		   pg_strcasecmp(name + length - strlen(end), end) == 0;
}

static int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

int
ec_errcode_for_path(int error)
{
	if (error == ENAMETOOLONG)
		return errcode(MAKE_SQLSTATE('5', '8', 'P', '0', '3'));
	if (error == ELOOP)
		return errcode(ERRCODE_UNDEFINED_FILE);
	return errcode_for_file_access();
}

/* The names in a directory that do not begin with a dot, sorted. */
static List *
names_in(const char *path)
{
	DIR *directory = AllocateDir(path);
	List *names = NIL;
	struct dirent *found;
	int error = errno;

	if (directory == NULL)
		ereport(ERROR, (ec_errcode_for_path(error),
						errmsg("could not open directory \"%s\": %m", path)));
	while ((found = ReadDir(directory, path)) != NULL)
	{
		if (found->d_name[0] != '.')
			names = lappend(names, pstrdup(found->d_name));
	}
	FreeDir(directory);
	list_sort(names, compare_names);
	return names;
}

static bool
is_directory(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool
is_there(const char *path, const char *name)
{
	struct stat status;

	return stat(psprintf("%s/%s", path, name), &status) == 0;
}

static EcListedMigration *
read_name(const char *path, const char *name, const char *file_name)
{
	EcListedMigration *entry = palloc0(sizeof(EcListedMigration));
	const char *problem;
	const char *hint;

	check_encoding(path, name);
	if (!ec_file_name_read(file_name, &entry->name, &problem, &hint))
		ereport(ERROR,
				(errcode(problem ? ERRCODE_FEATURE_NOT_SUPPORTED
								 : ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the name of file \"%s/%s\" names no migration", path, name),
				 problem ? errdetail("Another tool gives it a meaning: %s.", problem)
						 : 0,
				 errhint("%s", ec_qualified(hint))));
	ec_check_version(entry->name.version);
	entry->key = ec_version_key(entry->name.version);
	entry->file = psprintf("%s/%s", path, name);
	return entry;
}

static void
refuse_foreign(const char *path, const char *name)
{
	struct stat status;

	check_encoding(path, name);
	if (stat(psprintf("%s/%s", path, name), &status) != 0)
	{
		int error = errno;

		ereport(ERROR, (ec_errcode_for_path(error),
						errmsg("could not stat file \"%s/%s\": %m", path, name)));
	}
	if (ec_file_name_is_sql(name))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the name of file \"%s/%s\" names no migration", path, name),
				 errdetail("It has a version, and does not end in \".sql\"."),
				 errhint("If it is written in SQL, call it so; else move it elsewhere.")));
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("migration \"%s/%s\" is not written in SQL", path, name),
			 errdetail("Its name has a version, and only the tool that it was written for can run it."),
			 errhint("Have that tool write its SQL, and put it into a file of that "
					 "version; or move the file elsewhere.")));
}

/*
 * Checks flyway's settings for a script.  The setting that it needs no
 * transaction can be ignored, because that is decided for each statement.
 */
static void
read_flyway_settings(const char *path, const char *name)
{
	char *file = psprintf("%s/%s", path, name);
	FILE *settings = AllocateFile(file, "r");
	char line[1024];

	if (settings == NULL)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\" for reading: %m", file)));
	while (fgets(line, sizeof(line), settings) != NULL)
	{
		const char *text = line + strspn(line, " \t\r\n");

		if (*text == '\0' || *text == '#' ||
			strncmp(text, "executeInTransaction", strlen("executeInTransaction")) == 0)
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("file \"%s\" uses a setting of flyway that is not supported",
						file),
				 errdetail("It is \"%.*s\".", (int) strcspn(text, "=\r\n"), text),
				 errhint("Change the script so that it needs no setting, and remove the file.")));
	}
	FreeFile(settings);
}

/*
 * Does the directory contain a migration at any level?  *name is the first
 * one.
 */
static bool
holds_migrations(const char *path, int depth, const char **name)
{
	ListCell *cell;

	foreach (cell, names_in(path))
	{
		const char *found = lfirst(cell);
		char *file = psprintf("%s/%s", path, found);

		if (is_directory(file)
				? depth < MAX_DEPTH && holds_migrations(file, depth + 1, name)
				: ends_with(found, ".sql") || ec_file_name_is_foreign(found))
		{
			if (!is_directory(file))
				*name = file;
			return true;
		}
	}
	return false;
}

/*
 * Does the directory have SQL files, and do all of them have flyway's names?
 */
static bool
is_flyways(const char *path, int depth)
{
	bool found = false;
	ListCell *cell;

	foreach (cell, names_in(path))
	{
		const char *name = lfirst(cell);
		char *file = psprintf("%s/%s", path, name);

		if (is_directory(file))
			found |= depth < MAX_DEPTH && is_flyways(file, depth + 1);
		else if (!ends_with(name, ".sql"))
			continue;
		else if (strchr("VURB", name[0]) == NULL || strstr(name, "__") == NULL)
			return false;
		else
			found = true;
	}
	return found;
}

/*
 * Reads a migration that has a directory of its own; up is the file with its
 * up script.
 */
static void
read_migration_directory(Listing *listing, const char *path, const char *name,
						 const char *up)
{
	char *inner = psprintf("%s/%s", path, name);
	EcListedMigration *entry = read_name(path, name, psprintf("%s.sql", name));
	ListCell *cell;

	entry->file = psprintf("%s/%s", inner, up);
	if (is_there(inner, "down.sql"))
		entry->down = psprintf("%s/down.sql", inner);
	foreach (cell, names_in(inner))
	{
		const char *other = lfirst(cell);

		if ((ends_with(other, ".sql") && strcmp(other, up) != 0 &&
			 strcmp(other, "down.sql") != 0) ||
			ec_file_name_is_foreign(other))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("file \"%s/%s\" is not read", inner, other),
					 errdetail("In the directory of one migration, only \"%s\" and \"down.sql\" are read.",
							   up),
					 errhint("Move its statements into one of these, or move the file elsewhere.")));
	}
	listing->entries = lappend(listing->entries, entry);
}

static void list_directory(Listing *listing, const char *path, int depth);

/* Is it where Drizzle keeps the journal and snapshots of its migrations? */
static bool
is_drizzles_journal(const char *path)
{
	ListCell *cell;

	foreach (cell, names_in(path))
	{
		if (!ends_with(lfirst(cell), ".json"))
			return false;
	}
	return is_there(path, "_journal.json");
}

/* The first file that is not one that people leave beside migrations. */
static const char *
something_in(const char *path)
{
	ListCell *cell;

	foreach (cell, names_in(path))
	{
		if (!ends_with(lfirst(cell), ".md") && !ends_with(lfirst(cell), ".txt"))
			return lfirst(cell);
	}
	return NULL;
}

/*
 * A directory that is called like a migration, and has no script that is read:
 * another tool finds its migration there in another form, or misses it.
 */
static void
refuse_without_script(const char *path, const char *name)
{
	char *inner = psprintf("%s/%s", path, name);
	const char *other = something_in(inner);
	EcFileName parts;
	const char *problem;
	const char *hint;

	if (!ec_file_name_read(ends_with(name, ".sql") ? name : psprintf("%s.sql", name),
						   &parts, &problem, &hint) ||
		(other == NULL && parts.description == NULL))
		return;
	check_encoding(path, name);
	if (other != NULL)
		check_encoding(inner, other);
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("directory \"%s\" has no script that is read", inner),
			 other != NULL
				 ? errdetail("Its name has a version. There is \"%s\" in it.", other)
				 : errdetail("Its name has a version. There is nothing in it that could be run."),
			 errhint("A migration with a directory of its own is called \"migration.sql\" or \"up.sql\" there. "
					 "Write it in SQL, or move the directory elsewhere.")));
}

static void
read_subdirectory(Listing *listing, const char *path, const char *name, int depth)
{
	char *inner = psprintf("%s/%s", path, name);
	const char *found;

	if (is_there(inner, "migration.sql"))
		read_migration_directory(listing, path, name, "migration.sql");
	else if (is_there(inner, "up.sql") || is_there(inner, "down.sql"))
		read_migration_directory(listing, path, name, "up.sql");
	else if (is_drizzles_journal(inner))
		listing->other = inner;
	else if (!holds_migrations(inner, depth, &found))
	{
		refuse_without_script(path, name);
		listing->other = inner;
	}
	else if (is_flyways(inner, depth))
		list_directory(listing, inner, depth + 1);
	else
	{
		check_encoding(path, found + strlen(path) + 1);
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("directory \"%s\" has migrations that are not read", inner),
				 errdetail("One of them is \"%s\". Its order relative to the other migrations is unknown.",
						   found),
				 errhint("Apply that directory by a call of its own, or move the files.")));
	}
}

static void
list_directory(Listing *listing, const char *path, int depth)
{
	ListCell *cell;

	if (is_there(path, "sqitch.plan"))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"%s\" is a project of sqitch", path),
				 errdetail("The order of its changes is in \"sqitch.plan\", not in the names of the files."),
				 errhint("Give the files in \"deploy\" and \"revert\" versions in their names, as "
						 "001_name.up.sql and 001_name.down.sql in one directory, and apply that.")));
	foreach (cell, names_in(path))
	{
		const char *name = lfirst(cell);
		char *file = psprintf("%s/%s", path, name);

		if (is_directory(file))
			read_subdirectory(listing, path, name, depth);
		else if (ends_with(name, ".sql"))
			listing->entries =
				lappend(listing->entries, read_name(path, name, name));
		else if (ends_with(name, ".sql.conf"))
			read_flyway_settings(path, name);
		else if (ec_file_name_is_changelog(name))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("\"%s\" is a changelog of Liquibase", file),
					 errdetail("It says which scripts there are and what comes first, not the names of the files."),
					 errhint("Have \"liquibase update-sql\" write the SQL, and put that into files with "
							 "versions in their names; or move the changelog elsewhere.")));
		else if (ec_file_name_is_foreign(name))
			refuse_foreign(path, name);
		else if (!ends_with(name, ".md") && !ends_with(name, ".txt"))
			listing->other = file;
	}
}

static int
compare_entries(const ListCell *a, const ListCell *b)
{
	const EcListedMigration *left = lfirst(a);
	const EcListedMigration *right = lfirst(b);
	int order = strcmp(left->key, right->key);

	return order != 0 ? order : left->name.is_down - right->name.is_down;
}

/* Recognizes pairs such as 001_name_up.sql and 001_name_down.sql. */
static void
find_pairs(List *entries)
{
	ListCell *cell;

	foreach (cell, entries)
	{
		EcListedMigration *entry = lfirst(cell);
		EcListedMigration *other;

		if (entry->name.pair == NULL || foreach_current_index(cell) == 0)
			continue;
		other = list_nth(entries, foreach_current_index(cell) - 1);
		if (other->name.pair == NULL || strcmp(other->key, entry->key) != 0 ||
			strcmp(other->name.pair, entry->name.pair) != 0)
			continue;
		entry->name.is_down = entry->name.pair_is_down;
		entry->name.description = entry->name.pair_description;
		other->name.is_down = other->name.pair_is_down;
		other->name.description = other->name.pair_description;
	}
	list_sort(entries, compare_entries);
}

/*
 * Are the numbers the same, as those of 1_a.sql and 01_a.sql are?  The version
 * itself follows them in the key.
 */
static bool
is_same_number(const char *left, const char *right)
{
	size_t length = strcspn(left, "\001");

	return strncmp(left, right, length + 1) == 0;
}

/* Assigns each down script to its migration; the rest stays sorted. */
static List *
join_pairs(List *entries)
{
	List *migrations = NIL;
	ListCell *cell;

	foreach (cell, entries)
	{
		EcListedMigration *entry = lfirst(cell);
		EcListedMigration *last = migrations ? llast(migrations) : NULL;
		bool is_same = last != NULL && strcmp(last->key, entry->key) == 0;

		if (entry->name.is_down && is_same && last->down == NULL)
			last->down = entry->file;
		else if (entry->name.is_down && !is_same)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("file \"%s\" is a down script without a migration",
								   entry->file),
							errhint("Add the migration, or remove the file.")));
		else if (last != NULL && is_same_number(last->key, entry->key))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("two files have version \"%s\"", entry->name.version),
					 errdetail("They are \"%s\" and \"%s\".",
							   entry->name.is_down ? last->down : last->file,
							   entry->file),
					 errhint("Give one of them another version.")));
		else
			migrations = lappend(migrations, entry);
	}
	return migrations;
}

List *
ec_list_migrations(const char *path)
{
	Listing listing = {0};

	list_directory(&listing, path, 0);
	if (listing.entries == NIL && listing.other != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("directory \"%s\" has no migration that can be read", path),
				 errdetail("\"%s\" in it is not a migration.", listing.other),
				 errhint("A migration is called 001_name.sql, or 001_name/migration.sql, say. "
						 "Name the directory that has them.")));
	list_sort(listing.entries, compare_entries);
	find_pairs(listing.entries);
	return join_pairs(listing.entries);
}
