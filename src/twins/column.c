/*
 * column.c
 *		The columns themselves: names, NOT NULL, statistics targets, options,
 *		storage, comments.
 *
 * SET NOT NULL does not scan where a valid CHECK proves it.  That constraint is
 * built online, and dropped in the swap.  Until then the column that follows
 * must not be NULL, which the row trigger sees to.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_type.h"
#include "commands/comment.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "core/catalog.h"
#include "core/compat.h"
#include "core/query.h"
#include "twins/check.h"
#include "twins/translate.h"
#include "twins/twin_kind.h"

static bool
is_not_null(Oid relation, AttrNumber attnum)
{
	HeapTuple tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relation),
									  Int16GetDatum(attnum));
	bool result;

	if (!HeapTupleIsValid(tuple))
		return false;
	result = ((Form_pg_attribute) GETSTRUCT(tuple))->attnotnull;
	ReleaseSysCache(tuple);
	return result;
}

/*
 * From 18 on NOT NULL is a constraint with a name, which may be NOT VALID or NO
 * INHERIT.  Before that the result is NULL.
 */
static char *
not_null_constraint(const EcRetype *retype, EcTwinPlan *plan,
					const EcTwinPair *pair, char **comment)
{
	char *name = NULL;

#if PG_VERSION_NUM >= 180000
	HeapTuple tuple = findNotNullConstraintAttnum(retype->relation, pair->from);
	Form_pg_constraint form;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	form = (Form_pg_constraint) GETSTRUCT(tuple);
	name = pstrdup(NameStr(form->conname));
	*comment = GetComment(form->oid, ConstraintRelationId, 0);
	if (!form->convalidated)
		ec_twin_refuse(plan,
					   psprintf("constraint \"%s\" is NOT VALID (ALTER TABLE %s VALIDATE CONSTRAINT %s before)",
								name, retype->table, quote_identifier(name)));
	if (form->connoinherit)
		ec_twin_refuse(plan,
					   psprintf("constraint \"%s\" is NO INHERIT (ALTER TABLE %s ALTER CONSTRAINT %s INHERIT before)",
								name, retype->table, quote_identifier(name)));
#endif
	return name;
}

static void
look_at_not_null(const EcRetype *retype, EcTwinPlan *plan, List *checks,
				 const EcTwinPair *pair)
{
	char *what = psprintf("NOT NULL of column \"%s\"", pair->from_name);
	char *column = pstrdup(quote_identifier(pair->to_name));
	EcTwinExpression proof;
	EcTwinCheck *check;
	char *comment = NULL;
	char *name;

	if (!is_not_null(retype->relation, pair->from))
		return;
	name = not_null_constraint(retype, plan, pair, &comment);
	proof = ec_twin_read(retype->relation, psprintf("%s IS NOT NULL", column),
						 EXPR_KIND_CHECK_CONSTRAINT);
	check = ec_twin_find_check(checks, plan, proof.text, false, true);
	if (check == NULL)
	{
		ec_twin_step(plan, what,
					 psprintf("ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s) NOT VALID",
							  retype->table,
							  quote_identifier(ec_twin_free_name(retype, plan,
																 pair->to_name,
																 "not_null")),
							  proof.text));
		return;
	}
	if (!check->is_valid)
	{
		ec_twin_step(plan, what,
					 psprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s",
							  retype->table, quote_identifier(check->name)));
		return;
	}
	if (name == NULL)
		ec_twin_swap(plan, EC_SWAP_PROVE,
					 psprintf("ALTER TABLE %s ALTER COLUMN %s SET NOT NULL",
							  retype->table, column));
	else
	{
		char *own = ec_twin_free_name(retype, plan, name, retype->label);

		ec_twin_swap(plan, EC_SWAP_PROVE,
					 psprintf("ALTER TABLE %s ADD CONSTRAINT %s NOT NULL %s",
							  retype->table, quote_identifier(own), column));
		ec_twin_swap(plan, EC_SWAP_NAMES,
					 psprintf("ALTER TABLE %s RENAME CONSTRAINT %s TO %s",
							  retype->table, pstrdup(quote_identifier(own)),
							  quote_identifier(name)));
		if (comment != NULL)
			ec_twin_swap(plan, EC_SWAP_GIVE,
						 psprintf("COMMENT ON CONSTRAINT %s ON %s IS %s",
								  quote_identifier(name), retype->table,
								  quote_literal_cstr(comment)));
	}
	ec_twin_swap(plan, EC_SWAP_KEYS,
				 psprintf("ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL",
						  retype->table, quote_identifier(pair->from_name)));
	ec_twin_swap(plan, EC_SWAP_KEYS,
				 psprintf("ALTER TABLE %s DROP CONSTRAINT %s", retype->table,
						  quote_identifier(check->name)));
}

