/*
 * plan_column.c
 *		ADD COLUMN: without values, which a job fills in.
 *
 * A column whose values have to be computed for each row is added without
 * them.  New rows get their value by the default, the others by the job.  What
 * else is written with the column is added after that, as if it were written
 * for the table.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_type.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "core/pinned.h"
#include "core/rights.h"
#include "lint/plan/planner.h"

typedef struct NewColumn
{
	EcPlanner *planner;
	EcDraft *draft;
	EcRelation *relation;
	bool inh;
	const ColumnDef *definition;
	EcColumnPieces *parts;
	const char *quoted; /* its name */
	char *table;
	List *constraints; /* Constraint: complete, without attributes */
	const char *serial_type;
	const Constraint *default_value;
	const Constraint *identity;
	const Constraint *generated;
	bool is_not_null;
	const Constraint *not_null; /* NULL: it is not written as one */
} NewColumn;

static const char *
serial_type(const TypeName *type)
{
	static const struct
	{
		const char *name;
		const char *type;
	} serials[] = {{"smallserial", "smallint"}, {"serial2", "smallint"},
				   {"serial", "integer"},       {"serial4", "integer"},
				   {"bigserial", "bigint"},     {"serial8", "bigint"}};

	if (list_length(type->names) != 1 || type->pct_type || type->setof ||
		type->arrayBounds != NIL)
		return NULL;
	for (int i = 0; i < lengthof(serials); i++)
	{
		if (strcmp(serials[i].name, strVal(linitial(type->names))) == 0)
			return serials[i].type;
	}
	return NULL;
}

static void
read_constraints(NewColumn *column)
{
	ListCell *cell;

	ec_lint_merge_attributes(column->definition->constraints);
	foreach (cell, column->definition->constraints)
	{
		Constraint *constraint = lfirst_node(Constraint, cell);

		switch (constraint->contype)
		{
			case CONSTR_NULL:
			case CONSTR_ATTR_DEFERRABLE:
			case CONSTR_ATTR_DEFERRED:
			case CONSTR_ATTR_NOT_DEFERRABLE:
			case CONSTR_ATTR_IMMEDIATE:
#if PG_VERSION_NUM >= 180000
			case CONSTR_ATTR_ENFORCED:
			case CONSTR_ATTR_NOT_ENFORCED:
#endif
				break;
			case CONSTR_DEFAULT:
				column->default_value = constraint;
				break;
			case CONSTR_IDENTITY:
				column->identity = constraint;
				column->is_not_null = true;
				break;
			case CONSTR_GENERATED:
				column->generated = constraint;
				break;
			case CONSTR_NOTNULL:
				column->is_not_null = true;
				column->not_null = constraint;
				break;
			case CONSTR_PRIMARY:
				column->is_not_null = true;
				column->constraints = lappend(column->constraints, constraint);
				break;
			default:
				column->constraints = lappend(column->constraints, constraint);
				break;
		}
	}
}

/*
 * Returns the type's own default, of a domain, as SQL; NULL: it has none that
 * has to be computed for each row.
 */
static char *
default_of_type(EcWorld *world, const TypeName *name)
{
	Type type;
	Node *value;
	char *text;
	int level;

	if (!ec_lint_has_volatile_default(world, name))
		return NULL;
	type = ec_lint_find_type(world, name, NULL);
	value = get_typdefault(typeTypeId(type));
	ReleaseSysCache(type);
	level = ec_pin_text();
	text = deparse_expression(value, NIL, false, false);
	AtEOXact_GUC(false, level);
	return text;
}

static bool
is_constrained_domain(EcWorld *world, const TypeName *name)
{
	Type type = ec_lint_find_type(world, name, NULL);
	bool result;

	if (type == NULL)
		return false;
	result = get_typtype(typeTypeId(type)) == TYPTYPE_DOMAIN &&
			 DomainHasConstraints(typeTypeId(type));
	ReleaseSysCache(type);
	return result;
}

