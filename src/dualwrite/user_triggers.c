/*
 * user_triggers.c
 *		Finds the user's triggers that do not fire for columns written by dual
 *		writes, or whose own writes dual writes do not carry over.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "lib/stringinfo.h"
#include "nodes/bitmapset.h"
#include "nodes/primnodes.h"
#include "optimizer/optimizer.h"
#include "parser/parse_relation.h"
#include "rewrite/prs2lock.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "core/catalog.h"
#include "dualwrite/table.h"
#include "dualwrite/user_triggers.h"

/* the change's columns in its table or a child, by attribute number there */
typedef struct Columns
{
	Bitmapset *side[2]; /* index: EC_SIDE_OLD, EC_SIDE_NEW */
	Bitmapset *written[2];
} Columns;

static void
find_columns(const EcChange *change, Relation root, Relation leaf, Columns *columns)
{
	ListCell *cell;

	memset(columns, 0, sizeof(*columns));
	foreach (cell, change->columns)
	{
		const EcChangeColumn *column = lfirst(cell);
		AttrNumber attnum = ec_leaf_attnum(leaf, root, column->attnum);

		if (attnum <= 0 ||
			(column->side != EC_SIDE_OLD && column->side != EC_SIDE_NEW))
			continue;
		columns->side[column->side] =
			bms_add_member(columns->side[column->side], attnum);
		if (column->expression != NULL)
			columns->written[column->side] =
				bms_add_member(columns->written[column->side], attnum);
	}
}

/*
 * names are the columns on which a trigger fires.  Returns those of them that
 * dual writes set when a column of the other side is written, if names has no
 * column of that other side; NULL if there are none.
 */
static Bitmapset *
unseen_columns(const Columns *columns, const Bitmapset *names, EcSide side)
{
	EcSide other = side == EC_SIDE_OLD ? EC_SIDE_NEW : EC_SIDE_OLD;

	return bms_overlap(names, columns->written[side]) &&
				   !bms_overlap(names, columns->side[other])
			   ? bms_intersect(names, columns->written[side])
			   : NULL;
}

static char *
list_columns(Relation relation, const Bitmapset *columns, bool as_sql)
{
	StringInfoData list;
	int member = -1;

	initStringInfo(&list);
	while ((member = bms_next_member(columns, member)) >= 0)
	{
		char *name = get_attname(RelationGetRelid(relation), member, false);

		appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "",
						 as_sql ? quote_identifier(name) : psprintf("\"%s\"", name));
	}
	return list.data;
}

/* Returns "UPDATE OF a, b" in the form that pg_get_triggerdef yields. */
static char *
update_of(Relation relation, const Trigger *trigger)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < trigger->tgnattr; i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "UPDATE OF ",
						 quote_identifier(get_attname(RelationGetRelid(relation),
													  trigger->tgattr[i], false)));
	return list.data;
}

/*
 * Returns the statement that makes the trigger fire for further columns as
 * well; NULL if a single statement cannot do that.
 */
static char *
statement_with(Relation relation, const Trigger *trigger, const char *further)
{
	char *sql = TextDatumGetCString(
		DirectFunctionCall1(pg_get_triggerdef, ObjectIdGetDatum(trigger->tgoid)));
	char *start =
		psprintf("CREATE TRIGGER %s ", quote_identifier(trigger->tgname));
	char *list = update_of(relation, trigger);
	char *place;

	/* CREATE OR REPLACE does not support constraint triggers. */
	if (strncmp(sql, start, strlen(start)) != 0)
		return NULL;
	place = strstr(sql + strlen(start), list);
	if (place == NULL)
		return NULL;
	return psprintf("CREATE OR REPLACE TRIGGER %s %.*s%s, %s%s",
					quote_identifier(trigger->tgname),
					(int) (place - sql - strlen(start)), sql + strlen(start),
					list, further, place + strlen(list));
}

static void
warn_of_update_of(Relation relation, const Trigger *trigger,
				  const Columns *columns, const Bitmapset *unseen, EcSide side)
{
	EcSide other = side == EC_SIDE_OLD ? EC_SIDE_NEW : EC_SIDE_OLD;
	char *further = list_columns(relation, columns->side[other], true);
	char *sql = statement_with(relation, trigger, further);

	ereport(WARNING,
			(errmsg("trigger \"%s\" of table \"%s\" does not fire for every change of column %s",
					trigger->tgname, RelationGetRelationName(relation),
					list_columns(relation, unseen, false)),
			 errdetail("It is an UPDATE OF trigger, and a statement that writes %s changes that column without naming it.",
					   list_columns(relation, columns->side[other], false)),
			 sql != NULL
				 ? errhint("Use: %s", sql)
				 : errhint("Drop it, and create it again as UPDATE OF these columns as well: %s.",
						   further)));
}

