/*
 * lint_statement.c
 *		The lint's rules for statements that create, drop, rename and fill
 *		tables.
 */
#include "postgres.h"

#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "lint/lint_object.h"
#include "lint/lint_rows.h"
#include "lint/lint_rules.h"

/*
 * Renaming an object of any other type breaks no statement of an application.
 */
static const char *
rename_rule(ObjectType type)
{
	switch (type)
	{
		case OBJECT_COLUMN:
		case OBJECT_ATTRIBUTE:
			return "rename_column";
		case OBJECT_TABLE:
		case OBJECT_FOREIGN_TABLE:
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
		case OBJECT_SEQUENCE:
			return "rename_table";
		case OBJECT_FUNCTION:
		case OBJECT_PROCEDURE:
		case OBJECT_ROUTINE:
		case OBJECT_AGGREGATE:
			return "rename_function";
		case OBJECT_TYPE:
		case OBJECT_DOMAIN:
			return "rename_type";
		case OBJECT_SCHEMA:
			return "rename_schema";
		default:
			return NULL;
	}
}

static const char *
drop_rule(ObjectType type)
{
	switch (type)
	{
		case OBJECT_TABLE:
		case OBJECT_FOREIGN_TABLE:
			return "drop_table";
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
			return "drop_view";
		case OBJECT_SEQUENCE:
			return "drop_sequence";
		case OBJECT_FUNCTION:
		case OBJECT_PROCEDURE:
		case OBJECT_ROUTINE:
		case OBJECT_AGGREGATE:
			return "drop_function";
		case OBJECT_TYPE:
		case OBJECT_DOMAIN:
			return "drop_type";
		case OBJECT_SCHEMA:
			return "drop_schema";
		case OBJECT_EXTENSION:
			return "drop_extension";
		default:
			return NULL;
	}
}

static bool
is_relation(ObjectType type)
{
	return type == OBJECT_TABLE || type == OBJECT_FOREIGN_TABLE ||
		   type == OBJECT_VIEW || type == OBJECT_MATVIEW ||
		   type == OBJECT_SEQUENCE;
}

static EcRelation *
table_of_index(EcLint *lint, EcRelation *index)
{
	return ec_is_new(index)
			   ? index->table
			   : ec_world_relation(lint->world, IndexGetRelation(index->oid, true));
}

/* Indexes of partitions are dropped with a partitioned index. */
static void
forget_parts(EcLint *lint, EcRelation *index)
{
	ListCell *cell;

	if (ec_is_new(index) || index->kind != RELKIND_PARTITIONED_INDEX)
		return;
	foreach (cell, ec_world_children(lint->world, index))
	{
		EcRelation *part = lfirst(cell);
		EcRelation *table = table_of_index(lint, part);
		EcIndex *known =
			table ? ec_find_index(lint->world, table, part->name) : NULL;

		if (known != NULL)
			table->indexes = list_delete_ptr(table->indexes, known);
		forget_parts(lint, part);
	}
}

static void
drop_index(EcLint *lint, DropStmt *stmt, List *names)
{
	RangeVar *name = makeRangeVarFromNameList(names);
	EcRelation *index = ec_world_find(lint->world, name);
	EcRelation *table;
	EcFinding *finding;
	EcIndex *known;

	if (index == NULL)
	{
		if (!stmt->missing_ok && !stmt->concurrent)
			(void) ec_lint_add_missing(lint, "drop_index", AccessExclusiveLock,
									   false, false);
		return;
	}
	table = table_of_index(lint, index);
	known = table ? ec_find_index(lint->world, table, index->name) : NULL;
	if (known != NULL)
		table->indexes = list_delete_ptr(table->indexes, known);
	forget_parts(lint, index);
	ec_world_drop(lint->world, index);
	if (stmt->concurrent || table == NULL || ec_is_new(table))
		return;
	/* For a partitioned index, those of the partitions as well. */
	ec_lint_effects(lint,
					index->kind == RELKIND_PARTITIONED_INDEX
						? ec_world_family(lint->world, table)
						: list_make1(table),
					AccessExclusiveLock, false, false);
	finding = ec_lint_add(lint, "drop_index", ec_is_new(index) ? table : index);
	finding->lock = AccessExclusiveLock;
	if (ec_lint_is_small(ec_world_family(lint->world, table)))
		finding->severity = EC_SEVERITY_NOTICE;
	finding->recipe = psprintf("DROP INDEX CONCURRENTLY %s;", ec_lint_name(name));
}

