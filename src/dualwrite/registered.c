/*
 * registered.c
 *		What ec_expand finds under the name of a change: the same change, another
 *		one, or one that has ended.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/hint.h"
#include "core/catalog.h"
#include "core/json.h"
#include "core/query.h"
#include "dualwrite/old_columns.h"
#include "dualwrite/registered.h"
#include "model/owner.h"
#include "worker/jobs/control.h"

static bool
same_jsonb(Jsonb *left, Jsonb *right)
{
	if (left == NULL || right == NULL)
		return left == right;
	return compareJsonbContainers(&left->root, &right->root) == 0;
}

static bool
same_names(List *left, List *right)
{
	ListCell *a;
	ListCell *b;

	if (list_length(left) != list_length(right))
		return false;
	forboth (a, left, b, right)
	{
		if (strcmp(lfirst(a), lfirst(b)) != 0)
			return false;
	}
	return true;
}

/* The keys of an object are sorted. */
static bool
same_columns(Jsonb *left, Jsonb *right)
{
	JsonbIterator *a = JsonbIteratorInit(&left->root);
	JsonbIterator *b = JsonbIteratorInit(&right->root);
	JsonbIteratorToken token;
	JsonbValue x;
	JsonbValue y;

	while ((token = JsonbIteratorNext(&a, &x, true)) ==
			   JsonbIteratorNext(&b, &y, true) &&
		   token != WJB_DONE)
	{
		if (token == WJB_KEY &&
			(x.val.string.len != y.val.string.len ||
			 memcmp(x.val.string.val, y.val.string.val, x.val.string.len) != 0))
			return false;
	}
	return token == WJB_DONE;
}

static bool
is_other_mapping(Jsonb *known, Jsonb *asked, bool may_differ, bool *differs)
{
	if (same_jsonb(known, asked))
		return false;
	*differs = true;
	return !may_differ || known == NULL || asked == NULL ||
		   !same_columns(known, asked);
}

/* The table of a column, and the name that the column has today, or NULL. */
static Oid
table_of_column(const EcChange *change, const EcChangeColumn *column)
{
	return column->side == EC_SIDE_NEW && OidIsValid(change->target)
			   ? change->target
			   : change->relation;
}

static char *
name_today(const EcChange *change, const EcChangeColumn *column)
{
	return column->attnum > 0
			   ? get_attname(table_of_column(change, column), column->attnum, true)
			   : NULL;
}

/* The same columns, with the names that they have today. */
static List *
columns_of_today(const EcChange *change, List *columns)
{
	List *today = NIL;
	ListCell *cell;

	foreach (cell, columns)
	{
		EcChangeColumn *column = palloc_object(EcChangeColumn);
		char *name;

		*column = *(EcChangeColumn *) lfirst(cell);
		name = name_today(change, column);
		if (name != NULL)
			column->name = name;
		today = lappend(today, column);
	}
	return today;
}

/* The name today of the column that a mapping or key of the change names. */
static char *
renamed(const EcChange *change, EcSide side, bool is_key, const char *name)
{
	ListCell *cell;

	foreach (cell, change->columns)
	{
		const EcChangeColumn *column = lfirst(cell);

		if ((is_key ? column->key_position == 0 ||
						  (OidIsValid(change->target) && column->side != side)
					: column->side != side) ||
			strcmp(column->name, name) != 0)
			continue;
		return name_today(change, column) ? name_today(change, column)
										  : pstrdup(name);
	}
	return pstrdup(name);
}

static Jsonb *
mapping_of_today(const EcChange *change, EcSide side, Jsonb *mapping)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue item;
	EcJsonWriter writer;
	char *name = NULL;

	if (mapping == NULL)
		return NULL;
	iterator = JsonbIteratorInit(&mapping->root);
	ec_json_begin(&writer);
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			name = pnstrdup(item.val.string.val, item.val.string.len);
		else if (token == WJB_VALUE)
			ec_json_text(&writer, renamed(change, side, false, name),
						 pnstrdup(item.val.string.val, item.val.string.len));
	}
	return ec_json_end(&writer);
}

/*
 * The change as a call would describe it that gives its columns the names of
 * today; the expressions have those of then.
 */
static void
describe_today(const EcChange *known, EcChange *today)
{
	ListCell *cell;

	*today = *known;
	today->columns = columns_of_today(known, known->columns);
	today->unmapped = columns_of_today(known, known->unmapped);
	today->forward = mapping_of_today(known, EC_SIDE_NEW, known->forward);
	today->backward = mapping_of_today(known, EC_SIDE_OLD, known->backward);
	today->key = NIL;
	foreach (cell, known->key)
		today->key =
			lappend(today->key, renamed(known, EC_SIDE_NEW, true, lfirst(cell)));
}

/* The argument that differs from the registered one; NULL: none does. */
static const char *
difference(const EcChange *known, const EcChange *asked, bool may_differ,
		   bool *differs)
{
	*differs = false;
	return known->relation != asked->relation ? "relation"
		   : known->target != asked->target   ? "target"
		   : is_other_mapping(known->forward, asked->forward, may_differ, differs)
			   ? "forward"
		   : is_other_mapping(known->backward, asked->backward, may_differ, differs)
			   ? "backward"
		   : !same_names(known->key, asked->key) ? "key"
		   : !ec_same_old_columns(known, asked)  ? "old_columns"
		   : known->records != asked->records    ? "on_error"
												 : NULL;
}

