/*
 * lint_catalog.c
 *		Looks up types, and expressions over them, in the catalog.
 *
 * The role that lints may have more rights than the owner of the table.  So no
 * user-defined function runs here, not even an immutable one.  Nothing waits
 * for a lock on a user's table.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_language.h"
#include "catalog/pg_partitioned_table.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_type.h"
#include "parser/parser.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "core/catalog.h"
#include "core/compat.h"
#include "core/query.h"
#include "core/subtransaction.h"
#include "lint/lint_rules.h"

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

static EcObject *
own_object(EcWorld *world, char kind, List *names)
{
	char *schema;
	char *name;

	if (names == NIL)
		return NULL;
	DeconstructQualifiedName(names, &schema, &name);
	return ec_world_find_object(world, kind, schema, name);
}

EcObject *
ec_lint_own_type(EcWorld *world, const TypeName *name)
{
	EcObject *object = own_object(world, 't', name->names);

	return object != NULL && !OidIsValid(object->oid) ? object : NULL;
}

Type
ec_lint_find_type(EcWorld *world, const TypeName *name, int32 *typmod)
{
	const EcObject *object = own_object(world, 't', name->names);
	Oid type;

	if (object == NULL)
		return may_look_up(name->names) ? LookupTypeName(NULL, name, typmod, true)
										: NULL;
	if (typmod != NULL)
		*typmod = -1;
	type = name->arrayBounds == NIL ? object->oid : get_array_type(object->oid);
	return OidIsValid(type) ? typeidType(type) : NULL;
}

typedef struct Body
{
	const char *text;
	List *statements;
} Body;

static void
parse_body(void *arg)
{
	Body *body = arg;

	body->statements = raw_parser(body->text, RAW_PARSE_DEFAULT);
}

/*
 * Returns the only expression of an SQL function that the server would insert
 * in place of the call; NULL: it is not such a function.
 */
static Node *
inlined_expression(const char *body)
{
	Body parsed = {body, NIL};
	SelectStmt *select;

	/* it may have been stored without a check */
	if (ec_subtransaction(parse_body, &parsed) != NULL ||
		list_length(parsed.statements) != 1 ||
		!IsA(linitial_node(RawStmt, parsed.statements)->stmt, SelectStmt))
		return NULL;
	select = castNode(SelectStmt, linitial_node(RawStmt, parsed.statements)->stmt);
	if (list_length(select->targetList) != 1 || select->fromClause != NIL ||
		select->whereClause != NULL || select->intoClause != NULL ||
		select->groupClause != NIL || select->havingClause != NULL ||
		select->windowClause != NIL || select->distinctClause != NIL ||
		select->sortClause != NIL || select->limitCount != NULL ||
		select->limitOffset != NULL || select->withClause != NULL ||
		select->valuesLists != NIL || select->op != SETOP_NONE)
		return NULL;
	return linitial_node(ResTarget, select->targetList)->val;
}

typedef struct Volatile
{
	EcWorld *world;
	int depth; /* of functions inlined in one another */
} Volatile;

#define MAX_INLINED 8

static bool calls_volatile(Node *node, void *context);

/* A body that is not volatile makes a call of the function not volatile. */
static bool
is_body_volatile(Volatile *context, const char *body)
{
	Volatile inner = {context->world, context->depth + 1};
	Node *expression = inner.depth < MAX_INLINED && body != NULL
						   ? inlined_expression(body)
						   : NULL;

	return expression == NULL || calls_volatile(expression, &inner);
}

static bool
is_function_volatile(Volatile *context, Oid function)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc form;
	bool is_volatile;
	bool is_null;
	Datum body;

	if (!HeapTupleIsValid(tuple))
		return true;
	form = (Form_pg_proc) GETSTRUCT(tuple);
	is_volatile = form->provolatile == PROVOLATILE_VOLATILE;
	if (is_volatile && form->prolang == SQLlanguageId && !form->prosecdef &&
		!form->proretset && !form->proisstrict && form->pronargs == 0 &&
		heap_attisnull(tuple, Anum_pg_proc_proconfig, NULL) &&
		heap_attisnull(tuple, Anum_pg_proc_prosqlbody, NULL))
	{
		body = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &is_null);
		is_volatile =
			is_null || is_body_volatile(context, TextDatumGetCString(body));
	}
	ReleaseSysCache(tuple);
	return is_volatile;
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
	if (IsA(node, FuncCall))
	{
		Volatile *state = context;
		FuncCall *call = castNode(FuncCall, node);
		const EcObject *own = own_object(state->world, 'f', call->funcname);

		if (own != NULL)
		{
			if (own->is_volatile)
				return true;
		}
		else if (may_look_up(call->funcname))
		{
			for (FuncCandidateList candidate =
					 FuncnameGetCandidates(call->funcname, list_length(call->args),
										   NIL, true, true, false, true);
				 candidate != NULL; candidate = candidate->next)
			{
				if (is_function_volatile(state, candidate->oid))
					return true;
			}
		}
	}
	return raw_expression_tree_walker(node, calls_volatile, context);
}

