/*
 * successor.c
 *		Creates the successor of a table, and then gives it all the rest.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "commands/tablespace.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "core/catalog.h"
#include "core/expression.h"
#include "core/pinned.h"
#include "core/query.h"
#include "core/rights.h"
#include "twins/grants.h"
#include "twins/successor/making.h"
#include "twins/successor/part.h"
#include "twins/successor/successor.h"

/* --------------------------------------------------------------- the table */

void
ec_successor_check_partition_by(const char *text)
{
	char *probe = psprintf("CREATE TABLE successor () PARTITION BY %s", text);
	EcExpressionContext context;
	List *parsed;
	const CreateStmt *create;

	ec_expression_context_begin(&context, probe, "partition_by");
	parsed = raw_parser(probe, RAW_PARSE_DEFAULT);
	ec_expression_context_end(&context);
	create = (const CreateStmt *) linitial_node(RawStmt, parsed)->stmt;
	if (list_length(parsed) != 1 || create->partspec == NULL ||
		create->options != NIL || create->tablespacename != NULL ||
		create->accessMethod != NULL || create->oncommit != ONCOMMIT_NOOP)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("argument \"partition_by\" is not a partition key"),
				 errdetail("\"%s\" says more than that.", text),
				 errhint("Give what follows PARTITION BY, for example 'RANGE (created_at)'.")));
}

static void
run(const char *sql, Oid tablespace)
{
	int guc_level = NewGUCNestLevel();

	(void) set_config_option("default_tablespace",
							 OidIsValid(tablespace) ? get_tablespace_name(tablespace)
													: "",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true,
							 0, false);
	ec_run_ddl(sql);
	AtEOXact_GUC(false, guc_level);
	CommandCounterIncrement();
}

/* The key of the source, which is partitioned. */
static char *
key_of_source(const EcMaking *making)
{
	MemoryContext memory = CurrentMemoryContext;
	EcCatalogScope scope;
	EcArgs args = {0};
	char *key;

	ec_arg_oid(&args, making->source_oid);
	ec_catalog_begin(&scope);
	(void) ec_query("SELECT pg_get_partkeydef($1)", &args);
	key = MemoryContextStrdup(memory, ec_get_text(0, 1));
	ec_catalog_end(&scope);
	return key;
}

/*
 * The key that the caller gives is read under his search_path; all other names
 * are qualified.
 */
static void
create_table(EcMaking *making, const char *partition_by)
{
	const char *key = partition_by;
	HeapTuple tuple =
		SearchSysCache1(RELOID, ObjectIdGetDatum(making->source_oid));
	Form_pg_class form;
	StringInfoData sql;
	Oid tablespace;
	int guc_level = 0;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", making->source_oid);
	form = (Form_pg_class) GETSTRUCT(tuple);
	tablespace = form->reltablespace;
	if (key == NULL && form->relkind == RELKIND_PARTITIONED_TABLE)
	{
		guc_level = ec_pin_text();
		key = key_of_source(making);
	}
	making->is_partitioned = key != NULL && key[0] != '\0';

	initStringInfo(&sql);
	appendStringInfo(&sql,
					 "CREATE %sTABLE %s (LIKE %s INCLUDING ALL EXCLUDING CONSTRAINTS EXCLUDING INDEXES)",
					 form->relpersistence == RELPERSISTENCE_UNLOGGED &&
							 !making->is_partitioned
						 ? "UNLOGGED "
						 : "",
					 making->table, making->source);
	if (making->is_partitioned)
		appendStringInfo(&sql, " PARTITION BY %s", key);
	else if (form->relkind == RELKIND_RELATION)
		appendStringInfo(&sql, " USING %s",
						 quote_identifier(get_am_name(form->relam)));
	if (making->is_partitioned && form->relpersistence == RELPERSISTENCE_UNLOGGED)
		ec_making_leave_out(making,
							pstrdup("UNLOGGED, which partitions have, and no partitioned table"));
	ReleaseSysCache(tuple);
	run(sql.data, tablespace);
	if (guc_level != 0)
		AtEOXact_GUC(false, guc_level);
	making->oid = get_relname_relid(making->name, making->space);
}

static void
read_partition_key(EcMaking *making)
{
	MemoryContext memory = CurrentMemoryContext;
	EcCatalogScope scope;
	EcArgs args = {0};
	uint64 count;

	if (!making->is_partitioned)
		return;
	ec_arg_oid(&args, making->oid);
	ec_arg_oid(&args, making->source_oid);
	ec_catalog_begin(&scope);
	count =
		ec_query("SELECT coalesce(s.attnum, 0)::integer"
				 "  FROM pg_partitioned_table p"
				 " CROSS JOIN unnest(p.partattrs::smallint[]) WITH ORDINALITY u (attnum, n)"
				 "  LEFT JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = u.attnum AND u.attnum > 0"
				 "  LEFT JOIN pg_attribute s ON s.attrelid = $2 AND s.attname = a.attname AND NOT s.attisdropped"
				 " WHERE p.partrelid = $1 ORDER BY u.n",
				 &args);
	for (uint64 row = 0; row < count; row++)
	{
		AttrNumber attnum = ec_get_int4(row, 1, 0);
		MemoryContext caller = MemoryContextSwitchTo(memory);

		if (attnum == 0)
			making->has_key_expression = true;
		else
			making->key_columns =
				list_append_unique_int(making->key_columns, attnum);
		MemoryContextSwitchTo(caller);
	}
	ec_catalog_end(&scope);
}

/* Who has granted them, and with which options, could not be said with GRANT. */
static void
give_privileges(const EcMaking *making)
{
	EcTwinPrivileges *privileges = ec_twin_privileges(making->source_oid);
	List *columns = NIL;
	ListCell *cell;

	/* dropped columns of the source have no counterpart */
	foreach (cell, privileges->columns)
	{
		AttrNumber attnum = foreach_current_index(cell) + 1;

		if (OidIsValid(get_atttype(making->source_oid, attnum)))
			columns = lappend(columns, lfirst(cell));
	}
	privileges->columns = columns;
	privileges->name = unconstify(char *, making->name);
	ec_twin_put_privileges(privileges);
}

void
ec_successor_make(EcSuccessor *successor)
{
	EcMaking making = {.source_oid = successor->source, .name = successor->name};
	EcRights outer;
	int guc_level = ec_pin_output(); /* names are quoted in one way */
	ListCell *cell;

	making.space = get_rel_namespace(successor->source);
	making.source_name = get_rel_name(successor->source);
	making.source =
		pstrdup(quote_qualified_identifier(get_namespace_name(making.space),
										   making.source_name));
	making.table =
		pstrdup(quote_qualified_identifier(get_namespace_name(making.space),
										   successor->name));

	ec_become(&outer, ec_relation_owner(successor->source));
	create_table(&making, successor->partition_by);
	AtEOXact_GUC(false, guc_level);
	guc_level = ec_pin_text();
	read_partition_key(&making);
	ec_make_columns(&making);
	ec_make_checks(&making);
	ec_make_keys(&making);
	ec_make_rules(&making);
	if (making.refused == NIL)
	{
		foreach (cell, making.statements)
		{
			const EcStatement *statement = lfirst(cell);

			run(statement->sql, statement->tablespace);
		}
		give_privileges(&making);
	}
	AtEOXact_GUC(false, guc_level);
	ec_become_caller(&outer);
	successor->oid = making.oid;
	successor->left_out = making.left_out;
	successor->refused = making.refused;
}
