/*
 * used.c
 *		Keeps a down script from dropping what a change uses.
 *
 * The server calls the object access hook for every object that a statement
 * drops, by name, with its schema, or in a function.  The hook only takes
 * notes.  Whether a change uses the object is checked after the statement,
 * because the statement may have ended the change first.  The error undoes the
 * drop.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "executor/spi.h"
#include "nodes/parsenodes.h"
#include "parser/parse_func.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/regproc.h"

#include "core/hint.h"
#include "core/catalog.h"
#include "core/query.h"
#include "migrate/used.h"

typedef struct Dropped
{
	Oid relation; /* InvalidOid: it is a function */
	AttrNumber attnum;
	char *name; /* of the column or the function; NULL: a table */
} Dropped;

static List *dropped = NIL;
static MemoryContext dropped_memory = NULL; /* NULL: do not take notes */
static object_access_hook_type previous_hook = NULL;
static bool is_hooked = false;

static void
note_dropped(ObjectAccessType access, Oid class_id, Oid object, int sub_id, void *arg)
{
	MemoryContext caller;
	Dropped *note;

	if (previous_hook != NULL)
		previous_hook(access, class_id, object, sub_id, arg);
	if (access != OAT_DROP || dropped_memory == NULL ||
		(class_id != RelationRelationId && class_id != ProcedureRelationId))
		return;
	caller = MemoryContextSwitchTo(dropped_memory);
	note = palloc0(sizeof(Dropped));
	if (class_id == ProcedureRelationId)
		note->name = format_procedure_qualified(object);
	else
	{
		note->relation = object;
		note->attnum = sub_id;
		if (sub_id != 0)
			note->name = get_attname(object, sub_id, true);
	}
	dropped = lappend(dropped, note);
	MemoryContextSwitchTo(caller);
}

/* Of contracted changes only the columns of the new side are checked. */
static void
check_is_not_used(const Dropped *note, const char *what)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	char *change = NULL;
	char *phase = NULL;

	ec_arg_oid(&args, note->relation);
	ec_arg_int4(&args, note->attnum);
	ec_arg_text(&args, note->name);
	ec_catalog_begin(&scope);
	if (ec_query("SELECT c.name, c.phase"
				 "  FROM expand_contract.changes c"
				 " WHERE c.phase <> 'reverted'"
				 "   AND CASE WHEN $1 IS NULL"
				 "       THEN EXISTS (SELECT FROM expand_contract.change_columns o"
				 "                     WHERE o.change = c.name AND $3 = ANY (o.calls))"
				 "       WHEN $2 = 0 THEN $1 IN (c.relation::oid, c.target::oid)"
				 "       ELSE EXISTS (SELECT FROM expand_contract.change_columns o"
				 "             WHERE o.change = c.name"
				 "               AND coalesce(CASE o.side WHEN 'new' THEN c.target END, c.relation)::oid = $1"
				 "               AND CASE WHEN c.relation_oid = c.relation::oid THEN o.attnum = $2"
				 "                        ELSE o.present_name = $3 END) END"
				 " ORDER BY c.registered_at LIMIT 1",
				 &args) > 0)
	{
		change = ec_get_text(0, 1);
		phase = ec_get_text(0, 2);
	}
	ec_catalog_end(&scope);
	if (change == NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("%s would drop an object that change \"%s\" uses", what, change),
			 !OidIsValid(note->relation)
				 ? errdetail("It drops function %s, which an expression of the change calls.",
							 note->name)
			 : note->name == NULL
				 ? errdetail("It drops a table of the change, whose phase is \"%s\".",
							 phase)
				 : errdetail("It drops column \"%s\" of the change, whose phase is \"%s\".",
							 note->name, phase),
			 strcmp(phase, "contracted") == 0
				 ? errhint("The old shape has been dropped, so this is the only copy of the data. To drop it anyway, use a new migration of phase \"contract\".")
				 : ec_errhint("Revert the change first: SELECT ec_revert(%s), until its phase is \"reverted\".",
							  quote_literal_cstr(change))));
}

static void
check_column_is_not_used(Oid relation, const char *column, const char *what)
{
	Dropped note = {.relation = relation, .name = pstrdup(column)};

	note.attnum = get_attnum(relation, column);
	if (note.attnum != InvalidAttrNumber)
		check_is_not_used(&note, what);
}

/*
 * Checks the objects that the statement itself names, before it runs.  If a
 * trigger of the change prevents the drop, the server's error would mention
 * that trigger and suggest CASCADE.
 */
static void
check_named(Node *node, const char *what)
{
	ListCell *cell;

	if (IsA(node, AlterTableStmt))
	{
		AlterTableStmt *alter = (AlterTableStmt *) node;
		Oid relation = RangeVarGetRelid(alter->relation, NoLock, true);

		foreach (cell, alter->cmds)
		{
			AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);

			if (OidIsValid(relation) && command->subtype == AT_DropColumn)
				check_column_is_not_used(relation, command->name, what);
		}
	}
	else if (IsA(node, DropStmt))
		foreach (cell, ((DropStmt *) node)->objects)
		{
			ObjectType type = ((DropStmt *) node)->removeType;
			Dropped note = {0};
			Oid function = InvalidOid;

			if (type == OBJECT_TABLE)
				note.relation =
					RangeVarGetRelid(makeRangeVarFromNameList(lfirst(cell)),
									 NoLock, true);
			else if (type == OBJECT_FUNCTION)
				function = LookupFuncWithArgs(type, lfirst(cell), true);
			if (OidIsValid(function))
				note.name = format_procedure_qualified(function);
			if (OidIsValid(note.relation) || note.name != NULL)
				check_is_not_used(&note, what);
		}
}

void
ec_check_names_nothing_used(const EcScript *script)
{
	ListCell *cell;

	foreach (cell, script->statements)
	{
		const EcStatement *statement = lfirst(cell);

		if (IsA(statement->node, SelectStmt) || IsA(statement->node, DoStmt) ||
			IsA(statement->node, CallStmt))
			return;
		check_named(statement->node, script->what);
	}
}

int
ec_execute_taking_back(const EcStatement *statement, const char *what)
{
	SPIExecuteOptions options = {0};
	int code;
	ListCell *cell;

	check_named(statement->node, what);
	options.dest = None_Receiver;
	dropped = NIL;
	/* The hook stays, because a library loaded later may have set it, too. */
	if (!is_hooked)
	{
		previous_hook = object_access_hook;
		object_access_hook = note_dropped;
		is_hooked = true;
	}
	dropped_memory = CurrentMemoryContext;
	PG_TRY();
	{
		code = SPI_execute_extended(statement->text, &options);
	}
	PG_FINALLY();
	{
		dropped_memory = NULL;
	}
	PG_END_TRY();
	foreach (cell, dropped)
	{
		check_is_not_used(lfirst(cell), what);
	}
	dropped = NIL;
	return code;
}