bool
ec_lint_is_volatile(EcWorld *world, Node *raw_expression)
{
	Volatile context = {world, 0};

	return calls_volatile(raw_expression, &context);
}

bool
ec_lint_creates_volatile(EcWorld *world, CreateFunctionStmt *stmt)
{
	Volatile context = {world, 0};
	const char *volatility = "volatile";
	const char *language = "sql";
	const char *body = NULL;
	bool is_plain = stmt->parameters == NIL && stmt->sql_body == NULL;
	ListCell *cell;

	foreach (cell, stmt->options)
	{
		DefElem *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, "volatility") == 0)
			volatility = strVal(option->arg);
		else if (strcmp(option->defname, "language") == 0)
			language = strVal(option->arg);
		else if (strcmp(option->defname, "as") == 0)
			body = strVal(linitial((List *) option->arg));
		else if (strcmp(option->defname, "strict") == 0 ||
				 strcmp(option->defname, "security") == 0 ||
				 strcmp(option->defname, "set") == 0)
			is_plain = false;
	}
	if (strcmp(volatility, "volatile") != 0)
		return false;
	return strcmp(language, "sql") != 0 || !is_plain ||
		   is_body_volatile(&context, body);
}

/* The default of an existing type that is a domain; NULL: it has none. */
static Node *
default_of_type(EcWorld *world, const TypeName *name)
{
	Type type = ec_lint_find_type(world, name, NULL);
	Node *value;

	if (type == NULL)
		return NULL;
	value = get_typtype(typeTypeId(type)) == TYPTYPE_DOMAIN
				? get_typdefault(typeTypeId(type))
				: NULL;
	ReleaseSysCache(type);
	return value;
}

bool
ec_lint_has_default(EcWorld *world, const TypeName *name)
{
	return ec_lint_own_type(world, name) == NULL &&
		   default_of_type(world, name) != NULL;
}

