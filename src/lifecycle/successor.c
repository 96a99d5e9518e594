/*
 * successor.c
 *		ec_successor: an empty table that is to take the place of another one.
 */
#include "postgres.h"

#include "access/table.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "core/arguments.h"
#include "core/catalog.h"
#include "core/guc.h"
#include "core/hint.h"
#include "core/lock_retry.h"
#include "dualwrite/table.h"
#include "twins/successor/successor.h"

PG_FUNCTION_INFO_V1(ec_make_successor);

#define EXAMPLE_HINT                                                           \
	"For example: ec_successor('orders', 'orders_by_month', partition_by => 'RANGE (created_at)')."

static char *
joined(List *strings, const char *separator)
{
	StringInfoData text;
	ListCell *cell;

	initStringInfo(&text);
	foreach (cell, strings)
		appendStringInfo(&text, "%s%s", text.len > 0 ? separator : "",
						 (char *) lfirst(cell));
	return text.data;
}

static void
read_arguments(FunctionCallInfo fcinfo, EcSuccessor *successor)
{
	ec_require_argument(fcinfo, 0, "relation", ec_qualified(EXAMPLE_HINT));
	ec_require_argument(fcinfo, 1, "name", ec_qualified(EXAMPLE_HINT));
	successor->source = PG_GETARG_OID(0);
	successor->name = ec_text_argument(fcinfo, 1, "name");
	successor->partition_by = ec_text_or_null(fcinfo, 2);
	if (successor->name[0] == '\0')
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"name\" must not be empty"),
						ec_errhint(EXAMPLE_HINT)));
	if (strlen(successor->name) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("argument \"name\" is too long"),
				 errdetail("\"%s\" has %zu bytes.", successor->name,
						   strlen(successor->name)),
				 errhint("Choose a name of at most %d bytes.", NAMEDATALEN - 1)));
	if (successor->partition_by != NULL && successor->partition_by[0] != '\0')
		ec_successor_check_partition_by(successor->partition_by);
}

static void
make(void *arg)
{
	EcSuccessor *successor = arg;
	Relation relation = try_table_open(successor->source, AccessShareLock);
	Oid there;

	if (relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", successor->source)));
	ec_check_dual_write_table(relation);
	ec_require_acting_as(relation->rd_rel->relowner, "the successor of a table");
	there = get_relname_relid(successor->name, RelationGetNamespace(relation));
	if (OidIsValid(there))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("relation \"%s\" already exists", successor->name),
				 errdetail("The successor is created in the schema of the table, %s.",
						   quote_identifier(get_namespace_name(
							   RelationGetNamespace(relation)))),
				 errhint("Choose another name, or drop that relation.")));
	ec_successor_make(successor);
	if (successor->refused != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" cannot have a successor that has what it has",
						RelationGetRelationName(relation)),
				 errdetail("In the way: %s.", joined(successor->refused, ";\n")),
				 errhint("Do what stands in parentheses.")));
	table_close(relation, NoLock);
}

static ErrorData *
try_to_make(void *arg, int lock_wait_ms)
{
	return ec_try_work(make, arg, lock_wait_ms);
}

/*
 * ec_successor(relation, name, partition_by) → regclass
 *
 * Creates an empty table in the schema of the relation, with all that this has.
 * partition_by is what follows PARTITION BY; NULL: as the relation is partitioned,
 * or not; '': not partitioned.  A notice names what the successor does not have.
 *
 * Only the owner of the table may call it (42501).  Raises 42809 for what is no
 * table; 42P07 if the name is taken; 42601 for a partition_by that is more than a
 * partition key, and the errors of CREATE TABLE; 0A000, with all reasons, if the
 * successor could not have all it should; 55P03 if a lock could not be obtained
 * within expand_contract.lock_timeout.
 */
Datum
ec_make_successor(PG_FUNCTION_ARGS)
{
	EcSuccessor successor = {0};
	ErrorData *error;

	read_arguments(fcinfo, &successor);
	error = ec_try_for_locks(try_to_make, &successor, ec_lock_timeout);
	if (error != NULL)
		ec_raise_lock_timeout(error, InvalidOid, "Nothing has changed.");
	if (successor.left_out != NIL)
		ereport(NOTICE,
				(errmsg("table \"%s\" does not have all that table \"%s\" has",
						successor.name, get_rel_name(successor.source)),
				 errdetail("Left out: %s.", joined(successor.left_out, ";\n"))));
	PG_RETURN_OID(successor.oid);
}
