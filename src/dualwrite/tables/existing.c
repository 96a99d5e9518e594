/*
 * existing.c
 *		Checks rows that the target of a change has before the change.
 *
 * Dual writes overwrite and delete rows of the target by key, regardless of
 * their origin.  So ec_expand reports rows of the target that correspond to no
 * row of the source, or to a different one.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/typcache.h"

#include "core/catalog.h"
#include "core/planned.h"
#include "dualwrite/mapping.h"
#include "dualwrite/tables/existing.h"
#include "expand_contract.h"

static Form_pg_attribute
column_of(Relation relation, AttrNumber attnum)
{
	return TupleDescAttr(RelationGetDescr(relation), attnum - 1);
}

/*
 * Deparses an expression over a row with the given alias, cast to the column's
 * type.
 */
static char *
value_of(const EcMappedColumn *entry, Relation read, const char *alias,
		 Relation written)
{
	Form_pg_attribute column = column_of(written, entry->attnum);
	List *context = deparse_context_for(alias, RelationGetRelid(read));

	return psprintf("CAST(%s AS %s)",
					deparse_expression(entry->analysed, context, true, false),
					format_type_extended(column->atttypid, column->atttypmod,
										 FORMAT_TYPE_TYPEMOD_GIVEN |
											 FORMAT_TYPE_FORCE_QUALIFY));
}

/* Appends "the key of t equals the key computed from s". */
static void
append_same_key(StringInfo sql, Relation source, Relation target, List *forward,
				List *key)
{
	bool is_first = true;
	ListCell *cell;

	foreach (cell, forward)
	{
		EcMappedColumn *entry = lfirst(cell);
		Form_pg_attribute column = column_of(target, entry->attnum);
		char *value;

		if (!list_member_int(key, entry->attnum))
			continue;
		value = value_of(entry, source, "s", target);
		if (OidIsValid(column->attcollation))
			value = psprintf("(%s) COLLATE %s", value,
							 generate_collation_name(column->attcollation));
		appendStringInfoString(sql, is_first ? "" : " AND ");
		generate_operator_clause(sql,
								 psprintf("t.%s", quote_identifier(
													  NameStr(column->attname))),
								 column->atttypid,
								 lookup_type_cache(column->atttypid, TYPECACHE_EQ_OPR)
									 ->eq_opr,
								 value, column->atttypid);
		is_first = false;
	}
}

/*
 * Appends "a column of written differs from what the mapping computes from
 * read".
 */
static void
append_differs(StringInfo sql, Relation read, const char *read_alias,
			   Relation written, const char *written_alias, List *entries)
{
	bool is_first = true;
	ListCell *cell;

	foreach (cell, entries)
	{
		EcMappedColumn *entry = lfirst(cell);

		appendStringInfo(sql, "%sexpand_contract.differs(%s.%s, %s)",
						 is_first ? "" : " OR ", written_alias,
						 quote_identifier(
							 NameStr(column_of(written, entry->attnum)->attname)),
						 value_of(entry, read, read_alias, written));
		is_first = false;
	}
}

static void
append_key(StringInfo sql, Relation target, List *key)
{
	ListCell *cell;

	appendStringInfoString(sql, "pg_catalog.concat_ws(', '");
	foreach (cell, key)
	{
		appendStringInfo(sql, ", t.%s",
						 quote_identifier(NameStr(
							 column_of(target, lfirst_int(cell))->attname)));
	}
	appendStringInfoChar(sql, ')');
}

static char *
names_of(Relation target, List *key)
{
	StringInfoData names;
	ListCell *cell;

	initStringInfo(&names);
	foreach (cell, key)
	{
		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
						 NameStr(column_of(target, lfirst_int(cell))->attname));
	}
	return names.data;
}

/*
 * Dual writes do not write children of the target, but read children of the
 * source.
 */
static const char *
only(Relation target)
{
	return target->rd_rel->relkind == RELKIND_RELATION ? "ONLY " : "";
}

/*
 * Returns the first column of the first row, or NULL.  Forced row security
 * policies do not apply to the owner here, just as they do not apply in dual
 * writes.
 */
static char *
first_value(const char *sql)
{
	MemoryContext caller = CurrentMemoryContext;
	int security_context;
	Oid userid;
	int guc_level = ec_planning_begin(EC_OWN_SEARCH_PATH);
	char *value = NULL;

	GetUserIdAndSecContext(&userid, &security_context);
	SetUserIdAndSecContext(userid, security_context | SECURITY_NOFORCE_RLS);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute(sql, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not run \"%s\"", sql);
	if (SPI_processed > 0)
	{
		value = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
		value = MemoryContextStrdup(caller, value == NULL ? "" : value);
	}
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	SetUserIdAndSecContext(userid, security_context);
	ec_planning_end(guc_level);
	return value;
}

bool
ec_target_is_empty(Oid target)
{
	return first_value(
			   psprintf("SELECT 1 FROM %s%s LIMIT 1",
						get_rel_relkind(target) == RELKIND_RELATION ? "ONLY " : "",
						ec_relation_name(target))) == NULL;
}

void
ec_check_existing_rows(Relation source, Relation target, List *forward,
					   List *backward, List *key)
{
	StringInfoData sql;
	char *found;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	append_key(&sql, target, key);
	appendStringInfo(&sql, " FROM %s%s AS t LEFT JOIN %s AS s ON ",
					 only(target), ec_relation_name(RelationGetRelid(target)),
					 ec_relation_name(RelationGetRelid(source)));
	append_same_key(&sql, source, target, forward, key);
	appendStringInfoString(&sql, " WHERE s.tableoid IS NULL OR ((");
	append_differs(&sql, source, "s", target, "t", forward);
	appendStringInfoChar(&sql, ')');
	if (backward != NIL)
	{
		appendStringInfoString(&sql, " AND (");
		append_differs(&sql, target, "t", source, "s", backward);
		appendStringInfoChar(&sql, ')');
	}
	appendStringInfoString(&sql, ") LIMIT 1");
	found = first_value(sql.data);
	if (found == NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("table \"%s\" has rows that do not match the source",
					RelationGetRelationName(target)),
			 errdetail("For example, the row with key (%s)=(%s) is not what the mapping computes from a row of table \"%s\". Dual writes and repairs would overwrite or delete it.",
					   names_of(target, key), found, RelationGetRelationName(source)),
			 errhint("Empty the table, correct its rows, or accept that with allow_existing => true.")));
}
