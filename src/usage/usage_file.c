/*
 * usage_file.c
 *		Keeps the counters over a clean shutdown.
 *
 * When the last statements of a server run during a shutdown, no table can be
 * written any more.  So the postmaster writes a file at its end, and reads and
 * removes it at its next start.  The file is valid only for the next start of
 * the same data directory.  After a start without the library, or with another
 * copy of the data, it would lack uses.  The control file's CRC shows this,
 * because every start and every shutdown change the control file.
 */
#include "postgres.h"

#include <unistd.h>

#include "catalog/pg_control.h"
#include "common/controldata_utils.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/fd.h"
#include "storage/ipc.h"

#include "usage/usage_file.h"
#include "usage/usage_memory.h"

#define FILE_NAME  PGSTAT_STAT_PERMANENT_DIRECTORY "/expand_contract_usage.stat"
#define FILE_MAGIC 0xEC05A6E1

typedef struct FileHead
{
	uint32 magic;
	uint32 slot_size;
	pg_crc32c control; /* CRC of the control file at the shutdown */
	TimeLineID timeline;
	TimestampTz began;
	uint32 last_serial;
	int used;
} FileHead;

/* Returns false if the server was not shut down cleanly. */
static bool
read_control(pg_crc32c *crc)
{
	bool is_valid;
	ControlFileData *control = get_controlfile(DataDir, &is_valid);
	bool is_clean = is_valid && (control->state == DB_SHUTDOWNED ||
								 control->state == DB_SHUTDOWNED_IN_RECOVERY);

	*crc = control->crc;
	pfree(control);
	return is_clean;
}

static bool
read_file(FILE *file)
{
	FileHead head;
	pg_crc32c control;
	size_t count;

	if (fread(&head, sizeof(head), 1, file) != 1 || head.magic != FILE_MAGIC ||
		head.slot_size != sizeof(EcUsageSlot) || head.used < 0 ||
		head.used > EC_MAX_TRACKED)
		return false;
	if (!read_control(&control) || !EQ_CRC32C(control, head.control))
		return false;
	count = head.used;
	if (fread(ec_usage->keys, sizeof(EcUsageKey), count, file) != count ||
		fread(ec_usage->slots, sizeof(EcUsageSlot), count, file) != count)
		return false;
	ec_usage->timeline = head.timeline;
	ec_usage->began = head.began;
	ec_usage->last_serial = head.last_serial;
	ec_usage->used = head.used;
	return true;
}

static void
take_in_file(void)
{
	FILE *file = AllocateFile(FILE_NAME, PG_BINARY_R);

	if (file == NULL)
	{
		if (errno != ENOENT)
			ereport(LOG, (errcode_for_file_access(),
						  errmsg("could not read file \"%s\": %m", FILE_NAME)));
		return;
	}
	if (!read_file(file))
	{
		ereport(LOG, (errmsg("column usage from before the restart is incomplete: file \"%s\" is not from the last shutdown",
							 FILE_NAME)));
		memset(ec_usage->keys, 0, sizeof(ec_usage->keys));
		ec_usage->used = 0;
	}
	(void) FreeFile(file);
	/* it must not be read again after a crash */
	(void) durable_unlink(FILE_NAME, LOG);
}

static bool
write_file(FILE *file, pg_crc32c control)
{
	FileHead head = {.magic = FILE_MAGIC, .slot_size = sizeof(EcUsageSlot)};
	size_t count = ec_usage->used;

	head.control = control;
	head.timeline = ec_usage->timeline;
	head.began = ec_usage->began;
	head.last_serial = ec_usage->last_serial;
	head.used = ec_usage->used;
	return fwrite(&head, sizeof(head), 1, file) == 1 &&
		   fwrite(ec_usage->keys, sizeof(EcUsageKey), count, file) == count &&
		   fwrite(ec_usage->slots, sizeof(EcUsageSlot), count, file) == count;
}

/* Called in the postmaster after all other processes have exited. */
static void
save_file(int code, Datum argument)
{
	pg_crc32c control;
	FILE *file;
	bool ok;

	/* after an immediate shutdown it is unknown what is missing */
	if (code != 0 || ec_usage == NULL || ec_usage->used == 0 ||
		!read_control(&control))
		return;
	file = AllocateFile(FILE_NAME ".tmp", PG_BINARY_W);
	ok = file != NULL && write_file(file, control);
	if (file != NULL && FreeFile(file) != 0)
		ok = false;
	if (ok)
		(void) durable_rename(FILE_NAME ".tmp", FILE_NAME, LOG);
	else
	{
		ereport(LOG, (errcode_for_file_access(),
					  errmsg("could not write file \"%s\": %m", FILE_NAME ".tmp")));
		(void) unlink(FILE_NAME ".tmp");
	}
}

void
ec_usage_load_file(void)
{
	take_in_file();
	on_shmem_exit(save_file, (Datum) 0);
}
