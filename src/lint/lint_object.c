/*
 * lint_object.c
 *		The lint's rules for objects other than tables: functions, types,
 *		domains, triggers, policies, privileges, publications.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_publication.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "parser/parse_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "core/catalog.h"
#include "core/query.h"
#include "lint/lint_object.h"
#include "lint/lint_rules.h"

/* the input argument types of a function, as written in the statement */
static char *
signature_of(List *types)
{
	StringInfoData text;
	ListCell *cell;

	initStringInfo(&text);
	foreach (cell, types)
	{
		appendStringInfo(&text, "%s,", TypeNameToString(lfirst(cell)));
	}
	return text.data;
}

static List *
input_types(List *parameters)
{
	List *types = NIL;
	ListCell *cell;

	foreach (cell, parameters)
	{
		FunctionParameter *parameter = lfirst_node(FunctionParameter, cell);

		if (parameter->mode != FUNC_PARAM_OUT && parameter->mode != FUNC_PARAM_TABLE)
			types = lappend(types, parameter->argType);
	}
	return types;
}

typedef struct MadeKey
{
	char kind;
	char signature[NAMEDATALEN];
	char name[NAMEDATALEN];
} MadeKey;

typedef struct Made
{
	MadeKey key;
	int statement;
} Made;

static Made *
made(HTAB *table, char kind, const char *name, const char *signature,
	 HASHACTION action)
{
	MadeKey key;

	memset(&key, 0, sizeof(key));
	key.kind = kind;
	strlcpy(key.name, name, NAMEDATALEN);
	strlcpy(key.signature, signature, NAMEDATALEN);
	return hash_search(table, &key, action, NULL);
}

