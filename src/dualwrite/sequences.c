/*
 * sequences.c
 *		The sequences of the columns of a change, and whether they are behind
 *		the stored values.
 *
 * Values are read as the owner of the change's tables.  Values that a column
 * will get count as well: if its expression is just a column of the other
 * side, that column's values will be written to it.
 *
 * A stored value at the end of the sequence's range (a sentinel) leaves no
 * number after it.  Then the numbers that the change's sequences have given
 * count instead.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"

#include "core/hint.h"
#include "core/catalog.h"
#include "core/query.h"
#include "dualwrite/index_end.h"
#include "dualwrite/sequences.h"
#include "model/owner.h"

/* a column whose values a sequence must not give again */
typedef struct Values
{
	Oid table;
	AttrNumber attnum;
} Values;

static bool
is_number(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID ||
		   type == NUMERICOID;
}

List *
ec_sequences_of_column(Oid table, AttrNumber attnum)
{
	MemoryContext memory = CurrentMemoryContext;
	List *sequences = NIL;
	EcCatalogScope scope;
	EcArgs args = {0};
	uint64 count;

	if (!is_number(getBaseType(get_atttype(table, attnum))))
		return NIL;
	ec_catalog_begin(&scope);
	ec_arg_oid(&args, table);
	ec_arg_int4(&args, attnum);
	count =
		ec_query("SELECT s.oid FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'"
				 " WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = $1 AND d.refobjsubid = $2"
				 "   AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')"
				 " UNION "
				 "SELECT s.oid FROM pg_attrdef f"
				 "  JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid"
				 "   AND d.refclassid = 'pg_class'::regclass"
				 "  JOIN pg_class s ON s.oid = d.refobjid AND s.relkind = 'S'"
				 " WHERE f.adrelid = $1 AND f.adnum = $2"
				 " ORDER BY 1",
				 &args);
	for (uint64 row = 0; row < count; row++)
	{
		MemoryContext spi = MemoryContextSwitchTo(memory);

		sequences = lappend_oid(sequences, ec_get_oid(row, 1));
		MemoryContextSwitchTo(spi);
	}
	ec_catalog_end(&scope);
	return sequences;
}

static Oid
table_of_side(const EcChange *change, EcSide side)
{
	return side == EC_SIDE_NEW && OidIsValid(change->target) ? change->target
															 : change->relation;
}

/* True if the expression is just this column, possibly with a cast. */
static bool
is_column(const char *expression, const EcChangeColumn *column)
{
	const char *name = quote_identifier(column->name);
	const char *in_parentheses = psprintf("(%s)", name);
	const char *rest = NULL;

	if (strncmp(expression, name, strlen(name)) == 0)
		rest = expression + strlen(name);
	else if (strncmp(expression, in_parentheses, strlen(in_parentheses)) == 0)
		rest = expression + strlen(in_parentheses);
	return rest != NULL && (rest[0] == '\0' || strncmp(rest, "::", 2) == 0);
}

/*
 * Returns the column of the other side whose values the column gets; NULL if
 * the expression is more than a column.
 */
static const EcChangeColumn *
find_origin(const EcChange *change, const EcChangeColumn *written)
{
	ListCell *cell;

	if (written->expression == NULL)
		return NULL;
	foreach (cell, change->columns)
	{
		const EcChangeColumn *column = lfirst(cell);

		if (column->side != written->side && column->attnum > 0 &&
			is_column(written->expression, column))
			return column;
	}
	return NULL;
}

static List *
add_values(List *values, const EcChange *change, const EcChangeColumn *column)
{
	Values *one;
	Oid table;

	if (column == NULL || column->attnum <= 0)
		return values;
	table = table_of_side(change, column->side);
	if (!is_number(getBaseType(get_atttype(table, column->attnum))))
		return values;
	one = palloc_object(Values);
	one->table = table;
	one->attnum = column->attnum;
	return lappend(values, one);
}

/* Collects the values of all columns that use the sequence. */
static List *
values_against(const EcChange *change, Oid sequence)
{
	List *values = NIL;
	ListCell *cell;

	foreach (cell, change->columns)
	{
		const EcChangeColumn *column = lfirst(cell);

		if (column->attnum > 0 &&
			list_member_oid(ec_sequences_of_column(table_of_side(change, column->side),
												   column->attnum),
							sequence))
		{
			values = add_values(values, change, column);
			values = add_values(values, change, find_origin(change, column));
		}
	}
	return values;
}