static void
lint_cascade(EcLint *lint, EcRelation *relation)
{
	char *dependents =
		ec_is_new(relation) ? NULL : ec_lint_dependents(relation->oid);

	if (dependents != NULL)
		ec_lint_explain(ec_lint_add(lint, "cascade", relation), ": %s", dependents);
}

static void
drop_relation(EcLint *lint, DropStmt *stmt, List *names, const char *rule)
{
	EcRelation *relation =
		ec_world_find(lint->world, makeRangeVarFromNameList(names));
	bool comes_back;
	ListCell *cell;

	if (relation == NULL)
	{
		if (!stmt->missing_ok)
			(void) ec_lint_add(lint, rule, NULL);
		return;
	}
	ec_lint_effects(lint,
					relation->kind == RELKIND_RELATION
						? list_make1(relation)
						: ec_world_family(lint->world, relation),
					AccessExclusiveLock, false, false);
	comes_back = strcmp(rule, "drop_view") == 0 &&
				 ec_lint_comes_back(lint, 'v', relation->name, "");
	if (!comes_back)
		ec_lint_add(lint, rule, relation)->lock = AccessExclusiveLock;
	ec_load_facts(lint->world, relation);
	foreach (cell, relation->constraints)
	{
		ec_lint_drop_key(lint, relation, lfirst(cell));
	}
	if (stmt->behavior == DROP_CASCADE)
	{
		foreach (cell, ec_inbound_keys(lint->world, relation))
		{
			EcInboundKey *key = lfirst(cell);

			ec_lint_effect(lint, key->relation, AccessExclusiveLock, false, false);
		}
		lint_cascade(lint, relation);
		foreach (cell, ec_lint_views_on(lint, relation, 0))
		{
			ec_lint_effect(lint, lfirst(cell), AccessExclusiveLock, false, false);
			ec_world_drop(lint->world, lfirst(cell));
		}
	}
	foreach (cell, ec_world_parents(lint->world, relation))
	{
		EcRelation *parent = lfirst(cell);

		/*
		 * The set of partitions changes for the parent and for the default
		 * partition.
		 */
		ec_lint_effect(lint, parent, AccessExclusiveLock, false, false);
		ec_lint_effect(lint, ec_lint_default_partition(lint, parent),
					   AccessExclusiveLock, false, false);
	}
	ec_world_drop(lint->world, relation);
}

static void
lint_drop(EcLint *lint, DropStmt *stmt)
{
	const char *rule = drop_rule(stmt->removeType);
	ListCell *cell;

	foreach (cell, stmt->objects)
	{
		Node *object = lfirst(cell);

		if (stmt->removeType == OBJECT_INDEX)
			drop_index(lint, stmt, (List *) object);
		else if (is_relation(stmt->removeType))
			drop_relation(lint, stmt, (List *) object, rule);
		else if (stmt->removeType == OBJECT_TRIGGER ||
				 stmt->removeType == OBJECT_POLICY || stmt->removeType == OBJECT_RULE)
		{
			List *table =
				list_copy_head((List *) object, list_length((List *) object) - 1);

			if (table != NIL)
				ec_lint_effect(lint,
							   ec_world_find(lint->world,
											 makeRangeVarFromNameList(table)),
							   AccessExclusiveLock, false, false);
		}
		else if (IsA(object, ObjectWithArgs) && rule != NULL)
		{
			ObjectWithArgs *function = castNode(ObjectWithArgs, object);

			if (!ec_lint_is_own_object(lint, 'f', function->objname) &&
				!ec_lint_function_comes_back(lint, function))
				(void) ec_lint_add(lint, rule, NULL);
			ec_lint_make_object(lint, 'd', function->objname);
		}
		else if (IsA(object, TypeName) && rule != NULL)
		{
			if (!ec_lint_is_own_object(lint, 't', castNode(TypeName, object)->names))
				(void) ec_lint_add(lint, rule, NULL);
		}
		else if (rule != NULL &&
				 !(IsA(object, String) &&
				   ec_world_is_new_object(lint->world, 's', NULL, strVal(object))))
			(void) ec_lint_add(lint, rule, NULL);
	}
	if (stmt->behavior == DROP_CASCADE && rule != NULL &&
		!is_relation(stmt->removeType))
		(void) ec_lint_add(lint, "cascade", NULL);
}

