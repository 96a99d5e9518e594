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

bool
ec_is_registered(const EcChange *asked, EcChange *known, bool may_differ,
				 bool *differs)
{
	const char *what;

	*differs = false;
	if (!ec_change_load(asked->name, known))
		return false;
	may_differ |= known->is_restored;
	what = known->relation != asked->relation ? "relation"
		   : known->target != asked->target   ? "target"
		   : is_other_mapping(known->forward, asked->forward, may_differ, differs)
			   ? "forward"
		   : is_other_mapping(known->backward, asked->backward, may_differ, differs)
			   ? "backward"
		   : !same_names(known->key, asked->key) ? "key"
		   : !ec_same_old_columns(known, asked)  ? "old_columns"
		   : known->records != asked->records    ? "on_error"
												 : NULL;
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

void
ec_refuse_renamed(const EcChange *known)
{
	List *columns = list_concat_copy(known->columns, known->unmapped);
	ListCell *cell;

	foreach (cell, columns)
	{
		EcChangeColumn *column = lfirst(cell);
		Oid table = column->side == EC_SIDE_NEW && OidIsValid(known->target)
						? known->target
						: known->relation;
		char *name =
			column->attnum > 0 ? get_attname(table, column->attnum, true) : NULL;

		if (name == NULL || strcmp(name, column->name) == 0)
			continue;
		/* No argument of ec_expand names this column. */
		if (column->side == EC_SIDE_KEY && known->key == NIL && !column->goes)
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("change \"%s\" cannot be set up again while one of its columns has another name",
						known->name),
				 errdetail("Column \"%s\" of table \"%s\" was \"%s\" when the change was registered.",
						   name, get_rel_name(table), column->name),
				 column->goes && strcmp(known->phase, EC_PHASE_QUARANTINED) == 0
					 ? ec_errhint("It is in quarantine: use ec_revert(%s) first.",
								  quote_literal_cstr(known->name))
					 : ec_errhint("Use ALTER TABLE %s RENAME COLUMN %s TO %s, call ec_expand again, and rename it back.",
								  ec_relation_name(table), quote_identifier(name),
								  quote_identifier(column->name))));
	}
}
