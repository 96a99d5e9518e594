/*
 * lint_table.c
 *		The lint's rules for ALTER TABLE: which locks a statement takes on which
 *		tables, and the rule for each of its commands.
 *
 * The locks of the forms of ALTER TABLE, and what is done under them, are
 * those of the server.  The server runs the commands of a statement in its own
 * order: drops first, then types, columns, NOT NULL, constraints.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "commands/tablespace.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "lint/lint_alter.h"
#include "lint/lint_object.h"

static void
lint_partition(EcLintTable *table, const AlterTableCmd *command)
{
	PartitionCmd *partition = castNode(PartitionCmd, command->def);
	EcRelation *child = ec_world_find(table->world, partition->name);

	if (child == NULL)
	{
		(void) ec_lint_add_missing(table->lint,
								   command->subtype == AT_AttachPartition
									   ? "attach_partition"
									   : "detach_partition",
								   AccessExclusiveLock, false,
								   command->subtype == AT_AttachPartition);
		return;
	}
	if (command->subtype == AT_AttachPartition)
	{
		ec_lint_attach(table->lint, table->relation, child, partition->bound,
					   table->lock);
		table->relation->new_children =
			lappend(table->relation->new_children, child);
		return;
	}
	ec_lint_effects(table->lint, ec_world_family(table->world, child),
					partition->concurrent ? ShareUpdateExclusiveLock
										  : AccessExclusiveLock,
					false, false);
	ec_lint_effect(table->lint,
				   ec_lint_default_partition(table->lint, table->relation),
				   AccessExclusiveLock, false, false);
	if (!partition->concurrent)
	{
		EcFinding *finding = ec_lint_table_add(table, "detach_partition");

		if (ec_lint_is_small(ec_world_family(table->world, table->relation)))
			finding->severity = EC_SEVERITY_NOTICE;
	}
	table->relation->old_children = lappend(table->relation->old_children, child);
}

/* True if the command does not rewrite the table. */
static bool
changes_nothing(const EcLintTable *table, const AlterTableCmd *command)
{
	HeapTuple tuple;
	Form_pg_class form;
	bool is_same = false;

	if (ec_is_new(table->relation))
		return true;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table->relation->oid));
	if (!HeapTupleIsValid(tuple))
		return true;
	form = (Form_pg_class) GETSTRUCT(tuple);
	switch (command->subtype)
	{
		case AT_SetLogged:
			is_same = table->relation->persistence != RELPERSISTENCE_UNLOGGED;
			table->relation->persistence = RELPERSISTENCE_PERMANENT;
			break;
		case AT_SetUnLogged:
			is_same = table->relation->persistence == RELPERSISTENCE_UNLOGGED;
			table->relation->persistence = RELPERSISTENCE_UNLOGGED;
			break;
		case AT_SetAccessMethod:
			is_same = command->name != NULL &&
					  get_table_am_oid(command->name, true) == form->relam;
			break;
		default:
			break;
	}
	ReleaseSysCache(tuple);
	return is_same;
}

/* Tells which commands recurse to the descendants and lock them. */
static bool
reaches_down(const EcLintTable *table, const AlterTableCmd *command)
{
	switch (command->subtype)
	{
		case AT_AddColumn:
			return !command->missing_ok ||
				   ec_find_column(table->world, table->relation,
								  castNode(ColumnDef, command->def)->colname) == NULL;
		case AT_ColumnDefault:
		case AT_DropNotNull:
		case AT_SetStatistics:
		case AT_SetStorage:
		case AT_DropColumn:
		case AT_AlterColumnType:
		case AT_DropExpression:
#if PG_VERSION_NUM >= 170000
		case AT_SetExpression:
#endif
			return true;
		case AT_SetNotNull:
		{
			EcColumn *column =
				ec_find_column(table->world, table->relation, command->name);

			return column == NULL || !column->is_not_null ||
				   (PG_VERSION_NUM < 180000 &&
					table->relation->kind != RELKIND_PARTITIONED_TABLE);
		}
		case AT_AddConstraint:
		{
			Constraint *constraint = castNode(Constraint, command->def);

			/* 18 locks what is below before it looks at the constraint */
			if (PG_VERSION_NUM >= 180000)
				return true;
			if (constraint->contype == CONSTR_CHECK ||
				constraint->contype == CONSTR_NOTNULL)
				return !constraint->is_no_inherit;
			if (constraint->contype == CONSTR_PRIMARY && constraint->indexname == NULL)
			{
				ListCell *cell;

				/* for its NOT NULL */
				foreach (cell, constraint->keys)
				{
					EcColumn *column = ec_find_column(table->world, table->relation,
													  strVal(lfirst(cell)));

					if (column == NULL || !column->is_not_null)
						return true;
				}
			}
			return constraint->contype == CONSTR_FOREIGN &&
				   table->relation->kind == RELKIND_PARTITIONED_TABLE;
		}
		case AT_DropConstraint:
		case AT_ValidateConstraint:
		{
			EcConstraint *constraint =
				ec_find_constraint(table->world, table->relation, command->name);

			if (constraint == NULL)
				return false;
			if (command->subtype == AT_ValidateConstraint && constraint->is_valid)
				return false;
			return (constraint->type == CONSTRAINT_CHECK && !constraint->no_inherit) ||
				   constraint->type == 'n' ||
				   table->relation->kind == RELKIND_PARTITIONED_TABLE;
		}
		case AT_EnableTrig:
		case AT_EnableAlwaysTrig:
		case AT_EnableReplicaTrig:
		case AT_EnableTrigAll:
		case AT_EnableTrigUser:
		case AT_DisableTrig:
		case AT_DisableTrigAll:
		case AT_DisableTrigUser:
			return table->relation->kind == RELKIND_PARTITIONED_TABLE;
		default:
			return false;
	}
}