static void
rename_column(EcLint *lint, EcRelation *relation, RenameStmt *stmt)
{
	List *family = stmt->relation->inh ? ec_world_family(lint->world, relation)
									   : list_make1(relation);
	EcColumn *column = ec_find_column(lint->world, relation, stmt->subname);
	ListCell *cell;

	ec_lint_effects(lint, family, AccessExclusiveLock, false, false);
	if (relation->kind == RELKIND_COMPOSITE_TYPE && !ec_is_new(relation))
		ec_lint_effects(lint,
						ec_lint_tables_of_type(lint, get_rel_type_id(relation->oid),
											   true),
						AccessExclusiveLock, false, false);
	if (column == NULL || !column->is_new)
		ec_lint_add(lint, "rename_column", relation)->lock = AccessExclusiveLock;
	foreach (cell, family)
	{
		column = ec_find_column(lint->world, lfirst(cell), stmt->subname);
		if (column != NULL)
			column->name = pstrdup(stmt->newname);
	}
}

static void
rename_constraint(EcLint *lint, EcRelation *relation, RenameStmt *stmt)
{
	ListCell *cell;

	foreach (cell, ec_world_family(lint->world, relation))
	{
		EcConstraint *constraint =
			ec_find_constraint(lint->world, lfirst(cell), stmt->subname);

		if (constraint == NULL)
			continue;
		ec_lint_effect(lint, lfirst(cell), AccessExclusiveLock, false, false);
		constraint->name = pstrdup(stmt->newname);
	}
}

static bool
is_own_object(EcLint *lint, ObjectType type, Node *object)
{
	if (object == NULL)
		return false;
	if (IsA(object, ObjectWithArgs))
		return ec_lint_is_own_object(lint, 'f',
									 castNode(ObjectWithArgs, object)->objname);
	if (type == OBJECT_TYPE || type == OBJECT_DOMAIN)
		return ec_lint_is_own_object(lint, 't', (List *) object);
	return false;
}

static void
lint_rename(EcLint *lint, RenameStmt *stmt)
{
	const char *rule = rename_rule(stmt->renameType);
	EcRelation *relation = ec_world_find(lint->world, stmt->relation);

	if (stmt->relation != NULL && relation == NULL)
	{
		if (rule != NULL && !stmt->missing_ok)
			(void) ec_lint_add(lint, rule, NULL);
		return;
	}
	if (relation == NULL)
	{
		if (rule != NULL && !is_own_object(lint, stmt->renameType, stmt->object) &&
			!(stmt->renameType == OBJECT_SCHEMA &&
			  ec_world_is_new_object(lint->world, 's', NULL, stmt->subname)))
			(void) ec_lint_add(lint, rule, NULL);
		if (stmt->renameType == OBJECT_SCHEMA)
			ec_world_create_object(lint->world, 's', NULL, stmt->newname);
		return;
	}
	if (stmt->renameType == OBJECT_COLUMN || stmt->renameType == OBJECT_ATTRIBUTE)
	{
		rename_column(lint, relation, stmt);
		return;
	}
	if (stmt->renameType == OBJECT_TABCONSTRAINT)
	{
		rename_constraint(lint, relation, stmt);
		return;
	}
	if (stmt->renameType == OBJECT_INDEX || relation->kind == RELKIND_INDEX)
	{
		EcRelation *table = table_of_index(lint, relation);
		EcIndex *index =
			table ? ec_find_index(lint->world, table, relation->name) : NULL;

		if (index != NULL)
			index->name = pstrdup(stmt->newname);
	}
	else
	{
		ec_lint_effect(lint, relation, AccessExclusiveLock, false, false);
		if (rule != NULL)
			ec_lint_add(lint, rule, relation)->lock = AccessExclusiveLock;
		else if (stmt->renameType != OBJECT_TRIGGER &&
				 stmt->renameType != OBJECT_POLICY && stmt->renameType != OBJECT_RULE)
			return;
	}
	if (stmt->renameType != OBJECT_TRIGGER &&
		stmt->renameType != OBJECT_POLICY && stmt->renameType != OBJECT_RULE)
		ec_world_rename(lint->world, relation, NULL, stmt->newname);
}

