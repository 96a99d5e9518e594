/*
 * lint.c
 *		What breaks code that still runs, loses data or holds others up.
 *
 * While a schema expands, code that knows only its old form is still running;
 * so nothing that such code may name can go away, change its name, or take
 * less than before.  And while it runs, nobody may wait for long.  A table
 * that the script itself creates is nobody's yet.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "expand_contract.h"
#include "migrate/lint.h"
#include "migrate/lint_rules.h"

/* What a rule is about decides whether ec_apply refuses to break it. */
typedef enum LintKind
{
	LINT_REMOVAL, /* the old schema goes: in phase "contract" */
	LINT_REFUSED, /* there is a safe way */
	LINT_WARNING  /* there is a better way */
} LintKind;

typedef struct LintRule
{
	const char *name;
	LintKind kind;
	const char *effect; /* what follows the statement's name */
} LintRule;

static const LintRule rules[] = {
	{"drop_column", LINT_REMOVAL, "breaks code that still uses the column"},
	{"drop_table", LINT_REMOVAL, "breaks code that still uses the table"},
	{"drop_view", LINT_REMOVAL, "breaks code that still uses the view"},
	{"drop_sequence", LINT_REMOVAL, "breaks code that still uses the sequence"},
	{"drop_function", LINT_REMOVAL, "breaks code that still calls the function"},
	{"drop_type", LINT_REMOVAL, "breaks code that still uses the type"},
	{"drop_schema", LINT_REMOVAL, "breaks code that still uses the schema"},
	{"drop_extension", LINT_REMOVAL, "breaks code that still uses the extension"},
	{"drop_owned", LINT_REMOVAL,
	 "breaks code that still uses anything that the role owns"},
	{"rename_column", LINT_REMOVAL, "breaks code that still uses the old name"},
	{"rename_table", LINT_REMOVAL, "breaks code that still uses the old name"},
	{"rename_function", LINT_REMOVAL, "breaks code that still uses the old name"},
	{"rename_type", LINT_REMOVAL, "breaks code that still uses the old name"},
	{"rename_schema", LINT_REMOVAL, "breaks code that still uses the old name"},
	{"rename_value", LINT_REMOVAL, "breaks code that still uses the old label"},
	{"truncate", LINT_REMOVAL, "breaks code that still needs the rows"},
	{"change_type", LINT_REFUSED,
	 "loses values that the new type cannot hold, or breaks code that expects the old one"},
	{"set_not_null", LINT_REFUSED,
	 "breaks code that still writes NULL, and nothing proves that there is none"},
	{"add_not_null", LINT_REFUSED,
	 "breaks code that inserts rows without the column, and fails if there are rows"},
	{"create_index", LINT_REFUSED,
	 "keeps everyone from writing to the table until the index is built"},
	{"rewrite_table", LINT_WARNING,
	 "rewrites the table while nobody can read or write it"},
	{"rescan_table", LINT_WARNING,
	 "rebuilds the indexes or checks the constraints "
	 "that use the column, while nobody can read or "
	 "write the table"},
	{"add_check", LINT_WARNING,
	 "reads the whole table while nobody else can read or write it"},
	{"add_foreign_key", LINT_WARNING,
	 "reads the whole table while nobody can write to either table"},
	{"add_unique", LINT_WARNING,
	 "builds an index while nobody can read or write the table"},
	{"add_exclusion", LINT_WARNING,
	 "builds an index while nobody can read or write the table"},
	{"validate_constraint", LINT_WARNING,
	 "reads the whole table under the lock that adding the constraint has taken"},
	{"attach_partition", LINT_WARNING,
	 "reads the partition, and the default one, unless a CHECK proves its bound"},
	{"detach_partition", LINT_WARNING,
	 "waits for every query on the partitioned table, and all others wait behind it"},
	{"drop_index", LINT_WARNING,
	 "waits for every query on the table, and all others wait behind it"},
	{"reindex", LINT_WARNING,
	 "keeps everyone from writing to the table until the index is built"},
	{"refresh", LINT_WARNING,
	 "keeps everyone from reading the view until it is filled again"},
	{"update_all", LINT_WARNING,
	 "locks and writes every row in one transaction, and doubles the table"},
};

