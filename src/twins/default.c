/*
 * default.c
 *		Defaults, and the sequences behind them: serial and identity columns.
 *
 * All of it happens in the swap, since it changes the catalog only.  A serial's
 * sequence goes to the other column.  An identity column cannot give its
 * sequence away: it is dropped, and made again where it was, under a lock under
 * which nobody draws a number.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/heap.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/comment.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteHandler.h"
#include "access/table.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "core/catalog.h"
#include "core/pinned.h"
#include "core/query.h"
#include "core/sequence.h"
#include "twins/translate.h"
#include "twins/twin_kind.h"
#include "utils/guc.h"

/* ------------------------------------------------------- plain defaults */

/* The stored default of a column; NULL if it has none of its own. */
static Node *
stored_default(Oid relation, AttrNumber attnum)
{
	Relation table = table_open(relation, AccessShareLock);
	TupleConstr *constraints = RelationGetDescr(table)->constr;
	Node *node = NULL;

	for (int i = 0; constraints != NULL && i < constraints->num_defval; i++)
		if (constraints->defval[i].adnum == attnum)
			node = stringToNode(constraints->defval[i].adbin);
	table_close(table, AccessShareLock);
	return node;
}

/* A constant as a literal, which is read as one of the new type. */
static char *
as_literal(Node *node)
{
	Oid output;
	bool is_varlena;
	char *text;
	int guc_level;

	node = strip_implicit_coercions(node);
	if (!IsA(node, Const) || ((Const *) node)->constisnull)
		return NULL;
	getTypeOutputInfo(((Const *) node)->consttype, &output, &is_varlena);
	guc_level = ec_pin_text();
	text = OidOutputFunctionCall(output, ((Const *) node)->constvalue);
	AtEOXact_GUC(false, guc_level);
	return quote_literal_cstr(text);
}

static bool
is_number(Oid type)
{
	char category;
	bool preferred;

	get_type_category_preferred(type, &category, &preferred);
	return category == TYPCATEGORY_NUMERIC;
}

/*
 * The default as one of the new column.  A number is written as it is, so that
 * it looks like that of a column that was born so; what is no number as a
 * literal.
 */
static char *
translate_default(Oid relation, AttrNumber to, Node *node, char **error)
{
	char *plain = ec_twin_write(relation, node);
	char *literal = as_literal(node);
	Oid type = exprType(node);
	char *ways[3];
	EcTwinExpression result;

	ways[0] = is_number(type) || literal == NULL ? plain : literal;
	ways[1] = ways[0] == plain ? literal : plain;
	ways[2] = psprintf("CAST(%s AS %s)", plain,
					   format_type_extended(get_atttype(relation, to), -1,
											FORMAT_TYPE_FORCE_QUALIFY));
	for (int i = 0; i < lengthof(ways); i++)
	{
		if (ways[i] == NULL)
			continue;
		result = ec_twin_read_default(relation, to, ways[i]);
		if (result.error == NULL)
			return ways[i];
		*error = result.error;
	}
	return NULL;
}

static void
look_at_default(const EcRetype *retype, EcTwinPlan *plan, const EcTwinPair *pair)
{
	Node *node = stored_default(retype->relation, pair->from);
	char *error = NULL;
	char *text;

	if (node == NULL)
		return;
	text = translate_default(retype->relation, pair->to, node, &error);
	if (text == NULL)
	{
		ec_twin_refuse(plan, psprintf("default of column \"%s\": %s (drop it before, and set another after)",
									  pair->from_name, error));
		return;
	}
	ec_twin_swap(plan, EC_SWAP_RELEASE,
				 psprintf("ALTER TABLE %s ALTER COLUMN %s DROP DEFAULT",
						  retype->table, quote_identifier(pair->from_name)));
	ec_twin_swap(plan, EC_SWAP_GIVE,
				 psprintf("ALTER TABLE %s ALTER COLUMN %s SET DEFAULT %s",
						  retype->table, quote_identifier(pair->from_name), text));
}

/* ------------------------------------------------------------- sequences */

typedef struct Owned
{
	Oid sequence;
	bool is_identity;
	char identity; /* 'a' or 'd' */
	Oid type;
	char *options; /* of ADD GENERATED */
	char *grants;  /* statements; NULL: none */
	char *others;  /* what else depends on it; NULL: nothing */
	char *name;
} Owned;