/* What the planner and TOAST are told of it. */
static void
look_at_settings(const EcRetype *retype, EcTwinPlan *plan, const EcTwinPair *pair)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	char *commands = NULL;

	ec_arg_oid(&args, retype->relation);
	ec_arg_int4(&args, pair->from);
	ec_arg_int4(&args, pair->to);
	ec_catalog_begin(&scope);
	if (ec_query("SELECT string_agg(format('ALTER COLUMN %I %s', t.attname, c.command), ', ' ORDER BY c.n)"
				 "  FROM pg_attribute f"
				 "  JOIN pg_type ft ON ft.oid = f.atttypid"
				 "  JOIN pg_attribute t ON t.attrelid = f.attrelid AND t.attnum = $3"
				 "  JOIN pg_type tt ON tt.oid = t.atttypid"
				 "  CROSS JOIN LATERAL ("
				 "   SELECT 1, format('SET STATISTICS %s', coalesce(f.attstattarget, -1))"
				 "    WHERE coalesce(f.attstattarget, -1) <> coalesce(t.attstattarget, -1)"
				 "   UNION ALL"
				 "   SELECT 2, format('SET (%I = %L)', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1))"
				 "     FROM unnest(f.attoptions) o"
				 "    WHERE o LIKE 'n\\_distinct%' AND NOT o = ANY (coalesce(t.attoptions, '{}'))"
				 "   UNION ALL"
				 "   SELECT 3, format('RESET (%I)', split_part(o, '=', 1))"
				 "     FROM unnest(t.attoptions) o"
				 "    WHERE o LIKE 'n\\_distinct%' AND NOT EXISTS (SELECT FROM unnest(f.attoptions) p"
				 "          WHERE split_part(p, '=', 1) = split_part(o, '=', 1))"
				 "   UNION ALL"
				 /* only where somebody has chosen it */
				 "   SELECT 4, 'SET STORAGE ' || CASE f.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL'"
				 "                                                 WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END"
				 "    WHERE f.attstorage <> ft.typstorage AND tt.typstorage <> 'p' AND t.attstorage <> f.attstorage"
				 "   UNION ALL"
				 "   SELECT 5, 'SET COMPRESSION ' || CASE f.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' ELSE 'DEFAULT' END"
				 "    WHERE f.attcompression <> t.attcompression AND tt.typstorage <> 'p'"
				 "  ) c (n, command)"
				 " WHERE f.attrelid = $1 AND f.attnum = $2",
				 &args) > 0)
		commands = ec_get_text(0, 1);
	ec_catalog_end(&scope);
	if (commands != NULL)
		ec_twin_step(plan, psprintf("settings of column \"%s\"", pair->from_name),
					 psprintf("ALTER TABLE %s %s", retype->table, commands));
}

static void
swap_names(const EcRetype *retype, EcTwinPlan *plan, const EcTwinPair *pair)
{
	char *name = pstrdup(quote_identifier(pair->from_name));
	char *free_name = pstrdup(quote_identifier(pair->free_name));
	char *comment = GetComment(retype->relation, RelationRelationId, pair->from);

	ec_twin_swap(plan, EC_SWAP_NAMES,
				 psprintf("ALTER TABLE %s RENAME COLUMN %s TO %s",
						  retype->table, name, free_name));
	ec_twin_swap(plan, EC_SWAP_NAMES,
				 psprintf("ALTER TABLE %s RENAME COLUMN %s TO %s",
						  retype->table, quote_identifier(pair->to_name), name));
	if (comment == NULL)
		return;
	ec_twin_swap(plan, EC_SWAP_GIVE,
				 psprintf("COMMENT ON COLUMN %s.%s IS %s", retype->table, name,
						  quote_literal_cstr(comment)));
	ec_twin_swap(plan, EC_SWAP_GIVE,
				 psprintf("COMMENT ON COLUMN %s.%s IS NULL", retype->table,
						  free_name));
}

static void
look(const EcRetype *retype, EcTwinPlan *plan)
{
	List *checks = ec_twin_checks(retype->relation);
	ListCell *cell;

	foreach (cell, retype->pairs)
	{
		EcTwinPair *pair = lfirst(cell);

		pair->free_name =
			ec_twin_free_name(retype, plan, pair->from_name, retype->old_label);
		look_at_not_null(retype, plan, checks, pair);
		look_at_settings(retype, plan, pair);
		swap_names(retype, plan, pair);
	}
}

const EcTwinKind ec_twin_column = {"column", look};
