/*
 * lint_catalog.c
 *		The lint's lookups in the catalog.
 *
 * The role that calls the lint may have more rights than the owner of the
 * table.  So no user-defined function is called here, not even an immutable
 * one.  No function waits for a lock on a user's table.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_type.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "core/catalog.h"
#include "core/compat.h"
#include "core/query.h"
#include "lint/lint_rules.h"

/* 8 MB: a scan or an index build takes only moments */
#define SMALL_BLOCKS 1024

/* The number of blocks of a table; from its statistics while it is locked. */
static BlockNumber
blocks_of(Oid relation)
{
	BlockNumber blocks = 0;
	HeapTuple tuple;

	if (ConditionalLockRelationOid(relation, AccessShareLock))
	{
		Relation opened = try_relation_open(relation, NoLock);

		if (opened != NULL)
		{
			if (RELKIND_HAS_STORAGE(opened->rd_rel->relkind))
				blocks = RelationGetNumberOfBlocks(opened);
			relation_close(opened, NoLock);
		}
		UnlockRelationOid(relation, AccessShareLock);
		return blocks;
	}
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	if (HeapTupleIsValid(tuple))
	{
		blocks = Max(0, ((Form_pg_class) GETSTRUCT(tuple))->relpages);
		ReleaseSysCache(tuple);
	}
	return blocks;
}

bool
ec_lint_is_small(Oid relation)
{
	char kind = get_rel_relkind(relation);
	uint64 blocks = 0;
	ListCell *cell;

	/* for an index, the size of the table that is locked with it matters */
	if (kind == RELKIND_INDEX || kind == RELKIND_PARTITIONED_INDEX)
		relation = IndexGetRelation(relation, true);
	foreach (cell, find_all_inheritors(relation, NoLock, NULL))
	{
		blocks += blocks_of(lfirst_oid(cell));
		if (blocks > SMALL_BLOCKS)
			return false;
	}
	return true;
}

/*
 * Does a CHECK that is true imply that the column is not NULL?  With negated:
 * does a CHECK that is false imply it?  The server's own proof would evaluate
 * constant subexpressions, and so call functions of the table's owner with the
 * caller's rights.
 */
static bool
implies_not_null(Node *check, AttrNumber column, bool negated)
{
	if (IsA(check, NullTest))
	{
		NullTest *test = castNode(NullTest, check);

		return test->nulltesttype == (negated ? IS_NULL : IS_NOT_NULL) &&
			   !test->argisrow && IsA(test->arg, Var) &&
			   castNode(Var, test->arg)->varattno == column;
	}
	if (IsA(check, BoolExpr))
	{
		BoolExpr *condition = castNode(BoolExpr, check);
		bool one_is_enough = (condition->boolop == AND_EXPR) != negated;
		ListCell *cell;

		if (condition->boolop == NOT_EXPR)
			return implies_not_null(linitial(condition->args), column, !negated);
		foreach (cell, condition->args)
		{
			if (implies_not_null(lfirst(cell), column, negated) == one_is_enough)
				return one_is_enough;
		}
		return !one_is_enough;
	}
	return false;
}

static bool
check_implies_not_null(Oid relation, AttrNumber column)
{
	Relation catalog = table_open(ConstraintRelationId, AccessShareLock);
	bool found = false;
	ScanKeyData key[1];
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key[0], Anum_pg_constraint_conrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relation));
	scan = systable_beginscan(catalog, ConstraintRelidTypidNameIndexId, true,
							  NULL, 1, key);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);
		Datum condition;
		bool isnull;

		if (form->contype != CONSTRAINT_CHECK || !form->convalidated)
			continue;
		condition = heap_getattr(tuple, Anum_pg_constraint_conbin,
								 RelationGetDescr(catalog), &isnull);
		found = !isnull &&
				implies_not_null(stringToNode(TextDatumGetCString(condition)),
								 column, false);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return found;
}

#if PG_VERSION_NUM >= 180000
static bool
not_null_is_valid(Oid relation, AttrNumber number)
{
	HeapTuple tuple = findNotNullConstraintAttnum(relation, number);

	return tuple == NULL || ((Form_pg_constraint) GETSTRUCT(tuple))->convalidated;
}
#else
#define not_null_is_valid(relation, number) true
#endif