static bool
may_look(const Values *values, Oid role)
{
	return pg_class_aclcheck(values->table, role, ACL_SELECT) == ACLCHECK_OK &&
		   check_enable_rls(values->table, role, true) != RLS_ENABLED;
}

/* Restricts a sequence's bound to the range of the column's type. */
static int64
within_type(Oid type, int64 bound)
{
	if (type == INT2OID)
		return Max(PG_INT16_MIN, Min(bound, PG_INT16_MAX));
	if (type == INT4OID)
		return Max(PG_INT32_MIN, Min(bound, PG_INT32_MAX));
	return bound;
}

/* Returns "SELECT id FROM t WHERE id is within the sequence's range". */
static char *
select_values(const Values *values, const EcSequence *sequence)
{
	Oid type = getBaseType(get_atttype(values->table, values->attnum));
	const char *column =
		quote_identifier(get_attname(values->table, values->attnum, false));
	const char *type_name = format_type_be_qualified(type);

	return psprintf("SELECT CAST(pg_catalog.trunc(CAST(%s AS pg_catalog.numeric)) AS pg_catalog.int8) FROM %s"
					" WHERE %s OPERATOR(pg_catalog.>=) CAST('" INT64_FORMAT "' AS %s)"
					" AND %s OPERATOR(pg_catalog.<=) CAST('" INT64_FORMAT "' AS %s)",
					column, ec_relation_name(values->table), column,
					within_type(type, sequence->min), type_name, column,
					within_type(type, sequence->max), type_name);
}

static bool
find_farthest(const Values *values, const EcSequence *sequence, Oid role,
			  bool may_scan, int64 *farthest)
{
	EcIndexEnd end = {sequence->min, sequence->max, sequence->increment > 0};

	if (may_scan)
		return ec_first_int8(psprintf("%s ORDER BY %s %s LIMIT 1",
									  select_values(values, sequence),
									  quote_identifier(
										  get_attname(values->table,
													  values->attnum, false)),
									  end.highest ? "DESC" : "ASC"),
							 role, farthest);
	if (!ec_find_index_end(values->table, values->attnum, &end) || !end.is_there)
		return false;
	*farthest = end.value;
	return true;
}

/* True if a row has the number that the sequence gives next. */
static bool
has_next(const Values *values, const EcSequence *sequence, Oid role, bool may_scan)
{
	Oid type = getBaseType(get_atttype(values->table, values->attnum));
	int64 next;
	int64 found;
	EcIndexEnd end;

	if (!ec_sequence_next(sequence, &next) || within_type(type, next) != next)
		return false;
	if (may_scan)
		return ec_first_int8(psprintf("%s AND %s OPERATOR(pg_catalog.=) CAST('" INT64_FORMAT
									  "' AS %s) LIMIT 1",
									  select_values(values, sequence),
									  quote_identifier(
										  get_attname(values->table,
													  values->attnum, false)),
									  next, format_type_be_qualified(type)),
							 role, &found);
	end.low = end.high = next;
	end.highest = true;
	return ec_find_index_end(values->table, values->attnum, &end) && end.is_there;
}

static bool
is_farther(const EcSequence *sequence, int64 value, int64 than)
{
	return sequence->increment > 0 ? value > than : value < than;
}

/*
 * A sequence with CYCLE starts again, so stored values ahead of it do not
 * matter, unless a row has its next number.
 */
static void
look_at_values(EcSequenceUse *use, List *values, Oid role, bool may_scan)
{
	bool is_known = false;
	bool is_taken = !use->sequence.cycles;
	ListCell *cell;

	foreach (cell, values)
	{
		const Values *one = lfirst(cell);
		int64 farthest;

		if (!may_look(one, role) ||
			!find_farthest(one, &use->sequence, role, may_scan, &farthest))
			continue;
		is_taken = is_taken || has_next(one, &use->sequence, role, may_scan);
		if (is_known && !is_farther(&use->sequence, farthest, use->farthest))
			continue;
		is_known = true;
		use->farthest = farthest;
		use->table = one->table;
		use->column = get_attname(one->table, one->attnum, false);
	}
	use->is_behind = is_known && is_taken &&
					 !ec_sequence_is_past(&use->sequence, use->farthest);
}