void
ec_lint_check_phase(const char *phase)
{
	if (strcmp(phase, EC_PHASE_EXPAND) != 0 && strcmp(phase, EC_PHASE_CONTRACT) != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("unknown phase \"%s\" of a migration", phase),
						errhint("The phases are \"%s\" and \"%s\".",
								EC_PHASE_EXPAND, EC_PHASE_CONTRACT)));
}

static const LintRule *
find_rule(const char *name)
{
	for (int i = 0; i < lengthof(rules); i++)
	{
		if (strcmp(rules[i].name, name) == 0)
			return &rules[i];
	}
	return NULL;
}

void
ec_lint_check_rules(List *names)
{
	StringInfoData known;
	ListCell *cell;

	initStringInfo(&known);
	for (int i = 0; i < lengthof(rules); i++)
		appendStringInfo(&known, "%s%s", i > 0 ? ", " : "", rules[i].name);
	foreach (cell, names)
	{
		if (find_rule(lfirst(cell)) == NULL)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("unknown rule \"%s\" in \"allow\"",
								   (char *) lfirst(cell)),
							errhint("The rules are %s.", known.data)));
	}
	pfree(known.data);
}

char *
ec_lint_name(const RangeVar *relation)
{
	return quote_qualified_identifier(relation->schemaname, relation->relname);
}

/*
 * Not RangeVarGetRelid: the script may create the schema, or become a role that
 * may use it, so neither is an error here.
 */
Oid
ec_lint_find_relation(const RangeVar *relation)
{
	Oid schema;

	if (relation->schemaname == NULL)
		return RelnameGetRelid(relation->relname);
	schema = LookupNamespaceNoError(relation->schemaname);
	return OidIsValid(schema) ? get_relname_relid(relation->relname, schema)
							  : InvalidOid;
}

EcFinding *
ec_lint_add(EcLint *lint, const char *name, const RangeVar *relation)
{
	const LintRule *rule = find_rule(name);
	EcFinding *finding = palloc0(sizeof(EcFinding));

	finding->statement = lint->statement;
	(void) ec_statement_kind(lint->statement->node, &finding->command);
	finding->rule = rule->name;
	finding->relation = relation ? ec_lint_find_relation(relation) : InvalidOid;
	finding->detail = psprintf("%s %s", finding->command, rule->effect);
	finding->is_removal = rule->kind == LINT_REMOVAL;
	finding->severity =
		rule->kind == LINT_WARNING ? EC_SEVERITY_WARNING : EC_SEVERITY_ERROR;
	if (rule->kind == LINT_WARNING && OidIsValid(finding->relation) &&
		ec_lint_is_small(finding->relation))
		finding->severity = EC_SEVERITY_NOTICE;
	lint->findings = lappend(lint->findings, finding);
	return finding;
}

/* A rename of what is left out here breaks no statement of an application. */
static const char *
rename_rule(ObjectType type)
{
	switch (type)
	{
		case OBJECT_COLUMN:
		case OBJECT_ATTRIBUTE:
			return "rename_column";
		case OBJECT_TABLE:
		case OBJECT_FOREIGN_TABLE:
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
		case OBJECT_SEQUENCE:
			return "rename_table";
		case OBJECT_FUNCTION:
		case OBJECT_PROCEDURE:
		case OBJECT_ROUTINE:
		case OBJECT_AGGREGATE:
			return "rename_function";
		case OBJECT_TYPE:
		case OBJECT_DOMAIN:
			return "rename_type";
		case OBJECT_SCHEMA:
			return "rename_schema";
		default:
			return NULL;
	}
}