static void
lint_set_schema(EcLint *lint, AlterObjectSchemaStmt *stmt)
{
	const char *rule = rename_rule(stmt->objectType);
	EcRelation *relation = ec_world_find(lint->world, stmt->relation);

	if (rule == NULL || (relation == NULL && stmt->missing_ok) ||
		is_own_object(lint, stmt->objectType, stmt->object))
		return;
	ec_lint_add(lint, rule, relation)->lock =
		stmt->relation ? AccessExclusiveLock : NoLock;
	if (relation == NULL)
		return;
	ec_lint_effect(lint, relation, AccessExclusiveLock, false, false);
	ec_world_rename(lint->world, relation, stmt->newschema, NULL);
}

/* Objects that refer to a table are dropped with it, or prevent the drop. */
static void
lint_truncate(EcLint *lint, TruncateStmt *stmt)
{
	List *relations = NIL;
	ListCell *cell;

	foreach (cell, stmt->relations)
	{
		RangeVar *name = lfirst_node(RangeVar, cell);
		EcRelation *relation = ec_world_find(lint->world, name);

		if (relation == NULL)
		{
			(void) ec_lint_add(lint, "truncate", NULL);
			continue;
		}
		relations =
			list_concat_unique_ptr(relations,
								   name->inh ? ec_world_family(lint->world, relation)
											 : list_make1(relation));
		ec_lint_add(lint, "truncate", relation)->lock = AccessExclusiveLock;
	}
	/* The list grows during the loop. */
	foreach (cell, relations)
	{
		EcRelation *relation = lfirst(cell);
		ListCell *other;

		foreach (other, ec_inbound_keys(lint->world, relation))
		{
			EcRelation *referencing = ((EcInboundKey *) lfirst(other))->relation;

			if (list_member_ptr(relations, referencing))
				continue;
			if (stmt->behavior == DROP_CASCADE)
			{
				ec_lint_add(lint, "truncate", referencing)->lock =
					AccessExclusiveLock;
				relations = list_concat_unique_ptr(relations,
												   ec_world_family(lint->world,
																   referencing));
			}
			else
				ec_lint_explain(ec_lint_add(lint, "will_fail", relation),
								": %s refers to the table",
								quote_qualified_identifier(referencing->schema,
														   referencing->name));
		}
	}
	ec_lint_effects(lint, relations, AccessExclusiveLock, true, false);
}

/* The statement itself, with CONCURRENTLY after the word INDEX. */
static char *
concurrent_index(const char *text)
{
	const char *word;

	for (word = text; *word; word++)
	{
		if (pg_strncasecmp(word, "INDEX", 5) == 0)
			return psprintf("%.*s CONCURRENTLY%s;", (int) (word + 5 - text),
							text, word + 5);
	}
	return NULL;
}

static void
enter_index(EcLint *lint, EcRelation *table, IndexStmt *stmt)
{
	EcIndex *index = palloc0(sizeof(EcIndex));
	RangeVar *name;
	EcRelation *relation;
	ListCell *cell;

	index->name = pstrdup(stmt->idxname);
	index->is_unique = stmt->unique;
	index->is_partial = stmt->whereClause != NULL;
	foreach (cell, stmt->indexParams)
	{
		IndexElem *element = lfirst_node(IndexElem, cell);
		EcColumn *column = ec_find_column(lint->world, table, element->name);

		index->keys = lappend_int(index->keys, column ? column->number : 0);
		index->opclasses = lappend_oid(index->opclasses, InvalidOid);
		index->collations = lappend_oid(index->collations, InvalidOid);
	}
	table->indexes = lappend(table->indexes, index);
	name = makeRangeVar(table->schema, stmt->idxname, -1);
	relation = ec_world_create(lint->world, name, RELKIND_INDEX);
	relation->table = table;
}

