/*
 * target.c
 *		Checks which relations can be backfilled.
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

/* root is NULL, or the table of which the relation is a partition or child. */
static void
refuse_kind(Relation relation, Relation root, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 root ? errmsg("\"%s\", a partition or child of \"%s\", cannot be backfilled",
						   RelationGetRelationName(relation),
						   RelationGetRelationName(root))
				  : errmsg("\"%s\" cannot be backfilled",
						   RelationGetRelationName(relation)),
			 errdetail("%s", detail), errhint("%s", ec_qualified(hint))));
}

static void
check_kind(Relation relation, Relation root)
{
	switch (relation->rd_rel->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
			break;
		case RELKIND_VIEW:
			refuse_kind(relation, root, "It is a view.",
						"Use ec_backfill for the underlying table.");
			break;
		case RELKIND_MATVIEW:
			refuse_kind(relation, root, "It is a materialized view.",
						"Use ec_backfill for the underlying table.");
			break;
		case RELKIND_FOREIGN_TABLE:
			refuse_kind(relation, root,
						"It is a foreign table: its rows and the job's position cannot be committed in one transaction.",
						root ? "Use ec_backfill for each of the others, and on the server that holds this one."
							 : "Use ec_backfill on the server that holds the table.");
			break;
		default:
			refuse_kind(relation, root, "It is not a table.",
						"Use ec_backfill for a table.");
	}
}

static bool
has_update_rule(Relation relation)
{
	RuleLock *rules = relation->rd_rules;

	for (int i = 0; rules != NULL && i < rules->numLocks; i++)
		if (rules->rules[i]->event == CMD_UPDATE)
			return true;
	return false;
}

static void
check_target(Relation relation, Relation root)
{
	check_kind(relation, root);
	if (IsCatalogRelation(relation) || IsToastRelation(relation))
		refuse_kind(relation, root, "It is a system catalog.",
					"Use ec_backfill for a table of your own.");
	if (RelationUsesLocalBuffers(relation))
		refuse_kind(relation, root,
					"It is a temporary table, and a background worker cannot see another session's.",
					"Use a plain UPDATE.");
	if (has_update_rule(relation))
		refuse_kind(relation, root, "It has rules on UPDATE.",
					"Replace the rules by triggers, or drop them.");
}

void
ec_check_backfill_target(Relation relation)
{
	check_target(relation, NULL);
}

void
ec_check_backfill_leaf(Relation leaf, Relation root)
{
	check_target(leaf, RelationGetRelid(leaf) == RelationGetRelid(root) ? NULL
																		: root);
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
				 errmsg("only heap tables can be backfilled by blocks"),
				 errdetail("\"%s\" uses the access method \"%s\".",
						   RelationGetRelationName(leaf),
						   get_am_name(leaf->rd_rel->relam)),
				 errhint("Use method => 'auto', which walks such a table along a key.")));
	return method == EC_METHOD_KEY || !is_heap;
}