int
ec_lint_pass(const AlterTableCmd *command)
{
	switch (command->subtype)
	{
		case AT_DropColumn:
		case AT_DropConstraint:
		case AT_DropNotNull:
		case AT_DropIdentity:
		case AT_DropExpression:
			return 0;
		case AT_ColumnDefault:
			return command->def == NULL ? 0 : 5;
		case AT_AlterColumnType:
			return 1;
		case AT_AddColumn:
			return 2;
		case AT_SetNotNull:
			return 3;
		case AT_AddConstraint:
			switch (castNode(Constraint, command->def)->contype)
			{
				case CONSTR_UNIQUE:
				case CONSTR_PRIMARY:
				case CONSTR_EXCLUSION:
					return 4;
				case CONSTR_NOTNULL:
					return 3;
				default:
					return 5;
			}
		default:
			return 6;
	}
}

static void
lint_command(EcLintTable *table, const AlterTableCmd *command)
{
	switch (command->subtype)
	{
		case AT_DropColumn:
			ec_lint_drop_column(table, command);
			break;
		case AT_AddColumn:
			ec_lint_add_column(table, command);
			break;
		case AT_SetNotNull:
			ec_lint_not_null(table, command->name);
			break;
		case AT_DropNotNull:
			ec_lint_drop_not_null(table, command->name);
			break;
		case AT_AlterColumnType:
			ec_lint_type(table, command);
			break;
		case AT_AddConstraint:
			ec_lint_constraint(table, castNode(Constraint, command->def), NULL,
							   false);
			break;
		case AT_DropConstraint:
			ec_lint_drop_constraint(table, command);
			break;
		case AT_AlterConstraint:
			ec_lint_alter_constraint(table, command);
			break;
		case AT_ValidateConstraint:
			ec_lint_validate(table, command);
			break;
		case AT_AttachPartition:
		case AT_DetachPartition:
			lint_partition(table, command);
			break;
		case AT_SetLogged:
		case AT_SetUnLogged:
		case AT_SetAccessMethod:
			if (!changes_nothing(table, command))
				(void) ec_lint_table_stop(table, "rewrite_table",
										  list_make1(table->relation), true);
			break;
		case AT_SetTableSpace:
			ec_lint_move(table->lint, table->relation, command->name);
			break;
#if PG_VERSION_NUM >= 170000
		case AT_SetExpression:
			ec_lint_expression(table, command);
			break;
#endif
		case AT_ColumnDefault:
			ec_lint_default(table, command);
			break;
		case AT_AddIdentity:
		case AT_SetIdentity:
			ec_lint_identity(table, command);
			break;
		case AT_EnableRowSecurity:
		case AT_ForceRowSecurity:
			(void) ec_lint_table_add(table, "row_security");
			break;
		case AT_DisableTrig:
		case AT_DisableTrigAll:
		case AT_DisableTrigUser:
		case AT_EnableReplicaTrig:
			(void) ec_lint_table_add(table, "disable_trigger");
			break;
		case AT_ReplicaIdentity:
			(void) ec_lint_table_add(table, "replica_identity");
			break;
		case AT_AddInherit:
		case AT_DropInherit:
			ec_lint_effect(table->lint,
						   ec_world_find(table->world,
										 castNode(RangeVar, command->def)),
						   command->subtype == AT_AddInherit ? ShareUpdateExclusiveLock
															 : AccessShareLock,
						   false, false);
			break;
		default:
			break;
	}
}