static void
lint_index(EcLint *lint, IndexStmt *stmt)
{
	EcRelation *table = ec_world_find(lint->world, stmt->relation);
	EcRelation *same = NULL;
	List *family;

	if (table == NULL)
	{
		if (!stmt->concurrent)
			ec_lint_add_missing(lint, "create_index", ShareLock, false, true)->recipe =
				concurrent_index(lint->statement->text);
		return;
	}
	family = stmt->relation->inh ? ec_world_partitions(lint->world, table)
								 : list_make1(table);
	if (stmt->if_not_exists && stmt->idxname != NULL)
		same = ec_world_find(lint->world,
							 makeRangeVar(table->schema, stmt->idxname, -1));
	if (stmt->concurrent || same != NULL)
		ec_lint_effects(lint, family,
						stmt->concurrent ? ShareUpdateExclusiveLock : ShareLock,
						false, false);
	else
		ec_lint_stop(lint, "create_index", family, ShareLock, false, true)->recipe =
			concurrent_index(lint->statement->text);
	if (same == NULL && stmt->idxname != NULL)
		enter_index(lint, table, stmt);
}

static bool
is_set(List *options, const char *name)
{
	ListCell *cell;

	foreach (cell, options)
	{
		DefElem *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, name) == 0 && defGetBoolean(option))
			return true;
	}
	return false;
}

static void
lint_rewriting(EcLint *lint, const RangeVar *name, const char *recipe)
{
	EcRelation *relation = ec_world_find(lint->world, name);
	EcFinding *finding;

	if (name != NULL && relation != NULL)
		finding = ec_lint_stop(lint, "rewrite_table",
							   ec_world_partitions(lint->world, relation),
							   AccessExclusiveLock, true, true);
	else
	{
		finding = name != NULL
					  ? ec_lint_add_missing(lint, "rewrite_table",
											AccessExclusiveLock, true, true)
					  : ec_lint_add(lint, "rewrite_table", NULL);
		finding->lock = AccessExclusiveLock;
		finding->rewrites = true;
		finding->scans = true;
	}
	finding->recipe = pstrdup(recipe);
}

static void
lint_vacuum(EcLint *lint, VacuumStmt *stmt)
{
	bool is_full = stmt->is_vacuumcmd && is_set(stmt->options, "full");
	ListCell *cell;

	if (is_full && stmt->rels == NIL)
		lint_rewriting(lint, NULL, "VACUUM;");
	foreach (cell, stmt->rels)
	{
		RangeVar *name = lfirst_node(VacuumRelation, cell)->relation;

		if (is_full)
			lint_rewriting(lint, name, psprintf("VACUUM %s;", ec_lint_name(name)));
		else
		{
			EcRelation *relation = ec_world_find(lint->world, name);

			/* ANALYZE reads a sample only. */
			if (relation != NULL)
				ec_lint_effects(lint,
								relation->kind == RELKIND_PARTITIONED_TABLE ||
										PG_VERSION_NUM >= 180000
									? ec_world_family(lint->world, relation)
									: list_make1(relation),
								ShareUpdateExclusiveLock, false, false);
		}
	}
}

static void
lint_reindex(EcLint *lint, ReindexStmt *stmt)
{
	EcRelation *relation = ec_world_find(lint->world, stmt->relation);
	EcRelation *table = relation;
	EcFinding *finding;

	if (is_set(stmt->params, "concurrently"))
		return;
	if (relation != NULL && (relation->kind == RELKIND_INDEX ||
							 relation->kind == RELKIND_PARTITIONED_INDEX))
		table = table_of_index(lint, relation);
	if (table != NULL)
		finding = ec_lint_stop(lint, "reindex",
							   ec_world_partitions(lint->world, table),
							   ShareLock, false, true);
	else
	{
		finding = stmt->relation
					  ? ec_lint_add_missing(lint, "reindex", ShareLock, false, true)
					  : ec_lint_add(lint, "reindex", NULL);
		finding->lock = ShareLock;
		finding->scans = true;
	}
	/* No other session can plan a query on the table meanwhile. */
	if (relation != table && finding->statement != NULL)
	{
		finding->relation = relation->oid;
		finding->lock = AccessExclusiveLock;
	}
	if (stmt->relation != NULL)
		finding->recipe =
			psprintf("REINDEX %s CONCURRENTLY %s;",
					 stmt->kind == REINDEX_OBJECT_INDEX ? "INDEX" : "TABLE",
					 ec_lint_name(stmt->relation));
}