/* Views and functions by name, with the last statement that creates them. */
HTAB *
ec_lint_made_later(const EcScript *script)
{
	HASHCTL control = {0};
	HTAB *table;
	ListCell *cell;

	control.keysize = sizeof(MadeKey);
	control.entrysize = sizeof(Made);
	control.hcxt = CurrentMemoryContext;
	table = hash_create("expand_contract lint made", 64, &control,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	foreach (cell, script->statements)
	{
		const EcStatement *statement = lfirst(cell);
		Node *node = statement->node;

		if (IsA(node, ViewStmt))
			made(table, 'v', castNode(ViewStmt, node)->view->relname, "", HASH_ENTER)
				->statement = statement->number;
		else if (IsA(node, CreateTableAsStmt) &&
				 castNode(CreateTableAsStmt, node)->objtype == OBJECT_MATVIEW)
			made(table, 'v', castNode(CreateTableAsStmt, node)->into->rel->relname,
				 "", HASH_ENTER)
				->statement = statement->number;
		else if (IsA(node, CreateFunctionStmt))
		{
			CreateFunctionStmt *function = castNode(CreateFunctionStmt, node);
			const char *name = strVal(llast(function->funcname));

			made(table, 'f', name, "", HASH_ENTER)->statement = statement->number;
			made(table, 'f', name,
				 signature_of(input_types(function->parameters)), HASH_ENTER)
				->statement = statement->number;
		}
	}
	return table;
}

bool
ec_lint_comes_back(EcLint *lint, char kind, const char *name, const char *signature)
{
	Made *found = made(lint->made_later, kind, name, signature, HASH_FIND);

	return found != NULL && found->statement > lint->statement->number;
}

bool
ec_lint_function_comes_back(EcLint *lint, ObjectWithArgs *function)
{
	return ec_lint_comes_back(lint, 'f', strVal(llast(function->objname)),
							  function->args_unspecified
								  ? ""
								  : signature_of(function->objargs));
}

static void
split_name(List *names, char **schema, char **name)
{
	DeconstructQualifiedName(names, schema, name);
}

EcObject *
ec_lint_make_object(EcLint *lint, char kind, List *names)
{
	char *schema;
	char *name;

	split_name(names, &schema, &name);
	return ec_world_create_object(lint->world, kind, schema, name);
}

bool
ec_lint_is_own_object(EcLint *lint, char kind, List *names)
{
	char *schema;
	char *name;

	split_name(names, &schema, &name);
	return ec_world_is_new_object(lint->world, kind, schema, name);
}

static bool
takes(EcLint *lint, FuncCandidateList candidate, List *types)
{
	bool is_same = candidate->nargs == list_length(types);

	for (int i = 0; is_same && i < candidate->nargs; i++)
	{
		int32 typmod;
		Type type = ec_lint_find_type(lint->world, list_nth(types, i), &typmod);

		is_same = type != NULL && typeTypeId(type) == candidate->args[i];
		if (type != NULL)
			ReleaseSysCache(type);
	}
	return is_same;
}

static FuncCandidateList
functions_named(List *names)
{
	if (list_length(names) > 1 &&
		!OidIsValid(LookupExplicitNamespace(strVal(linitial(names)), true)))
		return NULL;
	return FuncnameGetCandidates(names, -1, NIL, false, false, false, true);
}

/* True if functions of this name exist, but none with these arguments. */
static bool
is_overload(EcLint *lint, CreateFunctionStmt *stmt)
{
	List *types = input_types(stmt->parameters);
	FuncCandidateList candidate = functions_named(stmt->funcname);
	bool found = candidate != NULL;

	for (; candidate != NULL; candidate = candidate->next)
	{
		if (takes(lint, candidate, types))
			return false;
	}
	return found;
}

Oid
ec_lint_find_function(EcLint *lint, ObjectWithArgs *function)
{
	FuncCandidateList candidate = functions_named(function->objname);

	if (function->args_unspecified)
		return candidate != NULL && candidate->next == NULL ? candidate->oid
															: InvalidOid;
	for (; candidate != NULL; candidate = candidate->next)
	{
		if (takes(lint, candidate, function->objargs))
			return candidate->oid;
	}
	return InvalidOid;
}

static void
lint_function(EcLint *lint, CreateFunctionStmt *stmt)
{
	if (!ec_lint_is_own_object(lint, 'f', stmt->funcname) &&
		!ec_lint_is_own_object(lint, 'd', stmt->funcname) &&
		is_overload(lint, stmt))
		(void) ec_lint_add(lint, "overload_function", NULL);
	ec_lint_make_object(lint, 'f', stmt->funcname)->is_volatile =
		ec_lint_creates_volatile(lint->world, stmt);
}

/* Later statements see the function as it is now. */
static void
lint_alter_function(EcLint *lint, AlterFunctionStmt *stmt)
{
	ListCell *cell;

	foreach (cell, stmt->actions)
	{
		DefElem *action = lfirst_node(DefElem, cell);

		if (strcmp(action->defname, "volatility") == 0)
			ec_lint_make_object(lint, 'f', stmt->func->objname)->is_volatile =
				strcmp(strVal(action->arg), "volatile") == 0;
	}
}

static void
lint_create_domain(EcLint *lint, CreateDomainStmt *stmt)
{
	EcObject *domain = ec_lint_make_object(lint, 't', stmt->domainname);
	ListCell *cell;

	foreach (cell, stmt->constraints)
	{
		const Constraint *constraint = lfirst_node(Constraint, cell);

		if (constraint->contype == CONSTR_CHECK ||
			constraint->contype == CONSTR_NOTNULL)
			domain->is_constrained = true;
		else if (constraint->contype == CONSTR_DEFAULT)
			domain->is_volatile =
				ec_lint_is_volatile(lint->world, constraint->raw_expr);
	}
}

/* A domain of the script; columns have been given it only since. */
static void
lint_own_domain(EcLint *lint, EcObject *domain, AlterDomainStmt *stmt)
{
	bool is_checked = stmt->subtype == 'O' || stmt->subtype == 'V' ||
					  (stmt->subtype == 'C' && IsA(stmt->def, Constraint) &&
					   !castNode(Constraint, stmt->def)->skip_validation);
	ListCell *cell;

	domain->is_constrained |= stmt->subtype == 'O' || stmt->subtype == 'C';
	if (!is_checked)
		return;
	foreach (cell, ec_world_relations_with(lint->world, domain))
	{
		ec_lint_explain(ec_lint_stop(lint, "add_check", list_make1(lfirst(cell)),
									 ShareLock, false, true),
						"; it has a column of the domain");
	}
}

/*
 * Returns the relations whose OIDs a query yields, except those that the
 * script drops.
 */
static List *
relations_of(EcLint *lint, const char *sql, Oid object, int number)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	List *oids = NIL;
	List *relations = NIL;
	MemoryContext caller = CurrentMemoryContext;
	ListCell *cell;
	uint64 rows;

	ec_catalog_begin(&scope);
	ec_arg_oid(&args, object);
	ec_arg_int4(&args, number);
	rows = ec_query(sql, &args);
	for (uint64 row = 0; row < rows; row++)
	{
		MemoryContext old = MemoryContextSwitchTo(caller);

		oids = lappend_oid(oids, ec_get_oid(row, 1));
		MemoryContextSwitchTo(old);
	}
	ec_catalog_end(&scope);
	foreach (cell, oids)
	{
		EcRelation *relation = ec_world_relation(lint->world, lfirst_oid(cell));

		if (relation != NULL && !relation->is_dropped)
			relations = lappend(relations, relation);
	}
	return relations;
}