static const char *
drop_rule(ObjectType type)
{
	switch (type)
	{
		case OBJECT_TABLE:
		case OBJECT_FOREIGN_TABLE:
			return "drop_table";
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
			return "drop_view";
		case OBJECT_SEQUENCE:
			return "drop_sequence";
		case OBJECT_FUNCTION:
		case OBJECT_PROCEDURE:
		case OBJECT_ROUTINE:
		case OBJECT_AGGREGATE:
			return "drop_function";
		case OBJECT_TYPE:
		case OBJECT_DOMAIN:
			return "drop_type";
		case OBJECT_SCHEMA:
			return "drop_schema";
		case OBJECT_EXTENSION:
			return "drop_extension";
		default:
			return NULL;
	}
}

bool
ec_lint_is_new(const EcLint *lint, const RangeVar *relation)
{
	ListCell *cell;

	foreach (cell, lint->script->statements)
	{
		const EcStatement *statement = lfirst(cell);
		const RangeVar *created;

		if (statement == lint->statement)
			break;
		if (IsA(statement->node, CreateStmt) &&
			!castNode(CreateStmt, statement->node)->if_not_exists)
			created = castNode(CreateStmt, statement->node)->relation;
		else if (IsA(statement->node, CreateTableAsStmt) &&
				 !castNode(CreateTableAsStmt, statement->node)->if_not_exists)
			created = castNode(CreateTableAsStmt, statement->node)->into->rel;
		else
			continue;
		if (strcmp(created->relname, relation->relname) == 0 &&
			(created->schemaname == NULL) == (relation->schemaname == NULL) &&
			(created->schemaname == NULL ||
			 strcmp(created->schemaname, relation->schemaname) == 0))
			return true;
	}
	return false;
}

static void
lint_drop(EcLint *lint, DropStmt *stmt)
{
	const char *rule = drop_rule(stmt->removeType);
	ListCell *cell;

	if (stmt->removeType == OBJECT_INDEX && !stmt->concurrent)
		foreach (cell, stmt->objects)
		{
			RangeVar *index = makeRangeVarFromNameList(lfirst(cell));
			EcFinding *finding = ec_lint_add(lint, "drop_index", index);

			finding->lock = AccessExclusiveLock;
			finding->recipe =
				psprintf("DROP INDEX CONCURRENTLY %s;", ec_lint_name(index));
		}
	if (rule == NULL)
		return;
	switch (stmt->removeType)
	{
		case OBJECT_TABLE:
		case OBJECT_FOREIGN_TABLE:
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
		case OBJECT_SEQUENCE:
			break;
		default:
			(void) ec_lint_add(lint, rule, NULL);
			return;
	}
	foreach (cell, stmt->objects)
	{
		RangeVar *relation = makeRangeVarFromNameList(lfirst(cell));

		if (!ec_lint_is_new(lint, relation))
			ec_lint_add(lint, rule, relation)->lock = AccessExclusiveLock;
	}
}

static void
lint_rename(EcLint *lint, ObjectType type, const RangeVar *relation)
{
	const char *rule = rename_rule(type);
	EcFinding *finding;

	if (rule == NULL || (relation != NULL && ec_lint_is_new(lint, relation)))
		return;
	finding = ec_lint_add(lint, rule, relation);
	if (relation != NULL)
		finding->lock = AccessExclusiveLock;
}

static void
lint_truncate(EcLint *lint, TruncateStmt *stmt)
{
	ListCell *cell;

	foreach (cell, stmt->relations)
	{
		RangeVar *relation = lfirst_node(RangeVar, cell);

		if (!ec_lint_is_new(lint, relation))
			ec_lint_add(lint, "truncate", relation)->lock = AccessExclusiveLock;
	}
}

/* The statement itself, with CONCURRENTLY after the word INDEX. */
static char *
concurrent_index(const char *text)
{
	const char *word;

	for (word = text; *word; word++)
	{
		if (pg_strncasecmp(word, "INDEX", 5) == 0)
			return psprintf("%.*s CONCURRENTLY%s;", (int) (word + 5 - text),
							text, word + 5);
	}
	return NULL;
}

