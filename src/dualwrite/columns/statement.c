/*
 * statement.c
 *		The SQL that brings rows of a change in step.
 *
 * Values are compared by image, as the engine does it: what is stored then is
 * what the mapping gives.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"

#include "core/pinned.h"
#include "dualwrite/columns/compiled.h"
#include "dualwrite/mapping.h"
#include "dualwrite/columns/statement.h"
#include "expand_contract.h"

bool
ec_old_is_authority(const EcChange *change)
{
	return strcmp(change->phase, EC_PHASE_CUT_OVER) != 0 &&
		   strcmp(change->phase, EC_PHASE_QUARANTINED) != 0;
}

bool
ec_has_backward(const EcChange *change)
{
	return change->backward != NULL;
}

static char *
deparse(Relation relation, Node *expression)
{
	return deparse_expression(expression,
							  deparse_context_for(RelationGetRelationName(relation),
												  RelationGetRelid(relation)),
							  false, false);
}

static char *
column_type(Form_pg_attribute column)
{
	return format_type_extended(column->atttypid, column->atttypmod,
								FORMAT_TYPE_TYPEMOD_GIVEN |
									FORMAT_TYPE_FORCE_QUALIFY);
}

/* "the column is NULL or equal to its constant default" */
static void
append_unset(StringInfo sql, Relation relation, Form_pg_attribute column)
{
	const char *name = quote_identifier(NameStr(column->attname));
	Node *value = build_column_default(relation, column->attnum);

	if (value == NULL || contain_mutable_functions(value) ||
		contain_var_clause(value))
		appendStringInfo(sql, "%s IS NULL", name);
	else
		appendStringInfo(sql, "(%s IS NULL OR NOT expand_contract.differs(%s, CAST(%s AS %s)))",
						 name, name, deparse(relation, value), column_type(column));
}

/* What ec_change_sql puts together. */
typedef struct Parts
{
	StringInfoData assignments[2]; /* of a side: EC_SIDE_OLD, EC_SIDE_NEW */
	StringInfoData differs[2];     /* "a column of the side is not as mapped" */
	StringInfoData unset;          /* "all new columns are unset" */
} Parts;

static const char *
separator(StringInfo text, const char *word)
{
	return text->len > 0 ? word : "";
}

static void
add_column(Parts *parts, Relation relation, const EcChangeColumn *known,
		   AttrNumber attnum, List *names)
{
	Form_pg_attribute column =
		TupleDescAttr(RelationGetDescr(relation), attnum - 1);
	const char *name = quote_identifier(NameStr(column->attname));
	StringInfo assignments = &parts->assignments[known->side];
	StringInfo differs = &parts->differs[known->side];
	char *expression =
		ec_mapping_write(relation,
						 ec_mapping_reparse(relation, names, relation, attnum, known),
						 known->name);

	appendStringInfo(assignments, "%s%s = %s", separator(assignments, ", "),
					 name, expression);
	appendStringInfo(differs, "%sexpand_contract.differs(%s, CAST(%s AS %s))",
					 separator(differs, " OR "), name, expression,
					 column_type(column));
	if (known->side == EC_SIDE_NEW)
	{
		appendStringInfoString(&parts->unset, separator(&parts->unset, " AND "));
		append_unset(&parts->unset, relation, column);
	}
}

static void
refuse_missing(Relation relation, const EcChange *change)
{
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
					errmsg("a column of change \"%s\" does not exist any more",
						   change->name),
					errdetail("Table \"%s\" has lost it since ec_expand.",
							  RelationGetRelationName(relation)),
					errhint("Undo that, or end the change.")));
}

void
ec_change_sql(Relation relation, const EcChange *change, bool forward,
			  EcChangeSql *sql)
{
	AttrNumber *attnums =
		palloc0(sizeof(AttrNumber) * (list_length(change->columns) + 1));
	EcSide side = forward ? EC_SIDE_NEW : EC_SIDE_OLD;
	int guc_level = ec_pin_text();
	List *names;
	Parts parts;
	ListCell *cell;
	int i = 0;

	if (!ec_change_find_columns(relation, change, attnums))
		refuse_missing(relation, change);
	names = ec_change_names(relation, change, attnums);
	for (EcSide each = EC_SIDE_OLD; each <= EC_SIDE_NEW; each++)
	{
		initStringInfo(&parts.assignments[each]);
		initStringInfo(&parts.differs[each]);
	}
	initStringInfo(&parts.unset);
	foreach (cell, change->columns)
	{
		EcChangeColumn *known = lfirst(cell);

		if (known->expression != NULL)
			add_column(&parts, relation, known, attnums[i], names);
		i++;
	}
	AtEOXact_GUC(false, guc_level);

	sql->assignments = parts.assignments[side].data;
	sql->fill = psprintf("(%s) AND (%s)", parts.unset.data,
						 parts.differs[EC_SIDE_NEW].data);
	sql->not_in_step =
		ec_has_backward(change)
			? psprintf("(%s) AND ((%s) OR %s)", parts.differs[EC_SIDE_NEW].data,
					   parts.unset.data, parts.differs[EC_SIDE_OLD].data)
			: parts.differs[EC_SIDE_NEW].data;
	/* what never came to the new side says nothing of the old one */
	sql->repair = forward ? sql->not_in_step
						  : psprintf("(%s) AND NOT (%s)", sql->not_in_step,
									 parts.unset.data);
}