static List *
add_use(List *uses, const EcChange *change, Oid sequence, bool may_scan)
{
	EcSequenceUse *use = palloc0_object(EcSequenceUse);
	Oid role = ec_change_role(change);

	if (!OidIsValid(role) || !ec_sequence_read(sequence, &use->sequence))
		return uses;
	use->name = ec_relation_name(sequence);
	use->may_advance = pg_class_aclcheck(sequence, role, ACL_UPDATE) == ACLCHECK_OK;
	/* whatever is said of it tells where it is: a default may name anybody's */
	use->is_unknown =
		pg_class_aclcheck(sequence, role, ACL_SELECT | ACL_USAGE | ACL_UPDATE) !=
		ACLCHECK_OK;
	if (use->is_unknown)
		return lappend(uses, use);
	look_at_values(use, values_against(change, sequence), role, may_scan);
	return lappend(uses, use);
}

/* Sequences that were never used are ignored. */
static void
settle_for_given(EcSequenceUse *use, List *uses)
{
	int64 farthest = 0;
	bool is_known = false;
	ListCell *cell;

	foreach (cell, uses)
	{
		const EcSequenceUse *other_use = lfirst(cell);
		const EcSequence *other = &other_use->sequence;

		if (other_use->is_unknown || !other->is_called ||
			(other->increment > 0) != (use->sequence.increment > 0) ||
			(is_known && !is_farther(other, other->last, farthest)))
			continue;
		is_known = true;
		farthest = other->last;
	}
	if (!is_known || !ec_sequence_has_room(&use->sequence, farthest))
		return;
	use->farthest = farthest;
	use->is_behind = !ec_sequence_is_past(&use->sequence, farthest);
}

List *
ec_sequences_of_change(const EcChange *change, bool may_scan)
{
	List *found = NIL;
	List *uses = NIL;
	ListCell *cell;

	foreach (cell, change->columns)
	{
		const EcChangeColumn *column = lfirst(cell);

		if (column->attnum > 0)
			found =
				list_concat_unique_oid(found,
									   ec_sequences_of_column(table_of_side(change,
																			column
																				->side),
															  column->attnum));
	}
	foreach (cell, found)
		uses = add_use(uses, change, lfirst_oid(cell), may_scan);
	foreach (cell, uses)
	{
		EcSequenceUse *use = lfirst(cell);

		if (use->is_behind && !use->sequence.cycles &&
			!ec_sequence_has_room(&use->sequence, use->farthest))
			settle_for_given(use, uses);
		use->has_room = !use->is_behind ||
						ec_sequence_has_room(&use->sequence, use->farthest);
	}
	return uses;
}

bool
ec_sequence_is_stuck(const EcSequenceUse *use)
{
	return use->is_unknown ||
		   (use->is_behind && !(use->may_advance && use->has_room));
}

char *
ec_sequence_state(const EcSequenceUse *use)
{
	int64 next = use->sequence.last;

	if (use->is_unknown)
		return psprintf("%s is a sequence that the owner of the tables has no right on",
						use->name);
	(void) ec_sequence_next(&use->sequence, &next);
	return psprintf("%s gives " INT64_FORMAT
					" next, and column \"%s\" of table \"%s\" goes to " INT64_FORMAT,
					use->name, next, use->column, get_rel_name(use->table),
					use->farthest);
}

char *
ec_sequence_remedy(const EcChange *change, const EcSequenceUse *use)
{
	if (!use->may_advance)
		return psprintf("GRANT UPDATE ON SEQUENCE %s TO %s", use->name,
						quote_identifier(GetUserNameFromId(change->owner, false)));
	return psprintf("ALTER SEQUENCE %s with another %s, since no number is left past that value",
					use->name,
					use->sequence.increment > 0 ? "MAXVALUE" : "MINVALUE");
}

static void
warn(const EcChange *change, const EcSequenceUse *use)
{
	ereport(WARNING,
			(use->is_unknown
				 ? errmsg("sequence %s may be behind the existing values", use->name)
				 : errmsg("sequence %s is behind the existing values", use->name),
			 errdetail("%s: an INSERT that uses it %s.", ec_sequence_state(use),
					   use->is_unknown ? "may conflict with another row"
									   : "fails, or conflicts with another row"),
			 ec_errhint("Use %s; then ec_cutover advances it.",
						ec_sequence_remedy(change, use))));
}

void
ec_bring_sequences_forward(const EcChange *change, bool may_scan)
{
	ListCell *cell;

	foreach (cell, ec_sequences_of_change(change, may_scan))
	{
		const EcSequenceUse *use = lfirst(cell);

		if (ec_sequence_is_stuck(use))
			warn(change, use);
		else if (use->is_behind)
			ec_sequence_advance(use->sequence.oid, use->farthest);
	}
}
