/*
 * read_text.c
 *		Reads one value with a query that runs as a given role.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/memutils.h"

#include "core/own.h"
#include "core/planned.h"
#include "core/read_text.h"
#include "core/rights.h"
#include "expand_contract.h"

char *
ec_read_text(const char *sql, Oid role)
{
	MemoryContext memory = CurrentMemoryContext;
	bool own_before = ec_own_reads;
	char *volatile text = NULL;
	EcRights outer;

	ec_become(&outer, role);
	ec_own_reads = true;
	PG_TRY();
	{
		TupleTableSlot *row;
		char *value;

		if (SPI_connect() != SPI_OK_CONNECT)
			elog(ERROR, "SPI_connect failed");
		row = ec_first_row_planned(sql, EC_OWN_SEARCH_PATH);
		value = row != NULL ? ec_planned_text(row, 1) : NULL;
		if (value != NULL)
			text = MemoryContextStrdup(memory, value);
		if (SPI_finish() != SPI_OK_FINISH)
			elog(ERROR, "SPI_finish failed");
	}
	PG_FINALLY();
	{
		ec_own_reads = own_before;
	}
	PG_END_TRY();
	ec_become_caller(&outer);
	return text;
}