/* Adds the column; then sets what new rows get. */
static void
plan_addition(NewColumn *column, const char *definition, const char *more)
{
	EcPlanStep *step =
		ec_plan_alter(column->draft, column->relation, column->table,
					  psprintf("ADD COLUMN %s%s", definition, more));

	step->undo =
		psprintf("ALTER TABLE %s DROP COLUMN %s", column->table, column->quoted);
	step->detail = "adds the column without values; new rows get the default";
}

static char *
set_default(const NewColumn *column, const char *value)
{
	return psprintf(";\nALTER TABLE %s ALTER COLUMN %s SET DEFAULT %s",
					column->table, column->quoted, value);
}

static void
plan_fill_of(NewColumn *column, EcRelation *relation, const char *value)
{
	EcPlanStep *step =
		ec_plan_step(column->draft, EC_PLAN_JOB,
					 psprintf("SELECT %s.ec_backfill(%s, %s, %s, batch_size => 0)",
							  column->planner->extension,
							  quote_literal_cstr(ec_plan_name(relation->schema,
															  relation->name)),
							  quote_literal_cstr(
								  psprintf("%s = %s", column->quoted, value)),
							  quote_literal_cstr(
								  psprintf("%s IS NULL", column->quoted))),
					 relation, RowExclusiveLock, true);

	step->undo = "";
	step->detail = "gives the other rows their value, in batches";
}

/* The rows of foreign partitions get no value; nor do they as written. */
static void
plan_fill(NewColumn *column, const char *value)
{
	ListCell *cell;

	if (ec_plan_foreign(column->planner, column->relation) == NULL)
	{
		plan_fill_of(column, column->relation, value);
		return;
	}
	foreach (cell,
			 ec_world_partitions(column->planner->lint.world, column->relation))
	{
		EcRelation *leaf = lfirst(cell);

		if (leaf->kind == RELKIND_RELATION)
			plan_fill_of(column, leaf, value);
	}
}

static char *
sequence_value(const EcRelation *relation, const char *sequence)
{
	return psprintf("nextval(%s::regclass)",
					quote_literal_cstr(ec_plan_name(relation->schema, sequence)));
}

/* It has the owner of its table, as one that the server creates. */
static char *
create_sequence(const NewColumn *column, const char *name, const char *options)
{
	Oid owner = ec_relation_owner(column->relation->oid);
	char *sequence = ec_plan_name(column->relation->schema, name);
	char *give = "";

	if (OidIsValid(owner) && owner != GetUserId())
		give = psprintf(";\nALTER SEQUENCE %s OWNER TO %s;\nALTER SEQUENCE %s",
						sequence, quote_identifier(GetUserNameFromId(owner, false)),
						sequence);
	return psprintf(";\nCREATE %sSEQUENCE %s%s%s OWNED BY %s.%s",
					column->relation->persistence == RELPERSISTENCE_UNLOGGED
						? "UNLOGGED "
						: "",
					sequence, options, give,
					ec_plan_name(column->relation->schema, column->relation->name),
					column->quoted);
}

static void
plan_serial(NewColumn *column)
{
	char *sequence =
		ec_plan_choose_name(column->planner, column->relation,
							column->definition->colname, "seq", true, false);
	char *value = sequence_value(column->relation, sequence);

	plan_addition(column, psprintf("%s %s", column->quoted, column->serial_type),
				  psprintf("%s%s",
						   create_sequence(column, sequence,
										   psprintf(" AS %s", column->serial_type)),
						   set_default(column, value)));
	plan_fill(column, value);
}

/* The options of an identity column that a sequence has, too. */
static char *
identity_options(const NewColumn *column)
{
	static const char *const own[] = {"sequence_name", "owned_by", "as",
									  "logged", "unlogged"};
	EcPieces *pieces = ec_pieces_of(column->planner->statement);
	List *options = column->identity->options;
	char *text = "";
	ListCell *cell;

	foreach (cell, options)
	{
		DefElem *option = lfirst_node(DefElem, cell);
		int from = ec_piece_at(pieces, option->location);
		int until;
		bool is_own = false;
		ListCell *next = lnext(options, cell);

		if (next != NULL)
			until = ec_piece_at(pieces, lfirst_node(DefElem, next)->location);
		else
		{
			until = from;
			while (until < pieces->count &&
				   pieces->tokens[until].depth >= pieces->tokens[from].depth)
				until++;
		}
		for (int i = 0; i < lengthof(own); i++)
			is_own |= strcmp(own[i], option->defname) == 0;
		if (!is_own)
			text = psprintf("%s %s", text, ec_piece_text(pieces, from, until));
	}
	return text;
}