static void
lint_index(EcLint *lint, IndexStmt *stmt)
{
	EcFinding *finding;

	if (stmt->concurrent || ec_lint_is_new(lint, stmt->relation))
		return;
	finding = ec_lint_add(lint, "create_index", stmt->relation);
	finding->lock = ShareLock;
	finding->scans = true;
	finding->recipe = concurrent_index(lint->statement->text);
	if (!OidIsValid(finding->relation))
		finding->severity = EC_SEVERITY_WARNING;
	else if (ec_lint_is_small(finding->relation))
		finding->severity = EC_SEVERITY_NOTICE;
}

static bool
is_set(List *options, const char *name)
{
	ListCell *cell;

	foreach (cell, options)
	{
		DefElem *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, name) == 0 && defGetBoolean(option))
			return true;
	}
	return false;
}

static void
lint_rewriting(EcLint *lint, const RangeVar *relation, const char *recipe)
{
	EcFinding *finding;

	if (relation != NULL && ec_lint_is_new(lint, relation))
		return;
	finding = ec_lint_add(lint, "rewrite_table", relation);
	finding->lock = AccessExclusiveLock;
	finding->rewrites = true;
	finding->scans = true;
	finding->recipe = pstrdup(recipe);
}

static void
lint_vacuum(EcLint *lint, VacuumStmt *stmt)
{
	ListCell *cell;

	if (!stmt->is_vacuumcmd || !is_set(stmt->options, "full"))
		return;
	if (stmt->rels == NIL)
		lint_rewriting(lint, NULL, "VACUUM;");
	foreach (cell, stmt->rels)
	{
		RangeVar *relation = lfirst_node(VacuumRelation, cell)->relation;

		lint_rewriting(lint, relation,
					   psprintf("VACUUM %s;", ec_lint_name(relation)));
	}
}

static void
lint_reindex(EcLint *lint, ReindexStmt *stmt)
{
	EcFinding *finding;

	if (is_set(stmt->params, "concurrently"))
		return;
	finding = ec_lint_add(lint, "reindex", stmt->relation);
	finding->lock =
		stmt->kind == REINDEX_OBJECT_INDEX ? AccessExclusiveLock : ShareLock;
	finding->scans = true;
	if (stmt->relation != NULL)
		finding->recipe =
			psprintf("REINDEX %s CONCURRENTLY %s;",
					 stmt->kind == REINDEX_OBJECT_INDEX ? "INDEX" : "TABLE",
					 ec_lint_name(stmt->relation));
}

static void
lint_refresh(EcLint *lint, RefreshMatViewStmt *stmt)
{
	EcFinding *finding;

	if (stmt->concurrent || ec_lint_is_new(lint, stmt->relation))
		return;
	finding = ec_lint_add(lint, "refresh", stmt->relation);
	finding->lock = AccessExclusiveLock;
	finding->rewrites = true;
	finding->recipe = psprintf("-- needs a unique index on columns of the view\n"
							   "REFRESH MATERIALIZED VIEW CONCURRENTLY %s;",
							   ec_lint_name(stmt->relation));
}

static void
lint_update(EcLint *lint, UpdateStmt *stmt)
{
	EcFinding *finding;

	if (stmt->whereClause != NULL || stmt->fromClause != NIL ||
		ec_lint_is_new(lint, stmt->relation))
		return;
	finding = ec_lint_add(lint, "update_all", stmt->relation);
	finding->lock = RowExclusiveLock;
	finding->scans = true;
	finding->recipe = psprintf("SELECT ec_backfill(%s, '...', predicate => '...');",
							   quote_literal_cstr(ec_lint_name(stmt->relation)));
}

static void
lint_domain(EcLint *lint, AlterDomainStmt *stmt)
{
	EcFinding *finding;

	/* O: SET NOT NULL, C: ADD CONSTRAINT */
	if (stmt->subtype == 'O')
		finding = ec_lint_add(lint, "set_not_null", NULL);
	else if (stmt->subtype == 'C' && IsA(stmt->def, Constraint) &&
			 !castNode(Constraint, stmt->def)->skip_validation)
	{
		finding = ec_lint_add(lint, "add_check", NULL);
		finding->recipe = pstrdup("-- add it NOT VALID, and in a migration of its own:\n"
								  "ALTER DOMAIN ... VALIDATE CONSTRAINT ...;");
	}
	else
		return;
	/* of every table that has such a column */
	finding->lock = ShareLock;
	finding->scans = true;
}