bool
ec_lint_is_proven_not_null(Oid relation, const char *column)
{
	HeapTuple tuple = SearchSysCacheAttName(relation, column);
	Form_pg_attribute attribute;
	bool is_proven;

	if (!HeapTupleIsValid(tuple))
		return false;
	attribute = (Form_pg_attribute) GETSTRUCT(tuple);
	is_proven = attribute->attnotnull
					? not_null_is_valid(relation, attribute->attnum)
					: check_implies_not_null(relation, attribute->attnum);
	ReleaseSysCache(tuple);
	return is_proven;
}

/* A lookup in a schema that the caller may not use would raise an error. */
static bool
may_look_up(List *names)
{
	char *schema_name;
	char *name;
	Oid schema;

	DeconstructQualifiedName(names, &schema_name, &name);
	if (schema_name == NULL)
		return true;
	schema = LookupNamespaceNoError(schema_name);
	return OidIsValid(schema) && ec_may_use_schema(schema, GetUserId());
}

Type
ec_lint_find_type(const TypeName *name, int32 *typmod)
{
	return may_look_up(name->names) ? LookupTypeName(NULL, name, typmod, true)
									: NULL;
}

/*
 * Considers every function that the call may mean, whatever its argument
 * types.
 */
static bool
calls_volatile(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncCall) && may_look_up(castNode(FuncCall, node)->funcname))
	{
		FuncCall *call = castNode(FuncCall, node);

		for (FuncCandidateList candidate =
				 FuncnameGetCandidates(call->funcname, list_length(call->args),
									   NIL, true, true, false, true);
			 candidate != NULL; candidate = candidate->next)
		{
			if (func_volatile(candidate->oid) == PROVOLATILE_VOLATILE)
				return true;
		}
	}
	return raw_expression_tree_walker(node, calls_volatile, context);
}

bool
ec_lint_is_volatile(Node *raw_expression)
{
	return calls_volatile(raw_expression, NULL);
}

/*
 * The number of digits before and after the decimal point that a number type
 * can have.
 */
static bool
number_range(Oid type, int32 typmod, int *before, int *behind)
{
	*behind = 0;
	switch (type)
	{
		case INT2OID:
			*before = 5;
			return true;
		case INT4OID:
			*before = 10;
			return true;
		case INT8OID:
			*before = 19;
			return true;
		case NUMERICOID:
			*before = *behind = NUMERIC_MAX_PRECISION;
			if (typmod < VARHDRSZ)
				return true;
			/* see numeric_typmod_precision and numeric_typmod_scale */
			*behind = ((((typmod - VARHDRSZ) & 0x7ff) ^ 1024) - 1024);
			*before = (((typmod - VARHDRSZ) >> 16) & 0xffff) - *behind;
			return true;
		default:
			return false;
	}
}

static bool
is_wider_number(Oid from, int32 from_typmod, Oid to, int32 to_typmod)
{
	int before, behind, new_before, new_behind;

	if (from == FLOAT4OID && to == FLOAT8OID)
		return true;
	return number_range(from, from_typmod, &before, &behind) &&
		   number_range(to, to_typmod, &new_before, &new_behind) &&
		   (from != NUMERICOID || to == NUMERICOID) && new_before >= before &&
		   new_behind >= behind;
}

static bool
is_character(Oid type)
{
	return type == TEXTOID || type == VARCHAROID || type == BPCHAROID;
}

/* Does every value of the one type remain the same in the other? */
static bool
is_widening(Oid from, int32 from_typmod, Oid to, int32 to_typmod)
{
	bool has_room;

	from = getBaseTypeAndTypmod(from, &from_typmod);
	has_room = to_typmod < 0 || (from_typmod >= 0 && to_typmod >= from_typmod);

	if (type_is_array(from) && type_is_array(to))
		return is_widening(get_element_type(from), from_typmod,
						   get_element_type(to), to_typmod);
	if (is_wider_number(from, from_typmod, to, to_typmod))
		return true;
	if (is_character(from) && is_character(to))
		return has_room &&
			   (to != BPCHAROID || (from == BPCHAROID && to_typmod >= 0));
	if (from == CIDROID && to == INETOID)
		return true;
	if (from != to || to == NUMERICOID || to == BITOID)
		return from == to && from_typmod == to_typmod;
	return to == INTERVALOID ? to_typmod < 0 || to_typmod == from_typmod : has_room;
}

/*
 * User-defined functions are not inlined, because that would evaluate constant
 * expressions in their bodies.
 */
