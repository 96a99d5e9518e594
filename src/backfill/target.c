/*
 * target.c
 *		Which relations can be backfilled.
 *
 * Checked at submission, and again by each batch: a table can change while
 * the job runs.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "catalog/catalog.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/defrem.h"
#include "nodes/parsenodes.h"
#include "rewrite/prs2lock.h"

#include "backfill/target.h"

static void
refuse_kind(Relation relation, const char *detail, const char *hint)
{
	ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
					errmsg("\"%s\" cannot be backfilled",
						   RelationGetRelationName(relation)),
					errdetail("%s", detail), errhint("%s", hint)));
}

static void
check_kind(Relation relation)
{
	switch (relation->rd_rel->relkind)
	{
		case RELKIND_RELATION:
			break;
		case RELKIND_PARTITIONED_TABLE:
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("backfill of partitioned tables is not supported yet"),
					 errdetail("\"%s\" is a partitioned table.",
							   RelationGetRelationName(relation)),
					 errhint("Use ec_backfill for each of its partitions.")));
			break;
		case RELKIND_VIEW:
			refuse_kind(relation, "It is a view.",
						"Use ec_backfill for the table behind it.");
			break;
		case RELKIND_MATVIEW:
			refuse_kind(relation, "It is a materialized view.",
						"Use ec_backfill for the table behind it.");
			break;
		case RELKIND_FOREIGN_TABLE:
			refuse_kind(relation,
						"It is a foreign table, and a commit elsewhere cannot be one with the job's position.",
						"Use ec_backfill on the server that holds the table.");
			break;
		default:
			refuse_kind(relation, "It is not a table.",
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

void
ec_check_backfill_target(Relation relation)
{
	check_kind(relation);
	if (IsCatalogRelation(relation) || IsToastRelation(relation))
		refuse_kind(relation, "It is a system catalog.",
					"Use ec_backfill for a table of your own.");
	if (RelationUsesLocalBuffers(relation))
		refuse_kind(relation,
					"It is a temporary table, and a background worker cannot see another session's.",
					"Use a plain UPDATE.");
	if (relation->rd_rel->relam != HEAP_TABLE_AM_OID)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("backfill of tables that are not heaps is not supported yet"),
				 errdetail("\"%s\" uses the access method \"%s\".",
						   RelationGetRelationName(relation),
						   get_am_name(relation->rd_rel->relam))));
	if (has_subclass(RelationGetRelid(relation)) &&
		find_inheritance_children(RelationGetRelid(relation), NoLock) != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("backfill of tables with inheritance children is not supported yet"),
				 errdetail("Table \"%s\" has children.",
						   RelationGetRelationName(relation)),
				 errhint("Use ec_backfill for each child that has no children itself.")));
	if (has_update_rule(relation))
		refuse_kind(relation, "It has rules on UPDATE.",
					"Replace the rules by triggers, or drop them.");
}