bool
ec_is_registered(const EcChange *asked, EcChange *known, bool may_differ,
				 bool *differs, bool *by_today)
{
	const char *what;

	*differs = false;
	*by_today = false;
	if (!ec_change_load(asked->name, known))
		return false;
	may_differ |= known->is_restored;
	what = difference(known, asked, may_differ, differs);
	if (may_differ && (what != NULL || *differs))
	{
		EcChange today;
		bool differs_today;

		describe_today(known, &today);
		if (difference(&today, asked, true, &differs_today) == NULL)
		{
			what = NULL;
			*by_today = true;
			*differs = differs_today;
		}
	}
	if (what != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("change \"%s\" exists already, and differs", asked->name),
				 errdetail("Argument \"%s\" differs from the registered one.", what),
				 errhint("Choose another name, or end that change first.")));
	return true;
}

bool
ec_change_has_no_table(const EcChange *change)
{
	return get_rel_name(change->relation) == NULL &&
		   (!OidIsValid(change->target) || get_rel_name(change->target) == NULL);
}

static void
end_gone(const EcChange *change)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_arg_text(&args, change->name);
	ec_catalog_begin(&scope);
	ec_cancel_jobs_of_change(change->name, NULL);
	(void) ec_query("DELETE FROM expand_contract.discrepancies WHERE change = $1",
					&args);
	(void) ec_query("DELETE FROM expand_contract.gaps WHERE change = $1", &args);
	ec_catalog_end(&scope);
	ec_change_set_phase(change->name, EC_PHASE_REVERTED);
}

void
ec_retire_ended(const char *name)
{
	EcChange known;

	if (!ec_change_load(name, &known))
		return;
	if (!ec_change_is_over(&known) && !ec_change_has_no_table(&known))
		return;
	if (!ec_change_is_mine(&known))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("name \"%s\" belongs to a change of another owner", name),
				 errdetail("The change has ended, but applications of its owner may still read its flag."),
				 errhint("Choose another name.")));
	if (!ec_change_is_over(&known))
		end_gone(&known);
	(void) ec_change_retire(&known);
}

/* A column of the change that has another name than then; NULL: none has. */
static const EcChangeColumn *
renamed_column(const EcChange *known)
{
	List *columns = list_concat_copy(known->columns, known->unmapped);
	ListCell *cell;

	foreach (cell, columns)
	{
		const EcChangeColumn *column = lfirst(cell);
		char *name = name_today(known, column);

		if (name == NULL || strcmp(name, column->name) == 0)
			continue;
		/* No argument of ec_expand names this column. */
		if (column->side == EC_SIDE_KEY && known->key == NIL && !column->goes)
			continue;
		return column;
	}
	return NULL;
}

static void
refuse_renamed(const EcChange *known, const EcChangeColumn *column)
{
	Oid table = table_of_column(known, column);
	char *name = name_today(known, column);

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("change \"%s\" cannot be set up again while one of its columns has another name",
					known->name),
			 errdetail("Column \"%s\" of table \"%s\" was \"%s\" when the change was registered.",
					   name, get_rel_name(table), column->name),
			 strcmp(known->phase, EC_PHASE_QUARANTINED) == 0
				 ? ec_errhint("It is in quarantine: use ec_revert(%s) first.",
							  quote_literal_cstr(known->name))
				 : ec_errhint("Give all columns the names of today, %s in place of %s, in the same call of ec_expand.",
							  quote_identifier(name),
							  quote_identifier(column->name))));
}

void
ec_refuse_renamed(const EcChange *known, bool by_today)
{
	const EcChangeColumn *column = renamed_column(known);

	if (column != NULL &&
		(!by_today || strcmp(known->phase, EC_PHASE_QUARANTINED) == 0))
		refuse_renamed(known, column);
}

static bool
has_column(const EcChange *change, const EcChangeColumn *wanted)
{
	ListCell *cell;

	foreach (cell, change->columns)
	{
		const EcChangeColumn *column = lfirst(cell);

		if (column->side == wanted->side && column->attnum == wanted->attnum)
			return true;
	}
	return false;
}

void
ec_require_same_columns(const EcChange *known, const EcChange *asked)
{
	const EcChangeColumn *column = renamed_column(known);
	bool same = list_length(known->columns) == list_length(asked->columns);
	ListCell *cell;

	if (column == NULL)
		return;
	foreach (cell, known->columns)
		same = same && has_column(asked, lfirst(cell));
	if (!same)
		refuse_renamed(known, column);
}

void
ec_rename_queued(const EcChange *known)
{
	List *before = NIL;
	List *today = NIL;
	EcCatalogScope scope;
	EcArgs args = {0};
	ListCell *cell;

	foreach (cell, known->columns)
	{
		const EcChangeColumn *column = lfirst(cell);
		char *name = name_today(known, column);

		if (column->key_position == 0 || name == NULL ||
			strcmp(name, column->name) == 0)
			continue;
		before = lappend(before, column->name);
		today = lappend(today, name);
	}
	if (before == NIL)
		return;
	ec_arg_text(&args, known->name);
	ec_arg_texts(&args, before);
	ec_arg_texts(&args, today);
	ec_catalog_begin(&scope);
	(void) ec_query("UPDATE expand_contract.discrepancies d"
					"   SET key = (SELECT jsonb_object_agg(coalesce(r.today, e.key), e.value)"
					"                FROM jsonb_each(d.key) e"
					"                LEFT JOIN unnest($2, $3) r (before, today) ON r.before = e.key)"
					" WHERE d.change = $1",
					&args);
	ec_catalog_end(&scope);
}
