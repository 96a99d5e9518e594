/*
 * own.c
 *		What this process does on behalf of the extension itself.
 */
#include "postgres.h"

#include "executor/spi.h"

#include "core/own.h"

bool ec_own_reads = false;

void
ec_own_select(const char *sql)
{
	bool before = ec_own_reads;

	ec_own_reads = true;
	PG_TRY();
	{
		if (SPI_execute(sql, false, 1) != SPI_OK_SELECT)
			elog(ERROR, "could not run \"%s\"", sql);
	}
	PG_FINALLY();
	{
		ec_own_reads = before;
	}
	PG_END_TRY();
}