static bool
calls_user_function(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr) && castNode(FuncExpr, node)->funcid >= FirstNormalObjectId)
		return true;
	return expression_tree_walker(node, calls_user_function, context);
}

/* Decides as the server does for ALTER COLUMN TYPE. */
static bool
requires_rewrite(Node *expression, AttrNumber number)
{
	for (;;)
	{
		if (IsA(expression, Var) && castNode(Var, expression)->varattno == number)
			return false;
		if (IsA(expression, RelabelType))
			expression = (Node *) castNode(RelabelType, expression)->arg;
		else if (IsA(expression, CoerceToDomain))
		{
			CoerceToDomain *domain = castNode(CoerceToDomain, expression);

			if (DomainHasConstraints(domain->resulttype))
				return true;
			expression = (Node *) domain->arg;
		}
		else if (IsA(expression, FuncExpr))
		{
			FuncExpr *call = castNode(FuncExpr, expression);

			if ((call->funcid != F_TIMESTAMPTZ_TIMESTAMP &&
				 call->funcid != F_TIMESTAMP_TIMESTAMPTZ) ||
				TimestampTimestampTzRequiresRewrite())
				return true;
			expression = linitial(call->args);
		}
		else
			return true;
	}
}

/* USING column::type is what the server does by default. */
static bool
is_plain_cast(Node *raw, const char *column)
{
	ColumnRef *source;

	if (!IsA(raw, TypeCast) || !IsA(castNode(TypeCast, raw)->arg, ColumnRef))
		return false;
	source = castNode(ColumnRef, castNode(TypeCast, raw)->arg);
	return IsA(llast(source->fields), String) &&
		   strcmp(strVal(llast(source->fields)), column) == 0;
}

static bool
is_used_by_index_or_check(Oid relation, AttrNumber number)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	bool found;

	ec_catalog_begin(&scope);
	ec_arg_oid(&args, relation);
	ec_arg_int4(&args, number);
	found =
		ec_query("SELECT FROM pg_depend d"
				 "  LEFT JOIN pg_constraint c ON d.classid = 'pg_constraint'::regclass"
				 "   AND c.oid = d.objid AND c.contype = 'c'"
				 "  LEFT JOIN pg_index i ON d.classid = 'pg_class'::regclass"
				 "   AND i.indexrelid = d.objid"
				 "   AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)"
				 " WHERE d.refclassid = 'pg_class'::regclass"
				 "   AND d.refobjid = $1 AND d.refobjsubid = $2"
				 "   AND (c.oid IS NOT NULL OR i.indexrelid IS NOT NULL) LIMIT 1",
				 &args) > 0;
	ec_catalog_end(&scope);
	return found;
}

EcTypeChange
ec_lint_type_change(Oid relation, const char *column, ColumnDef *definition)
{
	EcTypeChange change = {false, false, true, false};
	HeapTuple tuple;
	Form_pg_attribute attribute;
	Type type;
	int32 typmod;
	Node *value;

	if (!OidIsValid(relation))
		return change;
	tuple = SearchSysCacheAttName(relation, column);
	if (!HeapTupleIsValid(tuple))
		return change;
	attribute = (Form_pg_attribute) GETSTRUCT(tuple);
	change.is_known = true;
	change.scans = is_used_by_index_or_check(relation, attribute->attnum);

	/* a type that the script itself creates does not exist yet */
	type = ec_lint_find_type(definition->typeName, &typmod);
	if (type != NULL)
	{
		value = (Node *) makeVar(1, attribute->attnum, attribute->atttypid,
								 attribute->atttypmod, attribute->attcollation, 0);
		value = coerce_to_target_type(NULL, value, attribute->atttypid,
									  typeTypeId(type), typmod, COERCION_EXPLICIT,
									  COERCE_IMPLICIT_CAST, -1);
		change.is_widening = is_widening(attribute->atttypid, attribute->atttypmod,
										 typeTypeId(type), typmod);
		ReleaseSysCache(type);
		if (value != NULL && !calls_user_function(value, NULL) &&
			(definition->raw_default == NULL ||
			 is_plain_cast(definition->raw_default, column)))
		{
			assign_expr_collations(NULL, value);
			value = (Node *) expression_planner((Expr *) value);
			change.rewrites = requires_rewrite(value, attribute->attnum);
		}
	}
	ReleaseSysCache(tuple);
	return change;
}