bool
ec_lint_has_volatile_default(EcWorld *world, const TypeName *name)
{
	const EcObject *own = ec_lint_own_type(world, name);
	Node *value = own == NULL ? default_of_type(world, name) : NULL;

	if (own != NULL)
		return own->is_volatile;
	return value != NULL && contain_volatile_functions(value);
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

static bool
is_time(Oid type)
{
	return type == TIMEOID || type == TIMETZOID || type == TIMESTAMPOID ||
		   type == TIMESTAMPTZOID;
}

/* Which fields an interval has, and how many digits of a second. */
static bool
is_wider_interval(int32 from, int32 to)
{
	int from_range = from < 0 ? INTERVAL_FULL_RANGE : INTERVAL_RANGE(from);
	int to_range = to < 0 ? INTERVAL_FULL_RANGE : INTERVAL_RANGE(to);
	int from_digits = from < 0 ? INTERVAL_FULL_PRECISION : INTERVAL_PRECISION(from);
	int to_digits = to < 0 ? INTERVAL_FULL_PRECISION : INTERVAL_PRECISION(to);

	if (from_digits == INTERVAL_FULL_PRECISION)
		from_digits = MAX_INTERVAL_PRECISION;
	if (to_digits == INTERVAL_FULL_PRECISION)
		to_digits = MAX_INTERVAL_PRECISION;
	/*
	 * An interval keeps the fields that are larger than its largest declared
	 * field.
	 */
	return (to_range == INTERVAL_FULL_RANGE || to_range == from_range) &&
		   to_digits >= from_digits;
}

/* Does every value of the one type remain the same in the other? */
static bool
is_widening(Oid from, int32 from_typmod, Oid to, int32 to_typmod)
{
	bool has_room;

	from = getBaseTypeAndTypmod(from, &from_typmod);
	if (get_typtype(to) == TYPTYPE_DOMAIN && !DomainHasConstraints(to))
		to = getBaseTypeAndTypmod(to, &to_typmod);
	has_room = to_typmod < 0 || (from_typmod >= 0 && to_typmod >= from_typmod);

	if (type_is_array(from) && type_is_array(to))
		return is_widening(get_element_type(from), from_typmod,
						   get_element_type(to), to_typmod);
	if (is_wider_number(from, from_typmod, to, to_typmod))
		return true;
	if (is_character(from) && is_character(to))
		return has_room &&
			   (to != BPCHAROID || (from == BPCHAROID && to_typmod >= 0));
	if (from == BITOID && to == VARBITOID)
		return has_room;
	if ((from == CIDROID && to == INETOID) || (from == XMLOID && to == TEXTOID))
		return true;
	if (from != to || to == NUMERICOID || to == BITOID)
		return from == to && from_typmod == to_typmod;
	if (to == INTERVALOID)
		return is_wider_interval(from_typmod, to_typmod);
	if (is_time(to))
		return to_typmod < 0 || to_typmod >= MAX_TIMESTAMP_PRECISION || has_room;
	return has_room;
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

/*
 * Returns the USING expression analysed over the column if it consists only of
 * casts of the column, else NULL.  *is_plain: it does the same as a change of
 * the type without USING.
 */
static Node *
cast_chain(EcWorld *world, Node *raw, const EcColumn *column, Oid type,
		   int32 typmod, bool *is_plain)
{
	Node *value;
	Type found;
	Oid target;
	int32 target_typmod;

	if (raw == NULL || IsA(raw, ColumnRef))
	{
		if (raw != NULL)
		{
			List *fields = castNode(ColumnRef, raw)->fields;

			if (!IsA(llast(fields), String) ||
				strcmp(strVal(llast(fields)), column->name) != 0)
				return NULL;
		}
		return (Node *) makeVar(1, column->number, column->type, column->typmod,
								column->collation, 0);
	}
	if (IsA(raw, CollateClause))
		return cast_chain(world, castNode(CollateClause, raw)->arg, column,
						  type, typmod, is_plain);
	if (!IsA(raw, TypeCast))
		return NULL;
	value = cast_chain(world, castNode(TypeCast, raw)->arg, column, type,
					   typmod, is_plain);
	found = ec_lint_find_type(world, castNode(TypeCast, raw)->typeName,
							  &target_typmod);
	if (found == NULL)
		return NULL;
	target = typeTypeId(found);
	ReleaseSysCache(found);
	if (target != type || target_typmod != typmod)
		*is_plain = false;
	if (value == NULL)
		return NULL;
	return coerce_to_target_type(NULL, value, exprType(value), target, target_typmod,
								 COERCION_EXPLICIT, COERCE_EXPLICIT_CAST, -1);
}

static bool
index_is_rebuilt(const EcIndex *index, const EcColumn *column,
				 const EcTypeChange *change)
{
	ListCell *key;
	int i = 0;

	if (bms_is_member(column->number, index->in_expressions))
		return true;
	/* The server does not compare the expressions of an index. */
	if (index->in_expressions != NULL && list_member_int(index->keys, column->number))
		return true;
	foreach (key, index->keys)
	{
		Oid opclass = list_nth_oid(index->opclasses, i);
		Oid collation = list_nth_oid(index->collations, i);

		i++;
		if (lfirst_int(key) != column->number || !OidIsValid(opclass))
			continue;
		if (OidIsValid(collation) && collation == column->collation &&
			change->collation != collation)
			return true;
		if (GetDefaultOpClass(column->type, index->method) == opclass &&
			GetDefaultOpClass(change->type, index->method) != opclass)
			return true;
		if (IsPolymorphicType(get_opclass_input_type(opclass)) &&
			change->type != column->type)
			return true;
	}
	return false;
}

static Oid
new_collation(ColumnDef *definition, Oid type)
{
	if (definition->collClause != NULL)
		return get_collation_oid(definition->collClause->collname, true);
	return get_typcollation(type);
}

static void
find_rebuilds(EcWorld *world, EcRelation *relation, EcColumn *column,
			  EcTypeChange *change)
{
	ListCell *cell;

	ec_load_facts(world, relation);
	foreach (cell, relation->indexes)
	{
		const EcIndex *index = lfirst(cell);

		if (index_is_rebuilt(index, column, change))
			change->rebuilds = true;
	}
	foreach (cell, relation->constraints)
	{
		const EcConstraint *constraint = lfirst(cell);

		if (constraint->type == CONSTRAINT_CHECK && constraint->is_valid &&
			bms_is_member(column->number, constraint->columns))
			change->rechecks = true;
	}
}

EcTypeChange
ec_lint_type_change(EcWorld *world, EcRelation *relation, EcColumn *column,
					ColumnDef *definition)
{
	EcTypeChange change = {0};
	bool is_plain = true;
	Type type = ec_lint_find_type(world, definition->typeName, &change.typmod);
	Node *value;

	change.rewrites = column->generated != EC_GENERATED_VIRTUAL;
	/* a type or a column that the script itself creates */
	if (type == NULL || !OidIsValid(column->type))
	{
		if (type != NULL)
			ReleaseSysCache(type);
		return change;
	}
	change.type = typeTypeId(type);
	ReleaseSysCache(type);
	change.collation = new_collation(definition, change.type);
	value = cast_chain(world, definition->raw_default, column, change.type,
					   change.typmod, &is_plain);
	is_plain &= value != NULL;
	change.is_widening = is_plain && is_widening(column->type, column->typmod,
												 change.type, change.typmod);
	if (value != NULL)
		value = coerce_to_target_type(NULL, value, exprType(value), change.type,
									  change.typmod,
									  definition->raw_default ? COERCION_ASSIGNMENT
															  : COERCION_EXPLICIT,
									  COERCE_IMPLICIT_CAST, -1);
	if (change.rewrites && value != NULL && !calls_user_function(value, NULL))
	{
		assign_expr_collations(NULL, value);
		value = (Node *) expression_planner((Expr *) value);
		change.rewrites = requires_rewrite(value, column->number);
	}
	change.is_nothing = is_plain && change.type == column->type &&
						change.typmod == column->typmod &&
						change.collation == column->collation;
	find_rebuilds(world, relation, column, &change);
	return change;
}

static bool
compare_alike(Oid one, Oid other)
{
	one = getBaseType(one);
	other = getBaseType(other);
	return one == other || (GetDefaultOpClass(one, BTREE_AM_OID) ==
								GetDefaultOpClass(other, BTREE_AM_OID) &&
							OidIsValid(GetDefaultOpClass(one, BTREE_AM_OID)));
}

bool
ec_lint_key_is_kept(const EcConstraint *key, EcRelation *relation,
					EcColumn *column, const EcTypeChange *change)
{
	return !key->is_valid || compare_alike(column->type, change->type);
}

static const char *
obstacle_in(Oid catalog, char kind, bool is_drop)
{
	switch (catalog)
	{
		case RewriteRelationId:
			return "a view or rule";
		case AttrDefaultRelationId:
			return "a generated column";
		case TriggerRelationId:
			return is_drop ? NULL : "a trigger";
		case PolicyRelationId:
			return is_drop ? NULL : "a policy";
		case ProcedureRelationId:
			return "a function's body";
		case ConstraintRelationId:
			return is_drop && kind == CONSTRAINT_FOREIGN
					   ? "another table's foreign key"
					   : NULL;
		default:
			return NULL;
	}
}

char *
ec_lint_obstacle(EcWorld *world, EcRelation *relation, EcColumn *column, bool is_drop)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	const char *found = NULL;
	uint64 rows;

	if (ec_is_new(relation) || column->is_new)
		return NULL;
	if (column->is_inherited)
		return pstrdup("a column that it is inherited from");
	ec_catalog_begin(&scope);
	ec_arg_oid(&args, relation->oid);
	ec_arg_int4(&args, column->number);
	rows =
		ec_query("SELECT d.classid, c.contype::text, r.ev_class"
				 "  FROM pg_depend d"
				 "  LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid"
				 "  LEFT JOIN pg_constraint c ON d.classid = 'pg_constraint'::regclass"
				 "   AND c.oid = d.objid AND c.conrelid <> $1"
				 "  LEFT JOIN pg_attrdef a ON d.classid = 'pg_attrdef'::regclass AND a.oid = d.objid"
				 "  LEFT JOIN pg_attribute g ON g.attrelid = a.adrelid AND g.attnum = a.adnum"
				 " WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = $1"
				 "   AND d.refobjsubid = $2 AND (a.oid IS NULL OR g.attgenerated <> '' AND a.adnum <> $2)"
				 " UNION ALL"
				 " SELECT 'pg_partitioned_table'::regclass, NULL, NULL FROM pg_partitioned_table p"
				 " WHERE p.partrelid = $1 AND $2 = ANY (p.partattrs)",
				 &args);
	for (uint64 row = 0; row < rows && found == NULL; row++)
	{
		EcRelation *view = ec_world_relation(world, ec_get_oid(row, 3));
		char *kind = ec_get_text(row, 2);

		if (view != NULL && view->is_dropped)
			continue;
		found = ec_get_oid(row, 1) == PartitionedRelationId
					? "the partition key"
					: obstacle_in(ec_get_oid(row, 1), kind ? *kind : '\0', is_drop);
	}
	ec_catalog_end(&scope);
	return found ? pstrdup(found) : NULL;
}