static void
lint_refresh(EcLint *lint, RefreshMatViewStmt *stmt)
{
	EcRelation *relation = ec_world_find(lint->world, stmt->relation);
	EcFinding *finding;

	if (stmt->concurrent)
	{
		ec_lint_effect(lint, relation, ExclusiveLock, false, false);
		return;
	}
	finding = relation == NULL
				  ? ec_lint_add_missing(lint, "refresh", AccessExclusiveLock,
										true, false)
				  : ec_lint_stop(lint, "refresh", list_make1(relation),
								 AccessExclusiveLock, true, false);
	finding->recipe = psprintf("-- needs a unique index on columns of the view\n"
							   "REFRESH MATERIALIZED VIEW CONCURRENTLY %s;",
							   ec_lint_name(stmt->relation));
}

/*
 * Foreign keys lock the existing tables to which they refer, for a short time.
 */
static void
lint_keys_of_new(EcLint *lint, EcRelation *relation, List *elements)
{
	ListCell *cell;

	foreach (cell, elements)
	{
		Node *element = lfirst(cell);
		Constraint *constraint;

		if (IsA(element, ColumnDef))
		{
			lint_keys_of_new(lint, relation,
							 castNode(ColumnDef, element)->constraints);
			continue;
		}
		if (!IsA(element, Constraint))
			continue;
		constraint = castNode(Constraint, element);
		if (constraint->contype == CONSTR_FOREIGN)
			ec_lint_foreign_key(lint, relation, constraint, constraint->fk_attrs,
								false, ShareRowExclusiveLock);
	}
}

static void
lint_create(EcLint *lint, CreateStmt *stmt, char kind)
{
	EcRelation *relation;
	ListCell *cell;

	if (stmt->if_not_exists && ec_world_find(lint->world, stmt->relation) != NULL)
		return;
	if (stmt->partspec != NULL)
		kind = RELKIND_PARTITIONED_TABLE;
	relation = ec_world_create(lint->world, stmt->relation, kind);
	foreach (cell, stmt->inhRelations)
	{
		EcRelation *parent =
			ec_world_find(lint->world, lfirst_node(RangeVar, cell));

		if (parent == NULL)
			continue;
		if (stmt->partbound != NULL)
			ec_lint_new_partition(lint, parent, stmt->partbound);
		else
			ec_lint_effect(lint, parent, ShareUpdateExclusiveLock, false, false);
		parent->new_children = lappend(parent->new_children, relation);
	}
	lint_keys_of_new(lint, relation, stmt->tableElts);
}

static void
create_unless_there(EcLint *lint, const RangeVar *name, char kind, bool if_not_exists)
{
	if (!if_not_exists || ec_world_find(lint->world, name) == NULL)
		(void) ec_world_create(lint->world, name, kind);
}

static void
lint_schema(EcLint *lint, CreateSchemaStmt *stmt)
{
	const char *name = stmt->schemaname ? stmt->schemaname
					   : stmt->authrole ? stmt->authrole->rolename
										: NULL;
	ListCell *cell;

	if (name == NULL ||
		(stmt->if_not_exists && OidIsValid(get_namespace_oid(name, true))))
		return;
	ec_world_create_object(lint->world, 's', NULL, name);
	foreach (cell, stmt->schemaElts)
	{
		Node *element = lfirst(cell);
		RangeVar *made = NULL;

		if (IsA(element, CreateStmt))
			made = castNode(CreateStmt, element)->relation;
		else if (IsA(element, ViewStmt))
			made = castNode(ViewStmt, element)->view;
		else if (IsA(element, CreateSeqStmt))
			made = castNode(CreateSeqStmt, element)->sequence;
		if (made == NULL)
			continue;
		made = copyObject(made);
		made->schemaname = pstrdup(name);
		(void) ec_world_create(lint->world, made, RELKIND_RELATION);
	}
}

