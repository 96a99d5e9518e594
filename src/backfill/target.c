/*
 * target.c
 *		Checks which relations a job can sweep over.
 *
 * They are checked at submission, and again by each batch, because a table can
 * change while the job runs.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "catalog/catalog.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "nodes/parsenodes.h"
#include "rewrite/prs2lock.h"

#include "core/hint.h"
#include "backfill/target.h"
#include "core/distributed.h"

/* root is NULL, or the table of which the relation is a partition or child. */
static void
refuse_kind(Relation relation, Relation root, const EcSweepKind *kind,
			const char *detail, const char *hint)
{
	ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
					root ? errmsg("\"%s\", a partition or child of \"%s\", %s",
								  RelationGetRelationName(relation),
								  RelationGetRelationName(root), kind->refusal)
						 : errmsg("\"%s\" %s", RelationGetRelationName(relation),
								  kind->refusal),
					errdetail("%s", detail),
					errhint("%s", ec_qualified(psprintf(hint, kind->function)))));
}

static void
check_kind(Relation relation, Relation root, const EcSweepKind *kind)
{
	switch (relation->rd_rel->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
			break;
		case RELKIND_VIEW:
			refuse_kind(relation, root, kind, "It is a view.",
						"Use %s for the underlying table.");
			break;
		case RELKIND_MATVIEW:
			refuse_kind(relation, root, kind, "It is a materialized view.",
						"Use %s for the underlying table.");
			break;
		case RELKIND_FOREIGN_TABLE:
			refuse_kind(relation, root, kind,
						"It is a foreign table: its rows and the job's position cannot be committed in one transaction.",
						root ? "Use %s for each of the others, and on the server that holds this one."
							 : "Use %s on the server that holds the table.");
			break;
		default:
			refuse_kind(relation, root, kind, "It is not a table.",
						"Use %s for a table.");
	}
}

static bool
has_rule(Relation relation, CmdType command)
{
	RuleLock *rules = relation->rd_rules;

	for (int i = 0; rules != NULL && i < rules->numLocks; i++)
		if (rules->rules[i]->event == command)
			return true;
	return false;
}

static void
check_target(Relation relation, Relation root, const EcSweepKind *kind)
{
	const char *command = kind->command == CMD_DELETE ? "DELETE" : "UPDATE";

	check_kind(relation, root, kind);
	if (IsCatalogRelation(relation) || IsToastRelation(relation))
		refuse_kind(relation, root, kind, "It is a system catalog.",
					"Use %s for a table of your own.");
	if (RelationUsesLocalBuffers(relation))
		refuse_kind(relation, root, kind,
					"It is a temporary table, and a background worker cannot see another session's.",
					psprintf("Use a plain %s.", command));
	ec_refuse_distributed(RelationGetRelid(relation));
	if (has_rule(relation, kind->command))
		refuse_kind(relation, root, kind, psprintf("It has rules on %s.", command),
					"Replace the rules by triggers, or drop them.");
}

void
ec_check_target(Relation relation, const EcSweepKind *kind)
{
	check_target(relation, NULL, kind);
}

void
ec_check_leaf(Relation leaf, Relation root, const EcSweepKind *kind)
{
	check_target(leaf,
				 RelationGetRelid(leaf) == RelationGetRelid(root) ? NULL : root,
				 kind);
}

bool
ec_has_before_trigger(Relation relation, CmdType command)
{
	const TriggerDesc *triggers = relation->trigdesc;

	return triggers != NULL &&
		   (command == CMD_DELETE ? triggers->trig_delete_before_row
								  : triggers->trig_update_before_row);
}

EcMethod
ec_parse_method(const char *method)
{
	if (strcmp(method, "auto") == 0)
		return EC_METHOD_AUTO;
	if (strcmp(method, "blocks") == 0)
		return EC_METHOD_BLOCKS;
	if (strcmp(method, "key") == 0)
		return EC_METHOD_KEY;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("unknown method \"%s\"", method),
					errhint("Use 'auto', 'blocks' or 'key'.")));
}

bool
ec_walks_by_key(Relation leaf, EcMethod method)
{
	bool is_heap = leaf->rd_rel->relam == HEAP_TABLE_AM_OID;

	if (method == EC_METHOD_BLOCKS && !is_heap)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("only heap tables can be read by blocks"),
				 errdetail("\"%s\" uses the access method \"%s\".",
						   RelationGetRelationName(leaf),
						   get_am_name(leaf->rd_rel->relam)),
				 errhint("Use method => 'auto', which walks such a table along a key.")));
	return method == EC_METHOD_KEY || !is_heap;
}
