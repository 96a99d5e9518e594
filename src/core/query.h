/*
 * query.h
 *		Typed helpers over SPI, for statements whose text is a C literal.
 *
 * Use inside an SPI connection (ec_catalog_begin, or SPI_connect for SQL that
 * runs as the caller).  Values are always passed as parameters and never
 * become part of the text.
 *
 *		EcArgs args = {0};
 *
 *		ec_arg_int8(&args, job);
 *		if (ec_query("SELECT state FROM expand_contract.jobs WHERE id = $1",
 *					 &args) == 0)
 *			...
 *		state = ec_get_text(0, 1);
 */
#ifndef EC_CORE_QUERY_H
#define EC_CORE_QUERY_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "executor/spi.h"
#include "nodes/pg_list.h"
#include "storage/itemptr.h"
#include "utils/jsonb.h"

#define EC_MAX_ARGS 24

typedef struct EcArgs
{
	int count;
	Oid types[EC_MAX_ARGS];
	Datum values[EC_MAX_ARGS];
	char nulls[EC_MAX_ARGS];
} EcArgs;

extern void ec_arg(EcArgs *args, Oid type, Datum value, bool isnull);
extern void ec_arg_bool(EcArgs *args, bool value);
extern void ec_arg_int4(EcArgs *args, int32 value);
extern void ec_arg_int8(EcArgs *args, int64 value);
extern void ec_arg_float8(EcArgs *args, double value);
extern void ec_arg_oid(EcArgs *args, Oid value); /* InvalidOid = NULL */
extern void ec_arg_text(EcArgs *args, const char *value); /* NULL = NULL */
extern void ec_arg_texts(EcArgs *args, List *values); /* of char *; text[] */
extern void ec_arg_oids(EcArgs *args, List *values);  /* oid[] */
extern void ec_arg_jsonb(EcArgs *args, const Jsonb *value); /* NULL = NULL */
extern void ec_arg_timestamptz(EcArgs *args, TimestampTz value);
extern void ec_arg_interval(EcArgs *args, const Interval *value); /* NULL = NULL */

/*
 * Runs one statement.  Returns the number of rows that it returned or changed;
 * returned rows are in SPI_tuptable.  The plan is saved for the life of the
 * process, with the address of sql as its key, so sql must be a literal.
 */
extern uint64 ec_query(const char *sql, EcArgs *args);

/*
 * The same, for use within a trigger function: AFTER triggers that the
 * statement queues fire at the end of the statement that has fired this
 * trigger.
 */
extern uint64 ec_query_in_trigger(const char *sql, EcArgs *args);

/*
 * Runs one utility statement as the caller, in an SPI connection of its own.
 * Names in it must be qualified and quoted.
 */
extern void ec_run_ddl(const char *sql);

/*
 * The number of rows that a SELECT returns.  Runs as that role (see rights.h)
 * in an SPI connection of its own, and does not count as use of a column (see
 * own.h).
 */
extern int64 ec_count_rows(const char *sql, Oid role);

/*
 * The same way reads the first column, of type bigint, of the first row.
 * False if there is no row or the value is NULL.
 */
extern bool ec_first_int8(const char *sql, Oid role, int64 *value);

/*
 * The value in a row (counted from 0) and a column (counted from 1) of the
 * last result.  Text and jsonb are allocated in the memory context that was
 * current at SPI_connect, so they survive SPI_finish.
 */
extern bool ec_is_null(uint64 row, int column);
extern bool ec_get_bool(uint64 row, int column, bool if_null);
extern int32 ec_get_int4(uint64 row, int column, int32 if_null);
extern int64 ec_get_int8(uint64 row, int column, int64 if_null);
extern double ec_get_float8(uint64 row, int column, double if_null);
extern Oid ec_get_oid(uint64 row, int column);
extern char *ec_get_text(uint64 row, int column); /* NULL if NULL */
extern Jsonb *ec_get_jsonb(uint64 row, int column);
extern TimestampTz ec_get_timestamptz(uint64 row, int column, TimestampTz if_null);

#endif