/* Includes domains over the type. */
List *
ec_lint_tables_of_type(EcLint *lint, Oid type, bool as_a_whole)
{
	return relations_of(lint,
						"WITH RECURSIVE t (oid) AS (SELECT $1 UNION"
						"  SELECT d.objid FROM t JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid = t.oid"
						"   AND d.classid = 'pg_type'::regclass JOIN pg_type y ON y.oid = d.objid AND y.typtype = 'd' WHERE $2 = 0)"
						" SELECT DISTINCT c.oid FROM t JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid = t.oid"
						"   AND d.classid = 'pg_class'::regclass AND (d.objsubid = 0) = ($2 = 1)"
						"  JOIN pg_class c ON c.oid = d.objid AND c.relkind IN ('r', 'm')"
						" WHERE $2 = 0 OR c.reloftype = $1"
						" ORDER BY 1",
						type, as_a_whole ? 1 : 0);
}

List *
ec_lint_views_on(EcLint *lint, EcRelation *relation, int column)
{
	if (ec_is_new(relation))
		return NIL;
	return relations_of(lint,
						"WITH RECURSIVE v (oid) AS ("
						"  SELECT r.ev_class FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid"
						"   WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass"
						"     AND d.refobjid = $1 AND $2 IN (0, d.refobjsubid) AND r.ev_class <> $1"
						"  UNION"
						"  SELECT r.ev_class FROM v JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass"
						"     AND d.refclassid = 'pg_class'::regclass AND d.refobjid = v.oid"
						"   JOIN pg_rewrite r ON r.oid = d.objid)"
						" SELECT oid FROM v ORDER BY 1",
						relation->oid, column);
}

/* True if functions take or return rows of the table. */
bool
ec_lint_is_row_type_used(EcRelation *relation)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	bool found;

	if (ec_is_new(relation))
		return false;
	ec_catalog_begin(&scope);
	ec_arg_oid(&args, relation->oid);
	found = ec_query("SELECT FROM pg_class c JOIN pg_type t ON t.oid = c.reltype"
					 "  JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass"
					 "   AND d.refobjid IN (t.oid, t.typarray) AND d.classid = 'pg_proc'::regclass"
					 " WHERE c.oid = $1 LIMIT 1",
					 &args) > 0;
	ec_catalog_end(&scope);
	return found;
}

bool
ec_lint_is_published(EcRelation *relation)
{
	return !ec_is_new(relation) &&
		   relation->persistence == RELPERSISTENCE_PERMANENT &&
		   (GetRelationPublications(relation->oid) != NIL ||
			GetSchemaPublications(get_rel_namespace(relation->oid)) != NIL ||
			GetAllTablesPublications() != NIL);
}

/* Returns the first few dependent objects, for a DETAIL; NULL: none. */
char *
ec_lint_dependents(Oid relation)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	char *names;

	ec_catalog_begin(&scope);
	ec_arg_oid(&args, relation);
	(void) ec_query("SELECT string_agg(name, ', ' ORDER BY name) FROM (SELECT DISTINCT"
					"   coalesce(r.ev_class::regclass::text, pg_describe_object(d.classid, d.objid, 0)) AS name"
					"  FROM pg_depend d LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid"
					" WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = $1 AND d.deptype = 'n'"
					" LIMIT 5) x",
					&args);
	names = ec_get_text(0, 1);
	ec_catalog_end(&scope);
	return names;
}