static void
warn_of_when(Relation relation, const Trigger *trigger, const Columns *columns,
			 const Bitmapset *unseen, EcSide side, const char *ours)
{
	EcSide other = side == EC_SIDE_OLD ? EC_SIDE_NEW : EC_SIDE_OLD;

	ereport(WARNING,
			(errmsg("trigger \"%s\" of table \"%s\" does not fire for every change of column %s",
					trigger->tgname, RelationGetRelationName(relation),
					list_columns(relation, unseen, false)),
			 errdetail("Its WHEN condition uses NEW.%s, which a statement that writes %s changes after it has fired: triggers fire in the order of their names, and that of the change is \"%s\".",
					   list_columns(relation, unseen, true),
					   list_columns(relation, columns->side[other], false), ours),
			 errhint("Make it an AFTER trigger, or name these columns in its WHEN as well: %s.",
					 list_columns(relation, columns->side[other], true))));
}

static void
warn_of_order(Relation relation, const Trigger *trigger, const char *ours)
{
	char *before = psprintf("a_%s", trigger->tgname);

	ereport(WARNING,
			(errmsg("trigger \"%s\" of table \"%s\" fires after the dual writes",
					trigger->tgname, RelationGetRelationName(relation)),
			 errdetail("A value that it writes to a mapped column is not carried over, and leaves the row inconsistent: triggers fire in the order of their names, and that of the change is \"%s\".",
					   ours),
			 errhint("If it writes mapped columns, use: ALTER TRIGGER %s ON %s RENAME TO %s",
					 quote_identifier(trigger->tgname),
					 ec_relation_name(RelationGetRelid(relation)),
					 quote_identifier(
						 strlen(before) < NAMEDATALEN ? before : "a_trigger"))));
}

/* Returns the columns of NEW that its WHEN condition reads. */
static Bitmapset *
condition_columns(const Trigger *trigger)
{
	Bitmapset *numbers = NULL;
	Bitmapset *columns = NULL;
	int member = -1;

	pull_varattnos(stringToNode(trigger->tgqual), PRS2_NEW_VARNO, &numbers);
	while ((member = bms_next_member(numbers, member)) >= 0)
		if (member + FirstLowInvalidHeapAttributeNumber > 0)
			columns = bms_add_member(columns,
									 member + FirstLowInvalidHeapAttributeNumber);
	return columns;
}

static Bitmapset *
update_of_columns(const Trigger *trigger)
{
	Bitmapset *columns = NULL;

	for (int i = 0; i < trigger->tgnattr; i++)
		columns = bms_add_member(columns, trigger->tgattr[i]);
	return columns;
}

static void
look_at(Relation relation, const Trigger *trigger, const Columns *columns,
		const char *ours)
{
	bool is_before_row = TRIGGER_FOR_BEFORE(trigger->tgtype) &&
						 TRIGGER_FOR_ROW(trigger->tgtype) &&
						 (TRIGGER_FOR_INSERT(trigger->tgtype) ||
						  TRIGGER_FOR_UPDATE(trigger->tgtype));
	bool comes_first = strcmp(trigger->tgname, ours) < 0;

	if (is_before_row && !comes_first)
		warn_of_order(relation, trigger, ours);
	for (EcSide side = EC_SIDE_OLD; side <= EC_SIDE_NEW; side++)
	{
		Bitmapset *unseen =
			unseen_columns(columns, update_of_columns(trigger), side);

		if (unseen != NULL)
			warn_of_update_of(relation, trigger, columns, unseen, side);
		if (trigger->tgqual == NULL || !is_before_row || !comes_first)
			continue;
		unseen = unseen_columns(columns, condition_columns(trigger), side);
		if (unseen != NULL)
			warn_of_when(relation, trigger, columns, unseen, side, ours);
	}
}

static const Trigger *
find_trigger(const TriggerDesc *triggers, const char *name)
{
	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		if (strcmp(triggers->triggers[i].tgname, name) == 0)
			return &triggers->triggers[i];
	return NULL;
}

/* A trigger that a partition has inherited is reported for the parent only. */
static void
look_at_table(const EcChange *change, Relation root, Relation relation, Oid only)
{
	const TriggerDesc *triggers = relation->trigdesc;
	char *ours = ec_change_trigger_name(change->name);
	const Trigger *own = find_trigger(triggers, ours);
	Columns columns;

	if (own == NULL)
		return;
	find_columns(change, root, relation, &columns);
	for (int i = 0; i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (trigger->tgfoid != own->tgfoid && !trigger->tgisinternal &&
			!trigger->tgisclone && trigger->tgenabled != TRIGGER_DISABLED &&
			(!OidIsValid(only) || trigger->tgoid == only))
			look_at(relation, trigger, &columns, ours);
	}
}

void
ec_warn_of_user_triggers(const EcChange *change, Oid only)
{
	Relation root;
	ListCell *cell;

	/* nobody writes the other column, and at the cutover they go with the name */
	if (change->kept_names != NULL)
		return;
	root = table_open(change->relation, NoLock);
	foreach (cell, find_all_inheritors(change->relation, NoLock, NULL))
	{
		Relation relation = table_open(lfirst_oid(cell), NoLock);

		look_at_table(change, root, relation, only);
		table_close(relation, NoLock);
	}
	table_close(root, NoLock);
}