/*
 * A sequence gives the values until the column can become an identity column,
 * whose own sequence goes on from there.
 */
static void
plan_identity_end(NewColumn *column, const char *sequence)
{
	char *name = ec_plan_name(column->relation->schema, column->relation->name);
	EcPlanStep *step =
		ec_plan_alter(column->draft, column->relation, column->table,
					  psprintf("ALTER COLUMN %s DROP DEFAULT;\n"
							   "ALTER TABLE %s ALTER COLUMN %s ADD %s;\n"
							   "SELECT pg_catalog.setval(pg_catalog.pg_get_serial_sequence(%s, %s), "
							   "pg_catalog.nextval(%s), false);\n"
							   "DROP SEQUENCE %s",
							   column->quoted, column->table, column->quoted,
							   column->parts->identity, quote_literal_cstr(name),
							   quote_literal_cstr(column->definition->colname),
							   quote_literal_cstr(
								   ec_plan_name(column->relation->schema, sequence)),
							   ec_plan_name(column->relation->schema, sequence)));

	/* an identity column cannot lose its NOT NULL, which is taken back next */
	step->undo = psprintf("ALTER TABLE %s ALTER COLUMN %s DROP IDENTITY IF EXISTS",
						  column->table, column->quoted);
	step->detail = "makes it an identity column that goes on where the job ended";
}

static char *
plan_identity(NewColumn *column)
{
	char *sequence;
	char *value;

	/* the name that the column's own sequence will get */
	(void) ec_plan_choose_name(column->planner, column->relation,
							   column->definition->colname, "seq", true, false);
	sequence = ec_plan_choose_name(column->planner, column->relation,
								   column->definition->colname, "fill_seq",
								   true, false);
	value = sequence_value(column->relation, sequence);
	plan_addition(column, column->parts->head,
				  psprintf("%s%s",
						   create_sequence(column, sequence, identity_options(column)),
						   set_default(column, value)));
	plan_fill(column, value);
	return sequence;
}

/* Its values are computed by those who read them. */
static bool
is_virtual(const NewColumn *column)
{
#if PG_VERSION_NUM >= 180000
	return column->generated != NULL &&
		   column->generated->generated_kind == ATTRIBUTE_GENERATED_VIRTUAL;
#else
	return false;
#endif
}

/* A child that has the column keeps its values and its default. */
static EcRelation *
child_with_column(NewColumn *column)
{
	EcWorld *world = column->planner->lint.world;
	ListCell *cell;

	foreach (cell, ec_world_family(world, column->relation))
	{
		EcRelation *child = lfirst(cell);

		if (ec_find_column(world, child, column->definition->colname) != NULL)
			return child;
	}
	return NULL;
}

/* Returns why the column cannot be added online; NULL: it can. */
static char *
obstacle(NewColumn *column)
{
	EcWorld *world = column->planner->lint.world;
	EcRelation *child = child_with_column(column);

	if (child != NULL)
		return psprintf("the child %s has a column of that name, whose values and default would change",
						quote_identifier(child->name));
	/* a job writes the rows of all children */
	if (column->relation->kind != RELKIND_PARTITIONED_TABLE &&
		ec_plan_foreign(column->planner, column->relation) != NULL)
		return psprintf("the child %s is a foreign table, whose rows a job does not write",
						quote_identifier(
							ec_plan_foreign(column->planner, column->relation)->name));
	if (ec_lint_own_type(world, column->definition->typeName) != NULL)
		return "the script itself creates the type";
	if (column->generated != NULL && !is_virtual(column))
		return "a stored generated column has to be computed for each row at once";
	if (is_constrained_domain(world, column->definition->typeName))
		return "the constraints of the domain are checked for each row at once; a column of its base type with a CHECK can be added";
	if (column->identity != NULL && has_subclass(column->relation->oid) &&
		!(PG_VERSION_NUM >= 170000 &&
		  column->relation->kind == RELKIND_PARTITIONED_TABLE))
		return "an identity column cannot be added to a table with children";
	return NULL;
}

