/*
 * old_shape.c
 *		The old shape of a change: what contraction will remove.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/relcache.h"
#include "utils/rel.h"

#include "access/table.h"
#include "lifecycle/old_shape.h"
#include "core/catalog.h"
#include "core/query.h"
#include "dualwrite/tables/table_target.h"

static AttrNumber
present_attnum(const EcChange *change, const EcChangeColumn *column)
{
	AttrNumber attnum = column->attnum;

	/* a dropped one has no name */
	if (attnum <= 0 || get_attname(change->relation, attnum, true) == NULL)
		return InvalidAttrNumber;
	return attnum;
}

/*
 * A column of that name on the day of ec_expand; 0 if it is gone.  One that the
 * mappings do not name is known by its name alone: not while it is away, when
 * another may have taken the name.
 */
static AttrNumber
attnum_of(const EcChange *change, const char *name, bool by_name)
{
	ListCell *cell;

	foreach (cell, change->columns)
	{
		EcChangeColumn *column = lfirst(cell);

		if (OidIsValid(change->target) && column->side == EC_SIDE_NEW)
			continue; /* of the other table */
		if (strcmp(column->name, name) == 0)
			return present_attnum(change, column);
	}
	return by_name ? get_attnum(change->relation, name) : InvalidAttrNumber;
}

/* The keys of an object, as a list of char *. */
static List *
keys_of(Jsonb *object)
{
	JsonbIterator *iterator = JsonbIteratorInit(&object->root);
	JsonbIteratorToken token;
	JsonbValue value;
	List *keys = NIL;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		if (token == WJB_KEY)
			keys = lappend(keys,
						   pnstrdup(value.val.string.val, value.val.string.len));
	return keys;
}

static Bitmapset *
all_columns(Oid relation_oid)
{
	Relation relation = try_table_open(relation_oid, AccessShareLock);
	Bitmapset *columns = NULL;

	if (relation == NULL)
		return NULL;
	for (int i = 0; i < RelationGetNumberOfAttributes(relation); i++)
		if (!TupleDescAttr(RelationGetDescr(relation), i)->attisdropped)
			columns = bms_add_member(columns, i + 1);
	table_close(relation, NoLock);
	return columns;
}

/* Is nothing in the table of which the change does not know? */
static bool
knows_all_columns(const EcChange *change)
{
	Bitmapset *columns = all_columns(change->relation);
	ListCell *cell;

	if (bms_is_empty(columns))
		return false;
	foreach (cell, change->columns)
	{
		EcChangeColumn *column = lfirst(cell);

		if (column->side != EC_SIDE_NEW)
			columns = bms_del_member(columns, column->attnum);
	}
	return bms_is_empty(columns);
}

bool
ec_old_is_whole_table(const EcChange *change)
{
	if (!OidIsValid(change->target))
		return false;
	if (change->old_columns != NIL)
		return ec_names_whole_table(change->old_columns);
	/* registered when there was no choice, or when nothing but keys is read */
	return strcmp(change->phase, EC_PHASE_QUARANTINED) == 0 ||
		   knows_all_columns(change);
}

/* While they are renamed away, we know their names. */
static Bitmapset *
quarantined_columns(const EcChange *change)
{
	MemoryContext memory = CurrentMemoryContext;
	Bitmapset *columns = NULL;
	EcCatalogScope scope;
	EcArgs args = {0};
	uint64 count;

	ec_arg_text(&args, change->name);
	ec_arg_oid(&args, change->relation);
	ec_catalog_begin(&scope);
	count = ec_query("SELECT a.attnum::int FROM expand_contract.quarantined q"
					 "  JOIN pg_attribute a ON a.attrelid = $2 AND a.attname = q.quarantined_as"
					 " WHERE q.change = $1",
					 &args);
	for (uint64 row = 0; row < count; row++)
	{
		int attnum = ec_get_int4(row, 1, 0);
		MemoryContext caller = MemoryContextSwitchTo(memory);

		columns = bms_add_member(columns, attnum);
		MemoryContextSwitchTo(caller);
	}
	ec_catalog_end(&scope);
	return columns;
}

Bitmapset *
ec_old_columns(const EcChange *change)
{
	bool is_away = strcmp(change->phase, EC_PHASE_QUARANTINED) == 0;
	List *names = change->old_columns;
	Bitmapset *columns = NULL;
	ListCell *cell;

	if (ec_old_is_whole_table(change))
		return all_columns(change->relation);
	if (names == NIL && change->backward != NULL && !OidIsValid(change->target))
		names = keys_of(change->backward);
	if (is_away)
		columns = quarantined_columns(change);
	foreach (cell, names)
	{
		AttrNumber attnum = attnum_of(change, lfirst(cell), !is_away);

		if (attnum > 0)
			columns = bms_add_member(columns, attnum);
	}
	return columns;
}

ArrayType *
ec_old_column_names(const EcChange *change)
{
	Bitmapset *columns = ec_old_columns(change);
	Datum *names = palloc(sizeof(Datum) * Max(1, bms_num_members(columns)));
	int count = 0;
	int attnum = -1;

	while ((attnum = bms_next_member(columns, attnum)) >= 0)
		names[count++] =
			CStringGetTextDatum(get_attname(change->relation, attnum, false));
	return construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT);
}

Datum
ec_old_column_numbers(const EcChange *change)
{
	Bitmapset *columns = ec_old_columns(change);
	Datum *numbers = palloc(sizeof(Datum) * Max(1, bms_num_members(columns)));
	int count = 0;
	int attnum = -1;

	while ((attnum = bms_next_member(columns, attnum)) >= 0)
		numbers[count++] = Int16GetDatum(attnum);
	return PointerGetDatum(construct_array(numbers, count, INT2OID,
										   sizeof(int16), true, TYPALIGN_SHORT));
}