static void
lint_domain(EcLint *lint, AlterDomainStmt *stmt)
{
	TypeName *name = makeTypeNameFromNameList(stmt->typeName);
	EcObject *own = ec_lint_own_type(lint->world, name);
	Type type = ec_lint_find_type(lint->world, name, NULL);
	const char *rule;
	LOCKMODE lock = ShareLock;
	List *tables;
	Oid oid;
	ListCell *cell;

	if (own != NULL)
		lint_own_domain(lint, own, stmt);
	if (type == NULL)
		return;
	oid = typeTypeId(type);
	ReleaseSysCache(type);
	switch (stmt->subtype)
	{
		case 'O': /* SET NOT NULL */
			rule = "set_not_null";
			break;
		case 'C': /* ADD CONSTRAINT */
			if (!IsA(stmt->def, Constraint))
				return;
			if (castNode(Constraint, stmt->def)->skip_validation)
			{
				(void) ec_lint_add(lint, "restrict_writes", NULL);
				return;
			}
			rule = castNode(Constraint, stmt->def)->contype == CONSTR_NOTNULL
					   ? "set_not_null"
					   : "add_check";
			break;
		case 'V': /* VALIDATE CONSTRAINT */
			rule = "validate_constraint";
			break;
		default:
			return;
	}
	tables = ec_lint_tables_of_type(lint, oid, false);
	/* If no table uses the domain, only its name may be in use. */
	foreach (cell, tables)
	{
		EcRelation *table = lfirst(cell);
		EcFinding *finding;

		if (lock < ShareLock)
		{
			ec_lint_effect(lint, table, lock, false, true);
			continue;
		}
		finding = ec_lint_stop(lint, rule, list_make1(table), lock, false, true);
		ec_lint_explain(finding, stmt->subtype == 'C'
									 ? "; it has a column of the domain, and with NOT VALID only new values are checked"
									 : "; it has a column of the domain");
	}
}

static void
lint_trigger(EcLint *lint, CreateTrigStmt *stmt)
{
	EcRelation *relation = ec_world_find(lint->world, stmt->relation);

	if (relation == NULL)
	{
		(void) ec_lint_add_missing(lint, "create_trigger",
								   ShareRowExclusiveLock, false, false);
		return;
	}
	ec_lint_effects(lint,
					stmt->row && relation->kind == RELKIND_PARTITIONED_TABLE
						? ec_world_family(lint->world, relation)
						: list_make1(relation),
					ShareRowExclusiveLock, false, false);
	if (stmt->constrrel != NULL)
		ec_lint_effect(lint, ec_world_find(lint->world, stmt->constrrel),
					   ShareRowExclusiveLock, false, false);
	/* With OR REPLACE it may already have existed. */
	if (!stmt->replace)
		ec_lint_add(lint, "create_trigger", relation)->lock = ShareRowExclusiveLock;
}

/* Returns the tables that the statement names (EcRelation). */
static List *
published_tables(EcLint *lint, List *objects)
{
	List *relations = NIL;
	ListCell *cell;

	foreach (cell, objects)
	{
		PublicationObjSpec *object = lfirst_node(PublicationObjSpec, cell);
		EcRelation *relation =
			object->pubtable
				? ec_world_find(lint->world, object->pubtable->relation)
				: NULL;

		if (relation == NULL)
			continue;
		ec_lint_effects(lint, ec_world_family(lint->world, relation),
						ShareUpdateExclusiveLock, false, false);
		relations = lappend(relations, relation);
	}
	return relations;
}

static void
lint_publication(EcLint *lint, AlterPublicationStmt *stmt)
{
	ListCell *cell;
	bool found = false;
	Oid publication = get_publication_oid(stmt->pubname, true);

	/* SET takes out all the others. */
	if (stmt->action == AP_SetObjects && OidIsValid(publication))
		ec_lint_effects(lint,
						relations_of(lint,
									 "SELECT prrelid FROM pg_publication_rel"
									 " WHERE prpubid = $1 AND $2 = 0",
									 publication, 0),
						ShareUpdateExclusiveLock, false, false);
	foreach (cell, published_tables(lint, stmt->pubobjects))
	{
		found = true;
		(void) ec_lint_add(lint, "publication", lfirst(cell));
	}
	if (!found)
		(void) ec_lint_add(lint, "publication", NULL);
}

