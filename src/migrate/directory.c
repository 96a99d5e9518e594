/*
 * directory.c
 *		ec_apply_directory: applies the files of a directory of the server.
 *
 * All names are read, parsed and sorted before anything runs.  So a name that
 * is not valid stops the whole call, and not only the files after it.  Each
 * file is applied in a transaction of its own; what is applied stays applied
 * when a later file fails.  If a worker runs a migration, the call waits for
 * it before the next one begins.
 *
 * Locks: those of ec_apply, released at each commit.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/pg_authid.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/fd.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "expand_contract.h"
#include "core/hint.h"
#include "core/arguments.h"
#include "migrate/background.h"
#include "migrate/file.h"
#include "migrate/ledger.h"
#include "migrate/listing.h"
#include "migrate/scope.h"

static void
require_nonatomic(FunctionCallInfo fcinfo)
{
	if (!fcinfo->context || !IsA(fcinfo->context, CallContext) ||
		castNode(CallContext, fcinfo->context)->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("cannot apply a directory inside a transaction block"),
				 errdetail("Each migration is committed by itself."),
				 errhint("Use CALL outside of a transaction block.")));
}

/*
 * Requires the same right as pg_read_file for files outside of the data
 * directory.
 */
static void
require_right_to_read(void)
{
	if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied to read files of the server"),
						errdetail("Only roles with privileges of the \"%s\" role may "
								  "apply a directory of the server.",
								  "pg_read_server_files"),
						ec_errhint("Send the scripts from the client with "
								   "ec_apply_script.")));
}

/*
 * Opens a regular file.  Without O_NONBLOCK the opening of a FIFO would wait,
 * and could not be cancelled.
 */
static int
open_file(const char *path, struct stat *status)
{
	int file = OpenTransientFile(path, O_RDONLY | O_NONBLOCK | PG_BINARY);
	int error = errno;

	if (file < 0)
		ereport(ERROR,
				(ec_errcode_for_path(error),
				 errmsg("could not open file \"%s\" for reading: %m", path)));
	if (fstat(file, status) != 0)
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("could not stat file \"%s\": %m", path)));
	if (!S_ISREG(status->st_mode) || status->st_size > MaxAllocSize - 2)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a file that can be read as a script", path),
				 errhint("A script is a regular file of less than 1 GB.")));
	return file;
}

/*
 * A part of a script is a script, too, so a file that is being written must not
 * be taken for a whole one.
 */
static void
require_unchanged(int file, const char *path, const struct stat *before, off_t length)
{
	struct stat after;

	if (fstat(file, &after) != 0)
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("could not stat file \"%s\": %m", path)));
	if (length != before->st_size || after.st_size != before->st_size ||
		after.st_mtime != before->st_mtime)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("file \"%s\" has changed while it was read", path),
				 errhint("Call again when it is written. A file that is written elsewhere and then renamed is there whole.")));
}

static char *
read_file(const char *path)
{
	struct stat status;
	int file = open_file(path, &status);
	char *text = palloc(status.st_size + 2);
	off_t length = 0;
	int got;

	/* one byte more, which shows that the file has grown */
	while ((got = read(file, text + length, status.st_size + 1 - length)) > 0)
		length += got;
	if (got < 0)
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("could not read file \"%s\": %m", path)));
	require_unchanged(file, path, &status, length);
	CloseTransientFile(file);
	text[length] = '\0';
	if (strncmp(text, "\xFF\xFE", 2) == 0 || strncmp(text, "\xFE\xFF", 2) == 0)
		ereport(ERROR, (errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
						errmsg("\"%s\" is in UTF-16", path),
						errhint("Save it in the encoding of the database, %s.",
								GetDatabaseEncodingName())));
	/* this also rejects zero bytes */
	(void) pg_verifymbstr(text, length, false);
	return text;
}