/* Logical replication transfers rows, not definitions. */
static void
lint_published(EcLintTable *table)
{
	ListCell *cell;

	foreach (cell, table->stmt->cmds)
	{
		switch (lfirst_node(AlterTableCmd, cell)->subtype)
		{
			case AT_AddColumn:
			case AT_DropColumn:
			case AT_AlterColumnType:
				if (ec_lint_is_published(table->relation))
					(void) ec_lint_table_add(table, "published_table");
				return;
			default:
				break;
		}
	}
}

/*
 * Rules for a table that does not exist, so that its data cannot be
 * considered.
 */
static void
lint_missing(EcLint *lint, AlterTableStmt *stmt)
{
	ListCell *cell;

	if (stmt->missing_ok)
		return;
	foreach (cell, stmt->cmds)
	{
		switch (lfirst_node(AlterTableCmd, cell)->subtype)
		{
			case AT_DropColumn:
				(void) ec_lint_add(lint, "drop_column", NULL);
				break;
			case AT_SetNotNull:
				(void) ec_lint_add_missing(lint, "set_not_null",
										   AccessExclusiveLock, false, true);
				break;
			case AT_AddColumn:
			case AT_AlterColumnType:
			case AT_SetLogged:
			case AT_SetUnLogged:
			case AT_SetAccessMethod:
			case AT_SetTableSpace:
				(void) ec_lint_add_missing(lint, "rewrite_table",
										   AccessExclusiveLock, true, true);
				break;
			case AT_AddConstraint:
				(void) ec_lint_add_missing(lint, "add_check",
										   AccessExclusiveLock, false, true);
				break;
			case AT_AttachPartition:
				(void) ec_lint_add_missing(lint, "attach_partition",
										   AccessExclusiveLock, false, true);
				break;
			default:
				break;
		}
	}
}

/* Applies the commands of a statement to one relation and its descendants. */
static void
lint_commands(EcLint *lint, AlterTableStmt *stmt, EcRelation *relation, LOCKMODE lock)
{
	EcLintTable table = {0};
	bool is_table = stmt->objtype == OBJECT_TABLE ||
					stmt->objtype == OBJECT_MATVIEW ||
					stmt->objtype == OBJECT_FOREIGN_TABLE ||
					relation->kind == RELKIND_RELATION;
	List *family;
	ListCell *cell;

	table.lint = lint;
	table.world = lint->world;
	table.relation = relation;
	table.stmt = stmt;
	table.sql = stmt->objtype == OBJECT_TYPE
					? quote_qualified_identifier(relation->schema, relation->name)
					: ec_lint_name(stmt->relation);
	table.lock = lock;
	family = stmt->relation->inh ? ec_world_family(lint->world, relation)
								 : list_make1(relation);
	ec_lint_effect(lint, relation, lock, false, false);
	foreach (cell, family)
	{
		ec_load_facts(lint->world, lfirst(cell));
	}
	for (int pass = 0; pass <= EC_LINT_LAST_PASS; pass++)
	{
		foreach (cell, stmt->cmds)
		{
			AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);

			if (ec_lint_pass(command) != pass)
				continue;
			table.family = list_make1(relation);
			if (reaches_down(&table, command))
			{
				table.family = family;
				ec_lint_effects(lint, family, lock, false, false);
			}
			/*
			 * for a type, a view or an index, only these can break code
			 */
			if (is_table || command->subtype == AT_DropColumn ||
				command->subtype == AT_SetTableSpace)
				lint_command(&table, command);
		}
	}
	if (is_table)
		lint_published(&table);
}

/* CASCADE propagates a change of a composite type to the typed tables. */
static void
lint_typed_tables(EcLint *lint, AlterTableStmt *stmt, EcRelation *type)
{
	AlterTableCmd *command = linitial_node(AlterTableCmd, stmt->cmds);
	ListCell *cell;

	if (ec_is_new(type))
		return;
	foreach (cell, ec_lint_tables_of_type(lint, get_rel_type_id(type->oid), true))
	{
		if (command->behavior == DROP_CASCADE)
			lint_commands(lint, stmt, lfirst(cell), AccessExclusiveLock);
		else
			ec_lint_explain(ec_lint_add(lint, "will_fail", lfirst(cell)),
							": the table is made of the type");
	}
}

void
ec_lint_alter_table(EcLint *lint, AlterTableStmt *stmt)
{
	EcRelation *relation = ec_world_find(lint->world, stmt->relation);

	if (relation == NULL)
	{
		lint_missing(lint, stmt);
		return;
	}
	lint_commands(lint, stmt, relation, AlterTableGetLockLevel(stmt->cmds));
	if (stmt->objtype == OBJECT_TYPE)
		lint_typed_tables(lint, stmt, relation);
}