static void
lint_revoke(EcLint *lint, GrantStmt *stmt)
{
	ListCell *cell;

	if (stmt->is_grant)
		return;
	if (stmt->objtype != OBJECT_TABLE || stmt->targtype != ACL_TARGET_OBJECT)
	{
		(void) ec_lint_add(lint, "revoke", NULL);
		return;
	}
	foreach (cell, stmt->objects)
	{
		EcRelation *relation = ec_world_find(lint->world, lfirst(cell));

		(void) ec_lint_add(lint, "revoke", relation);
	}
}

static void
lock_only(EcLint *lint, const RangeVar *name, LOCKMODE lock)
{
	ec_lint_effect(lint, ec_world_find(lint->world, name), lock, false, false);
}

/* Returns false for all other statements. */
bool
ec_lint_object(EcLint *lint, Node *node)
{
	switch (nodeTag(node))
	{
		case T_CreateFunctionStmt:
			lint_function(lint, castNode(CreateFunctionStmt, node));
			return true;
		case T_AlterFunctionStmt:
			lint_alter_function(lint, castNode(AlterFunctionStmt, node));
			return true;
		case T_AlterDomainStmt:
			lint_domain(lint, castNode(AlterDomainStmt, node));
			return true;
		case T_CreateTrigStmt:
			lint_trigger(lint, castNode(CreateTrigStmt, node));
			return true;
		case T_CreatePublicationStmt:
			(void) published_tables(lint,
									castNode(CreatePublicationStmt, node)->pubobjects);
			return true;
		case T_AlterPublicationStmt:
			lint_publication(lint, castNode(AlterPublicationStmt, node));
			return true;
		case T_GrantStmt:
			lint_revoke(lint, castNode(GrantStmt, node));
			return true;
		case T_RuleStmt:
			lock_only(lint, castNode(RuleStmt, node)->relation, AccessExclusiveLock);
			return true;
		case T_CreatePolicyStmt:
			lock_only(lint, castNode(CreatePolicyStmt, node)->table,
					  AccessExclusiveLock);
			return true;
		case T_AlterPolicyStmt:
			lock_only(lint, castNode(AlterPolicyStmt, node)->table,
					  AccessExclusiveLock);
			return true;
		case T_CreateEnumStmt:
			ec_lint_make_object(lint, 't', castNode(CreateEnumStmt, node)->typeName);
			return true;
		case T_CreateRangeStmt:
			ec_lint_make_object(lint, 't',
								castNode(CreateRangeStmt, node)->typeName);
			return true;
		case T_CreateDomainStmt:
			lint_create_domain(lint, castNode(CreateDomainStmt, node));
			return true;
		case T_DefineStmt:
			ec_lint_make_object(lint,
								castNode(DefineStmt, node)->kind == OBJECT_TYPE
									? 't'
									: 'f',
								castNode(DefineStmt, node)->defnames);
			return true;
		case T_CompositeTypeStmt:
			(void) ec_world_create(lint->world,
								   castNode(CompositeTypeStmt, node)->typevar,
								   RELKIND_COMPOSITE_TYPE);
			ec_world_create_object(lint->world, 't', NULL,
								   castNode(CompositeTypeStmt, node)->typevar->relname);
			return true;
		case T_CommentStmt:
		{
			CommentStmt *stmt = castNode(CommentStmt, node);

			if (stmt->objtype == OBJECT_TABLE || stmt->objtype == OBJECT_VIEW ||
				stmt->objtype == OBJECT_MATVIEW ||
				stmt->objtype == OBJECT_FOREIGN_TABLE)
				lock_only(lint, makeRangeVarFromNameList((List *) stmt->object),
						  ShareUpdateExclusiveLock);
			return true;
		}
		case T_CreateStatsStmt:
			if (castNode(CreateStatsStmt, node)->relations != NIL &&
				IsA(linitial(castNode(CreateStatsStmt, node)->relations), RangeVar))
				lock_only(lint,
						  linitial(castNode(CreateStatsStmt, node)->relations),
						  ShareUpdateExclusiveLock);
			return true;
		default:
			return false;
	}
}