static EcFile *
read_migration(const EcListedMigration *entry, const char *what)
{
	EcFile *file = ec_file_read(read_file(entry->file), what, &entry->name);

	if (entry->down == NULL)
		return file;
	if (file->down != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s has two down scripts", what),
						errdetail("One is in the file itself, one is \"%s\".",
								  entry->down),
						errhint("Keep one of them.")));
	file->down = ec_file_read(read_file(entry->down),
							  psprintf("the down script of %s", what), &entry->name)
					 ->up;
	return file;
}

static void
directory_error_callback(void *arg)
{
	errcontext("file \"%s\"", ((EcListedMigration *) arg)->file);
}

/*
 * Applies one migration, in a transaction of its own; returns true if it was
 * new.
 */
static bool
apply_entry(FunctionCallInfo fcinfo, EcListedMigration *entry,
			const char *scope, List *allow, EcOnline online)
{
	ErrorContextCallback callback;
	char *version = entry->name.version;
	const char *answer = NULL;

	callback.callback = directory_error_callback;
	callback.arg = entry;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	/* the procedure's snapshot has ended with the last commit */
	PushActiveSnapshot(GetTransactionSnapshot());
	if (ec_ledger_covered_by(scope, version) == NULL)
	{
		EcFile *file = read_migration(entry, ec_migration_name(scope, version));
		EcFileOptions options = {scope, entry->name.description, allow, false,
								 online};

		answer = ec_file_apply(file, version, &options);
	}
	PopActiveSnapshot();
	SPI_commit();
	if (answer != NULL &&
		(strcmp(answer, "queued") == 0 || strcmp(answer, "running") == 0))
		ec_await_migration(fcinfo, scope, version, NULL);
	error_context_stack = callback.previous;

	if (answer == NULL || strcmp(answer, "unchanged") == 0)
		return false;
	ereport(NOTICE, (errmsg("applied \"%s\"", entry->file)));
	return true;
}

/*
 * ec_apply_directory(path text, scope text, allow text[], online boolean) - a
 * procedure
 *
 * Applies the migration files of a directory in the order of their versions,
 * and commits after each.  Stops at the first one that fails.  A NOTICE names
 * each new one.
 *
 * Errors: 22004 (path), 25001 (inside a transaction block), 42501 (without
 * pg_read_server_files), 58P01 (no such directory) and other errors of file
 * access, 22023 and 0A000 (names, directives), and those of ec_apply and
 * ec_wait_migration, with the file as their context.
 */
PG_FUNCTION_INFO_V1(ec_apply_directory);
Datum
ec_apply_directory(PG_FUNCTION_ARGS)
{
	char *path = ec_text_argument(fcinfo, 0, "path");
	char *scope = ec_scope_argument(fcinfo, 1);
	List *allow = NIL;
	MemoryContext context;
	MemoryContext entry_context;
	List *migrations;
	ListCell *cell;
	int applied = 0;

	/* In an older version's SQL the procedure has neither argument. */
	if (PG_NARGS() > 2)
		allow = ec_text_list_argument(fcinfo, 2, "allow");
	require_nonatomic(fcinfo);
	require_right_to_read();
	PreventCommandIfReadOnly("ec_apply_directory");
	canonicalize_path(path);
	migrations = ec_list_migrations(path);

	/* both belong to the procedure's context, which survives the commits */
	context = CurrentMemoryContext;
	entry_context = AllocSetContextCreate(context, "expand_contract directory",
										  ALLOCSET_DEFAULT_SIZES);
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	foreach (cell, migrations)
	{
		MemoryContextReset(entry_context);
		MemoryContextSwitchTo(entry_context);
		if (apply_entry(fcinfo, lfirst(cell), scope, allow,
						ec_online_argument(fcinfo, 3)))
			applied++;
		CHECK_FOR_INTERRUPTS();
	}
	MemoryContextSwitchTo(context);
	SPI_finish();
	ereport(NOTICE, (errmsg("%d of %d migrations were new", applied,
							list_length(migrations))));
	PG_RETURN_VOID();
}