static char *
inline_parts(const NewColumn *column)
{
	char *text = "";

	if (column->default_value != NULL)
		text = psprintf("%s DEFAULT %s", text, column->parts->default_sql);
	if (column->generated != NULL)
		text = psprintf("%s %s", text, column->parts->generated);
	if (!column->is_not_null || is_virtual(column))
		return text;
	if (column->not_null != NULL && column->not_null->conname != NULL)
		text = psprintf("%s CONSTRAINT %s", text,
						quote_identifier(column->not_null->conname));
	return psprintf("%s NOT NULL%s", text,
					column->not_null != NULL && column->not_null->is_no_inherit
						? " NO INHERIT"
						: "");
}

static void
plan_constraints(NewColumn *column)
{
	int check = 0;
	ListCell *cell;

	foreach (cell, column->constraints)
	{
		Constraint *constraint = lfirst_node(Constraint, cell);
		int before = list_length(column->draft->steps);

		ec_plan_constraint(column->planner, column->draft, column->relation,
						   column->inh, constraint, column->definition->colname,
						   constraint->contype == CONSTR_CHECK
							   ? list_nth(column->parts->checks, check++)
							   : NULL);
		if (list_length(column->draft->steps) <= before)
		{
			column->draft->steps = NIL;
			return;
		}
	}
}

void
ec_plan_column(EcPlanner *planner, EcDraft *draft, EcRelation *relation,
			   bool inh, const AlterTableCmd *command, const EcPieces *pieces)
{
	NewColumn column = {0};
	const char *value = NULL;
	char *sequence = NULL;

	column.planner = planner;
	column.draft = draft;
	column.relation = relation;
	column.inh = inh;
	column.definition = castNode(ColumnDef, command->def);
	if (ec_find_column(planner->lint.world, relation,
					   column.definition->colname) != NULL)
		return;
	column.parts = ec_pieces_of_column(pieces, column.definition);
	column.quoted = quote_identifier(column.definition->colname);
	column.table = ec_plan_table(relation, inh);
	column.serial_type = serial_type(column.definition->typeName);
	read_constraints(&column);
	draft->reason = obstacle(&column);
	if (draft->reason != NULL)
		return;
	if (column.serial_type != NULL)
	{
		column.is_not_null = true;
		plan_serial(&column);
	}
	else if (column.identity != NULL)
		sequence = plan_identity(&column);
	else
	{
		if (column.default_value == NULL)
		{
			value =
				default_of_type(planner->lint.world, column.definition->typeName);
			if (value != NULL)
				plan_addition(&column, column.parts->head,
							  psprintf(" DEFAULT NULL;\nALTER TABLE %s ALTER COLUMN %s DROP DEFAULT",
									   column.table, column.quoted));
		}
		else if (ec_lint_is_volatile(planner->lint.world,
									 column.default_value->raw_expr))
		{
			value = column.parts->default_sql;
			plan_addition(&column, column.parts->head, set_default(&column, value));
		}
		if (value != NULL)
			plan_fill(&column, value);
		else
		{
			plan_addition(&column, column.parts->head, inline_parts(&column));
			if (column.is_not_null && !is_virtual(&column))
				draft->proven = column.definition->colname;
		}
	}
	if (column.is_not_null && draft->proven == NULL)
	{
		if (is_virtual(&column))
			ec_plan_not_null_constraint(planner, draft, relation, inh,
										column.definition->colname,
										column.not_null);
		else
			ec_plan_not_null(planner, draft, relation, inh,
							 column.definition->colname, column.not_null);
		draft->proven = column.definition->colname;
	}
	if (sequence != NULL)
		plan_identity_end(&column, sequence);
	plan_constraints(&column);
}