static void
lint_view(EcLint *lint, ViewStmt *stmt)
{
	EcRelation *present = ec_world_find(lint->world, stmt->view);

	if (stmt->replace && present != NULL)
		ec_lint_effect(lint, present, AccessExclusiveLock, false, false);
	else
		(void) ec_world_create(lint->world, stmt->view, RELKIND_VIEW);
}

static void
lint_lock(EcLint *lint, LockStmt *stmt)
{
	ListCell *cell;

	foreach (cell, stmt->relations)
	{
		RangeVar *name = lfirst_node(RangeVar, cell);
		EcRelation *relation = ec_world_find(lint->world, name);
		List *family;
		EcFinding *finding;

		if (relation == NULL)
		{
			if (stmt->mode >= ShareLock)
				(void) ec_lint_add_missing(lint, "lock_table", stmt->mode,
										   false, false);
			continue;
		}
		family = name->inh ? ec_world_family(lint->world, relation)
						   : list_make1(relation);
		ec_lint_effects(lint, family, stmt->mode, false, false);
		if (stmt->mode < ShareLock)
			continue;
		finding = ec_lint_add(lint, "lock_table", relation);
		finding->lock = stmt->mode;
	}
}

/* The statement that follows the settings in the same way as it would run. */
void
ec_lint_statement(EcLint *lint)
{
	Node *node = lint->statement->node;
	const char *command;

	if (ec_statement_kind(lint->statement, &command) == EC_STATEMENT_FORBIDDEN)
	{
		(void) ec_lint_add(lint, "not_in_script", NULL);
		return;
	}
	if (ec_lint_rows(lint, node) || ec_lint_object(lint, node))
		return;
	switch (nodeTag(node))
	{
		case T_VariableSetStmt:
			ec_world_set(lint->world, castNode(VariableSetStmt, node));
			break;
		case T_CreateStmt:
			lint_create(lint, castNode(CreateStmt, node), RELKIND_RELATION);
			break;
		case T_CreateForeignTableStmt:
			lint_create(lint, &castNode(CreateForeignTableStmt, node)->base,
						RELKIND_FOREIGN_TABLE);
			break;
		case T_CreateSeqStmt:
			create_unless_there(lint, castNode(CreateSeqStmt, node)->sequence,
								RELKIND_SEQUENCE,
								castNode(CreateSeqStmt, node)->if_not_exists);
			break;
		case T_CreateSchemaStmt:
			lint_schema(lint, castNode(CreateSchemaStmt, node));
			break;
		case T_ViewStmt:
			lint_view(lint, castNode(ViewStmt, node));
			break;
		case T_DropStmt:
			lint_drop(lint, castNode(DropStmt, node));
			break;
		case T_DropOwnedStmt:
			(void) ec_lint_add(lint, "drop_owned", NULL);
			break;
		case T_RenameStmt:
			lint_rename(lint, castNode(RenameStmt, node));
			break;
		case T_AlterObjectSchemaStmt:
			lint_set_schema(lint, castNode(AlterObjectSchemaStmt, node));
			break;
		case T_AlterEnumStmt:
			if (castNode(AlterEnumStmt, node)->oldVal != NULL)
				(void) ec_lint_add(lint, "rename_value", NULL);
			break;
		case T_TruncateStmt:
			lint_truncate(lint, castNode(TruncateStmt, node));
			break;
		case T_AlterTableStmt:
			ec_lint_alter_table(lint, castNode(AlterTableStmt, node));
			break;
		case T_IndexStmt:
			lint_index(lint, castNode(IndexStmt, node));
			break;
		case T_ReindexStmt:
			lint_reindex(lint, castNode(ReindexStmt, node));
			break;
		case T_VacuumStmt:
			lint_vacuum(lint, castNode(VacuumStmt, node));
			break;
		case T_ClusterStmt:
			lint_rewriting(lint, castNode(ClusterStmt, node)->relation,
						   "-- there is no way to order a table that others use");
			break;
		case T_RefreshMatViewStmt:
			lint_refresh(lint, castNode(RefreshMatViewStmt, node));
			break;
		case T_LockStmt:
			lint_lock(lint, castNode(LockStmt, node));
			break;
		default:
			break;
	}
}
