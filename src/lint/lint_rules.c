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
	LINT_REFUSED, /* there is a safe or another way */
	LINT_LONG,    /* the same, but harmless if the table is small */
	LINT_WAITS,   /* blocks others, unless the table is small */
	LINT_WARNING, /* changes what running code may depend on */
	LINT_ADVICE   /* style */
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
	{"set_not_null", LINT_LONG,
	 "breaks code that still writes NULL, and nothing proves that there is none"},
	{"add_not_null", LINT_REFUSED,
	 "breaks code that inserts rows without the column, and fails if there are rows"},
	{"create_index", LINT_LONG,
	 "keeps everyone from writing to the table until the index is built"},
	{"rewrite_table", LINT_LONG,
	 "rewrites the table while nobody can read or write it"},
	{"not_in_script", LINT_REFUSED, "is not allowed in a migration"},
	{"rescan_table", LINT_WAITS,
	 "rebuilds the indexes or checks the constraints that use the column, while nobody can read or write the table"},
	{"add_check", LINT_WAITS,
	 "reads the whole table while nobody else can read or write it"},
	{"add_foreign_key", LINT_WAITS,
	 "reads the whole table while nobody can write to either table"},
	{"add_unique", LINT_WAITS,
	 "builds an index while nobody can read or write the table"},
	{"add_exclusion", LINT_WAITS,
	 "builds an index while nobody can read or write the table"},
	{"validate_constraint", LINT_WAITS,
	 "reads the whole table under the lock that an earlier statement of the same transaction has taken"},
	{"hold_lock", LINT_WAITS,
	 "takes long while an earlier statement of the same transaction keeps others from the table"},
	{"attach_partition", LINT_WAITS,
	 "reads the partition, and the default one, unless a CHECK proves its bound"},
	{"detach_partition", LINT_WAITS,
	 "waits for every query on the partitioned table, and all others wait behind it"},
	{"drop_index", LINT_WAITS,
	 "waits for every query on the table, and all others wait behind it"},
	{"reindex", LINT_WAITS,
	 "keeps everyone from writing to the table until the index is built"},
	{"move_index", LINT_WAITS,
	 "copies the index while nobody can read or write its table"},
	{"refresh", LINT_WAITS,
	 "keeps everyone from reading the view until it is filled again"},
	{"update_all", LINT_WAITS,
	 "locks and writes every row in one transaction, and doubles the table"},
	{"delete_all", LINT_WAITS, "locks and deletes every row in one transaction"},
	{"lock_table", LINT_WAITS,
	 "keeps others from the table until the transaction ends"},
	{"will_fail", LINT_WARNING, "fails"},
	{"drop_not_null", LINT_WARNING,
	 "allows NULL, which code that reads the column may not expect"},
	{"drop_default", LINT_WARNING,
	 "breaks code that inserts rows without the column, which cannot be NULL"},
	{"generated_always", LINT_WARNING,
	 "breaks code that still gives the column a value"},
	{"restrict_writes", LINT_WARNING,
	 "breaks code that still writes what the constraint forbids, from now on"},
	{"row_security", LINT_WARNING,
	 "hides rows from those for whom no policy lets them through"},
	{"revoke", LINT_WARNING, "breaks code that still needs the privilege"},
	{"disable_trigger", LINT_WARNING,
	 "lets in what the trigger would change or refuse"},
	{"create_trigger", LINT_WARNING,
	 "makes every write of the table run the function, in code that does not know of it"},
	{"row_type", LINT_WARNING,
	 "changes the row type of the table, which functions take or return"},
	{"overload_function", LINT_WARNING,
	 "adds a function of a name that is there: calls may become ambiguous"},
	{"cascade", LINT_WARNING, "takes along what depends on it"},
	{"publication", LINT_WARNING, "changes what subscribers get"},
	{"published_table", LINT_WARNING,
	 "is not replicated: subscribers need the same change, or apply stops"},
	{"replica_identity", LINT_WARNING,
	 "changes what is written to the log for each UPDATE and DELETE, and may break subscribers"},
	{"unindexed_key", LINT_WARNING,
	 "makes each DELETE and UPDATE of the referenced table read this one: no index begins with the columns"},
	{"prefer_bigint", LINT_ADVICE, "makes a key that runs out at 2^31"},
	{"prefer_identity", LINT_ADVICE,
	 "makes a serial column, whose sequence has rights and an owner of its own"},
	{"prefer_text", LINT_ADVICE,
	 "limits the length: a longer limit is free later, but a CHECK says why"},
	{"prefer_timestamptz", LINT_ADVICE, "stores a time of no known zone"},
	{"prefer_jsonb", LINT_ADVICE,
	 "makes a column that has neither equality nor indexes"},
	{"prefer_robust", LINT_ADVICE, "cannot be repeated after a failure half-way"},
	{"combine_alters", LINT_ADVICE,
	 "locks the table once more: one ALTER TABLE can do all of it"},
	{"enum_order", LINT_ADVICE,
	 "puts the label last: BEFORE or AFTER say where it sorts"},
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

static EcFinding *
add_to_list(EcLint *lint, const LintRule *rule, Oid relation)
{
	EcFinding *finding = palloc0(sizeof(EcFinding));

	finding->statement = lint->statement;
	(void) ec_statement_kind(lint->statement, &finding->command);
	finding->rule = rule->name;
	finding->relation = relation;
	finding->detail = psprintf("%s %s", finding->command, rule->effect);
	finding->is_removal = rule->kind == LINT_REMOVAL;
	finding->is_about_time = rule->kind == LINT_LONG || rule->kind == LINT_WAITS;
	switch (rule->kind)
	{
		case LINT_REMOVAL:
		case LINT_REFUSED:
		case LINT_LONG:
			finding->severity = EC_SEVERITY_ERROR;
			break;
		case LINT_ADVICE:
			finding->severity = EC_SEVERITY_ADVICE;
			break;
		default:
			finding->severity = EC_SEVERITY_WARNING;
			break;
	}
	lint->findings = lappend(lint->findings, finding);
	return finding;
}

EcFinding *
ec_lint_add(EcLint *lint, const char *name, EcRelation *relation)
{
	if (relation != NULL && ec_is_new(relation))
		return palloc0(sizeof(EcFinding));
	return add_to_list(lint, find_rule(name), relation ? relation->oid : InvalidOid);
}

EcFinding *
ec_lint_add_missing(EcLint *lint, const char *name, LOCKMODE lock,
					bool rewrites, bool scans)
{
	EcFinding *finding = add_to_list(lint, find_rule(name), InvalidOid);

	finding->lock = lock;
	finding->rewrites = rewrites;
	finding->scans = scans;
	ec_lint_explain(finding,
					"; the relation does not exist, so the duration cannot be estimated");
	return finding;
}

void
ec_lint_explain(EcFinding *finding, const char *format, ...)
{
	StringInfoData text;

	if (finding->detail == NULL)
		return;
	initStringInfo(&text);
	appendStringInfoString(&text, finding->detail);
	for (;;)
	{
		va_list arguments;
		int needed;

		va_start(arguments, format);
		needed = appendStringInfoVA(&text, format, arguments);
		va_end(arguments);
		if (needed == 0)
			break;
		enlargeStringInfo(&text, needed);
	}
	finding->detail = text.data;
}
