/*
 * statement.c
 *		Builds the statements of one batch.
 *
 * Names that we add to the caller's text are quoted, or qualified with their
 * schema.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "utils/builtins.h"

#include "backfill/statement.h"
#include "core/catalog.h"
#include "core/expression.h"

void
ec_append_key_columns(StringInfo sql, Relation relation)
{
	Bitmapset *key =
		RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	int member = -1;

	while ((member = bms_next_member(key, member)) >= 0)
	{
		AttrNumber number = member + FirstLowInvalidHeapAttributeNumber;
		Form_pg_attribute attribute =
			TupleDescAttr(RelationGetDescr(relation), number - 1);

		appendStringInfo(sql, ", %s",
						 quote_identifier(NameStr(attribute->attname)));
	}
}

void
ec_append_target(StringInfo sql, Relation relation, const EcBackfill *backfill)
{
	appendStringInfo(sql, "ONLY %s", ec_relation_name(RelationGetRelid(relation)));
	if (backfill->alias != NULL)
		appendStringInfo(sql, " AS %s", quote_identifier(backfill->alias));
}

static const char *
rows_of_batch(bool is_list)
{
	return is_list ? " WHERE ctid OPERATOR(pg_catalog.=) ANY ($1)"
				   : " WHERE ctid OPERATOR(pg_catalog.>=) $1"
					 " AND ctid OPERATOR(pg_catalog.<) $2";
}

void
ec_append_condition(StringInfo sql, const EcBackfill *backfill, const char *rows)
{
	appendStringInfo(sql, "%s AND ", rows);
	ec_append_expression(sql, backfill->predicate);
}

char *
ec_write_statement(Relation leaf, const EcBackfill *backfill, bool is_list)
{
	return backfill->kind->write_statement(leaf, backfill,
										   rows_of_batch(is_list), is_list);
}

char *
ec_count_statement(Relation leaf, const EcBackfill *backfill, bool is_list)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT true, ctid");
	ec_append_key_columns(&sql, leaf);
	appendStringInfoString(&sql, " FROM ");
	ec_append_target(&sql, leaf, backfill);
	ec_append_condition(&sql, backfill, rows_of_batch(is_list));
	return sql.data;
}

static const char *
lock_strength(const EcBackfill *backfill)
{
	switch (backfill->kind->lock_mode(backfill))
	{
		case LockTupleShare:
			return "SHARE";
		case LockTupleNoKeyExclusive:
			return "NO KEY UPDATE";
		default:
			return "UPDATE";
	}
}

char *
ec_lock_statement(Relation leaf, const EcBackfill *backfill, bool is_list,
				  bool skip_locked)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ctid FROM ");
	ec_append_target(&sql, leaf, backfill);
	ec_append_condition(&sql, backfill, rows_of_batch(is_list));
	appendStringInfo(&sql, " FOR %s%s", lock_strength(backfill),
					 skip_locked ? " SKIP LOCKED" : "");
	return sql.data;
}

char *
ec_any_statement(Relation root, const EcBackfill *backfill,
				 const char *condition, int64 most)
{
	StringInfoData sql;

	initStringInfo(&sql);
	/* without ONLY, to read all leaves under one snapshot */
	appendStringInfo(&sql, "SELECT true FROM %s",
					 ec_relation_name(RelationGetRelid(root)));
	if (backfill->alias != NULL)
		appendStringInfo(&sql, " AS %s", quote_identifier(backfill->alias));
	appendStringInfo(&sql, " WHERE %s", condition);
	ec_append_expression(&sql, backfill->any_predicate);
	appendStringInfo(&sql, " LIMIT " INT64_FORMAT, most);
	return sql.data;
}