static bool
is_integer(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

static List *
owned_sequences(const EcRetype *retype, const EcTwinPair *pair)
{
	MemoryContext memory = CurrentMemoryContext;
	EcCatalogScope scope;
	EcArgs args = {0};
	List *owned = NIL;
	uint64 count;

	ec_arg_oid(&args, retype->relation);
	ec_arg_int4(&args, pair->from);
	ec_catalog_begin(&scope);
	count =
		ec_query("SELECT s.seqrelid, d.deptype = 'i', a.attidentity::text, s.seqtypid,"
				 /*
				  * limits that are those of the type become those of the new
				  * one
				  */
				 "       format('INCREMENT BY %s %s %s START WITH %s CACHE %s %s', s.seqincrement,"
				 "              CASE WHEN s.seqincrement < 0 AND s.seqmin = t.least THEN 'NO MINVALUE'"
				 "                   WHEN s.seqincrement > 0 AND s.seqmin = 1 THEN 'NO MINVALUE'"
				 "                   ELSE format('MINVALUE %s', s.seqmin) END,"
				 "              CASE WHEN s.seqincrement > 0 AND s.seqmax = t.greatest THEN 'NO MAXVALUE'"
				 "                   WHEN s.seqincrement < 0 AND s.seqmax = -1 THEN 'NO MAXVALUE'"
				 "                   ELSE format('MAXVALUE %s', s.seqmax) END,"
				 "              s.seqstart, s.seqcache, CASE WHEN s.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END),"
				 "       (SELECT string_agg(format('GRANT %s ON SEQUENCE %s TO %s%s', g.privilege_type,"
				 "                                 s.seqrelid::regclass,"
				 "                                 CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END,"
				 "                                 CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END), ';')"
				 "          FROM aclexplode(c.relacl) g WHERE g.grantee <> c.relowner),"
				 "       (SELECT string_agg(pg_describe_object(o.classid, o.objid, o.objsubid), ', ')"
				 "          FROM pg_depend o WHERE o.refclassid = 'pg_class'::regclass AND o.refobjid = s.seqrelid"
				 "           AND o.deptype = 'n' AND d.deptype = 'i'),"
				 "       format('%I.%I', n.nspname, c.relname)"
				 "  FROM pg_depend d"
				 "  JOIN pg_sequence s ON s.seqrelid = d.objid"
				 "  JOIN pg_class c ON c.oid = s.seqrelid"
				 "  JOIN pg_namespace n ON n.oid = c.relnamespace"
				 "  JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid"
				 "  JOIN (VALUES ('int2'::regtype, -32768::bigint, 32767::bigint),"
				 "               ('int4', -2147483648, 2147483647),"
				 "               ('int8', -9223372036854775808, 9223372036854775807)) t (type, least, greatest)"
				 "    ON t.type = s.seqtypid"
				 " WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass"
				 "   AND d.refobjid = $1 AND d.refobjsubid = $2 AND d.deptype IN ('a', 'i')"
				 " ORDER BY s.seqrelid",
				 &args);
	for (uint64 row = 0; row < count; row++)
	{
		Oid sequence = ec_get_oid(row, 1);
		bool is_identity = ec_get_bool(row, 2, false);
		char *identity = ec_get_text(row, 3);
		Oid type = ec_get_oid(row, 4);
		char *options = ec_get_text(row, 5);
		char *grants = ec_get_text(row, 6);
		char *others = ec_get_text(row, 7);
		char *name = ec_get_text(row, 8);
		MemoryContext caller = MemoryContextSwitchTo(memory);
		Owned *one = palloc0(sizeof(Owned));

		one->sequence = sequence;
		one->is_identity = is_identity;
		one->identity = identity == NULL ? '\0' : identity[0];
		one->type = type;
		one->options = options;
		one->grants = grants;
		one->others = others;
		one->name = name;
		owned = lappend(owned, one);
		MemoryContextSwitchTo(caller);
	}
	ec_catalog_end(&scope);
	return owned;
}

/* Its type follows that of the column. */
static const char *
type_of_serial(const Owned *owned, Oid from, Oid to)
{
	return owned->type == from && is_integer(to) && from != to
			   ? psprintf(" AS %s", format_type_be(to))
			   : "";
}

/* Has it given a number that the column cannot hold? */
static bool
is_too_far(const Owned *owned, Oid to)
{
	EcSequence now;

	if (!is_integer(to) || !ec_sequence_read(owned->sequence, &now))
		return false;
	return (to == INT4OID && (now.last > PG_INT32_MAX || now.last < PG_INT32_MIN)) ||
		   (to == INT2OID && (now.last > PG_INT16_MAX || now.last < PG_INT16_MIN));
}

static void
swap_serial(const EcRetype *retype, EcTwinPlan *plan, const EcTwinPair *pair,
			const Owned *owned)
{
	ec_twin_swap(plan, EC_SWAP_RELEASE,
				 psprintf("ALTER SEQUENCE %s%s OWNED BY %s.%s", owned->name,
						  type_of_serial(owned,
										 get_atttype(retype->relation, pair->from),
										 get_atttype(retype->relation, pair->to)),
						  retype->table, quote_identifier(pair->to_name)));
}

static void
swap_identity(const EcRetype *retype, EcTwinPlan *plan, const EcTwinPair *pair,
			  const Owned *owned)
{
	char *name = pstrdup(quote_identifier(pair->from_name));
	EcSequence now = {0};
	char *comment;

	if (!is_integer(get_atttype(retype->relation, pair->to)))
	{
		ec_twin_refuse(plan, psprintf("column \"%s\" is an identity column, which is an integer (ALTER TABLE %s ALTER COLUMN %s DROP IDENTITY before)",
									  pair->from_name, retype->table, name));
		return;
	}
	if (owned->others != NULL)
	{
		ec_twin_refuse(plan,
					   psprintf("sequence %s of the identity column \"%s\" is dropped and made again, and %s depends on it",
								owned->name, pair->from_name, owned->others));
		return;
	}
	if (plan->for_swap)
	{
		LockRelationOid(owned->sequence, AccessExclusiveLock);
		if (!ec_sequence_read(owned->sequence, &now))
			elog(ERROR, "could not read sequence %s", owned->name);
	}
	comment = GetComment(owned->sequence, RelationRelationId, 0);
	ec_twin_swap(plan, EC_SWAP_RELEASE,
				 psprintf("ALTER TABLE %s ALTER COLUMN %s DROP IDENTITY",
						  retype->table, name));
	ec_twin_swap(plan, EC_SWAP_GIVE,
				 psprintf("ALTER TABLE %s ALTER COLUMN %s ADD GENERATED %s AS IDENTITY (SEQUENCE NAME %s %s)",
						  retype->table, name,
						  owned->identity == ATTRIBUTE_IDENTITY_ALWAYS ? "ALWAYS"
																	   : "BY DEFAULT",
						  owned->name, owned->options));
	ec_twin_swap(plan, EC_SWAP_GIVE,
				 psprintf("SELECT pg_catalog.setval(%s::pg_catalog.regclass, " INT64_FORMAT
						  ", %s)",
						  quote_literal_cstr(owned->name), now.last,
						  now.is_called ? "true" : "false"));
	if (owned->grants != NULL)
		ec_twin_swap(plan, EC_SWAP_GIVE, owned->grants);
	if (comment != NULL)
		ec_twin_swap(plan, EC_SWAP_GIVE,
					 psprintf("COMMENT ON SEQUENCE %s IS %s", owned->name,
							  quote_literal_cstr(comment)));
}

static void
look(const EcRetype *retype, EcTwinPlan *plan)
{
	ListCell *cell;

	foreach (cell, retype->pairs)
	{
		const EcTwinPair *pair = lfirst(cell);
		ListCell *other;

		foreach (other, owned_sequences(retype, pair))
		{
			const Owned *owned = lfirst(other);
			Oid to = get_atttype(retype->relation, pair->to);

			if (is_too_far(owned, to))
				ec_twin_refuse(plan, psprintf("sequence %s has given numbers that type %s does not hold (use setval before)",
											  owned->name, format_type_be(to)));
			else if (owned->is_identity)
				swap_identity(retype, plan, pair, owned);
			else
				swap_serial(retype, plan, pair, owned);
		}
		look_at_default(retype, plan, pair);
	}
}

const EcTwinKind ec_twin_default = {"default", look};