static void
lint_statement(EcLint *lint)
{
	Node *node = lint->statement->node;

	switch (nodeTag(node))
	{
		case T_DropStmt:
			lint_drop(lint, castNode(DropStmt, node));
			break;
		case T_DropOwnedStmt:
			(void) ec_lint_add(lint, "drop_owned", NULL);
			break;
		case T_RenameStmt:
			lint_rename(lint, castNode(RenameStmt, node)->renameType,
						castNode(RenameStmt, node)->relation);
			break;
		case T_AlterObjectSchemaStmt:
			lint_rename(lint, castNode(AlterObjectSchemaStmt, node)->objectType,
						castNode(AlterObjectSchemaStmt, node)->relation);
			break;
		case T_AlterEnumStmt:
			if (castNode(AlterEnumStmt, node)->oldVal != NULL)
				(void) ec_lint_add(lint, "rename_value", NULL);
			break;
		case T_TruncateStmt:
			lint_truncate(lint, castNode(TruncateStmt, node));
			break;
		case T_AlterTableStmt:
			if (!ec_lint_is_new(lint, castNode(AlterTableStmt, node)->relation))
				ec_lint_alter_table(lint, castNode(AlterTableStmt, node));
			break;
		case T_IndexStmt:
			lint_index(lint, castNode(IndexStmt, node));
			break;
		case T_ReindexStmt:
			lint_reindex(lint, castNode(ReindexStmt, node));
			break;
		case T_VacuumStmt:
			lint_vacuum(lint, castNode(VacuumStmt, node));
			break;
		case T_ClusterStmt:
			lint_rewriting(lint, castNode(ClusterStmt, node)->relation,
						   "-- there is no way to order a table that others use");
			break;
		case T_RefreshMatViewStmt:
			lint_refresh(lint, castNode(RefreshMatViewStmt, node));
			break;
		case T_UpdateStmt:
			lint_update(lint, castNode(UpdateStmt, node));
			break;
		case T_AlterDomainStmt:
			lint_domain(lint, castNode(AlterDomainStmt, node));
			break;
		default:
			break;
	}
}

List *
ec_lint_script(const EcScript *script)
{
	EcLint lint = {script, NULL, NIL};
	ListCell *cell;

	foreach (cell, script->statements)
	{
		lint.statement = lfirst(cell);
		lint_statement(&lint);
	}
	return lint.findings;
}

static bool
is_allowed(const char *rule, List *allow)
{
	ListCell *cell;

	foreach (cell, allow)
	{
		if (strcmp(lfirst(cell), rule) == 0)
			return true;
	}
	return false;
}

void
ec_lint_require_safe(const EcScript *script, const char *phase, List *allow)
{
	ListCell *cell;

	if (strcmp(phase, EC_PHASE_CONTRACT) == 0)
		return;
	foreach (cell, ec_lint_script(script))
	{
		const EcFinding *finding = lfirst(cell);

		if (finding->severity < EC_SEVERITY_ERROR ||
			is_allowed(finding->rule, allow))
			continue;
		ereport(ERROR,
				(errcode(EC_ERRCODE_UNSAFE),
				 errmsg("%s is not safe in phase \"%s\": %s", script->what,
						phase, finding->rule),
				 errdetail("%s: %s.", ec_statement_place(finding->statement),
						   finding->detail),
				 finding->is_removal || finding->recipe == NULL
					 ? errhint("Apply it with phase => '%s' once no code needs it, or with "
							   "allow => '{%s}' if nothing does.",
							   EC_PHASE_CONTRACT, finding->rule)
					 : errhint("Do it safely:\n%s\nOr apply it as it is with allow "
							   "=> '{%s}'.",
							   finding->recipe, finding->rule)));
	}
}
