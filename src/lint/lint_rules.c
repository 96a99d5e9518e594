/*
 * lint_rules.c
 *		The rules by name, and functions for the files that apply them.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "lint/lint_rules.h"

/*
 * The kind of a rule decides whether ec_apply rejects a statement that breaks
 * it.
 */
typedef enum LintKind
{
	LINT_REMOVAL, /* removes old schema: allowed in phase "contract" */
	LINT_REFUSED, /* rejected, because there is a safe way */
	LINT_WARNING  /* allowed, but there is a better way */
} LintKind;

typedef struct LintRule
{
	const char *name;
	LintKind kind;
	const char *effect; /* follows the statement's name in the message */
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
 * RangeVarGetRelid is not used, because it raises an error for a schema that
 * does not exist or may not be used.  The script may create the schema, or set
 * a role that may use it.
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
	(void) ec_statement_kind(lint->statement, &finding->command);
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
