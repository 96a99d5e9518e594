/*
 * check.c
 *		CHECK constraints.
 *
 * The twin is added NOT VALID and then validated, which blocks nobody.  One
 * that is NOT VALID stays so.  In the swap the constraint of the column that
 * loses its name is dropped: that column is NULL where its type cannot hold a
 * value, and a constraint on that could fail an application's write.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_constraint.h"
#include "commands/comment.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

#include "core/compat.h"
#include "twins/check.h"
#include "twins/translate.h"

List *
ec_twin_checks(Oid relation)
{
	Relation catalog = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyData key[1];
	SysScanDesc scan;
	HeapTuple tuple;
	List *checks = NIL;

	ScanKeyInit(&key[0], Anum_pg_constraint_conrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relation));
	scan = systable_beginscan(catalog, ConstraintRelidTypidNameIndexId, true,
							  NULL, 1, key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);
		EcTwinCheck *check;
		bool isnull;
		Datum stored;

		if (form->contype != CONSTRAINT_CHECK)
			continue;
		stored = heap_getattr(tuple, Anum_pg_constraint_conbin,
							  RelationGetDescr(catalog), &isnull);
		if (isnull)
			continue;
		check = palloc0(sizeof(EcTwinCheck));
		check->oid = form->oid;
		check->name = pstrdup(NameStr(form->conname));
		check->node = stringToNode(TextDatumGetCString(stored));
		check->text = ec_twin_translate(relation, NULL, check->node,
										EXPR_KIND_CHECK_CONSTRAINT)
						  .text;
		check->reads = ec_twin_reads(check->node);
		check->is_valid = form->convalidated;
		check->no_inherit = form->connoinherit;
		check->is_enforced = true;
#if PG_VERSION_NUM >= 180000
		check->is_enforced = form->conenforced;
#endif
		checks = lappend(checks, check);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return checks;
}

EcTwinCheck *
ec_twin_find_check(List *checks, EcTwinPlan *plan, const char *text,
				   bool no_inherit, bool is_enforced)
{
	ListCell *cell;

	foreach (cell, checks)
	{
		EcTwinCheck *check = lfirst(cell);

		if (strcmp(check->text, text) == 0 && check->no_inherit == no_inherit &&
			check->is_enforced == is_enforced &&
			!list_member_oid(plan->taken, check->oid))
		{
			plan->taken = lappend_oid(plan->taken, check->oid);
			return check;
		}
	}
	return NULL;
}

static void
look_at_check(const EcRetype *retype, EcTwinPlan *plan, List *checks,
			  const EcTwinCheck *source)
{
	char *what = psprintf("check constraint \"%s\"", source->name);
	const char *name = quote_identifier(source->name);
	EcTwinExpression wanted;
	EcTwinCheck *twin;
	char *comment;

	if (bms_is_member(0, source->reads) || bms_overlap(source->reads, retype->to))
	{
		ec_twin_refuse(plan, psprintf("%s reads the whole row, or the new column, too (drop it before, and add it after)",
									  what));
		return;
	}
	wanted = ec_twin_translate(retype->relation, retype, source->node,
							   EXPR_KIND_CHECK_CONSTRAINT);
	if (wanted.error != NULL)
	{
		ec_twin_refuse(plan, psprintf("%s: %s (drop it before, and add another after)",
									  what, wanted.error));
		return;
	}
	twin = ec_twin_find_check(checks, plan, wanted.text, source->no_inherit,
							  source->is_enforced);
	if (twin == NULL)
	{
		ec_twin_step(plan, what,
					 psprintf("ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s)%s%s",
							  retype->table,
							  quote_identifier(ec_twin_free_name(retype, plan,
																 source->name,
																 retype->label)),
							  wanted.text, source->no_inherit ? " NO INHERIT" : "",
							  source->is_enforced ? " NOT VALID" : " NOT ENFORCED"));
		return;
	}
	if (source->is_valid && !twin->is_valid)
	{
		ec_twin_step(plan, what,
					 psprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s",
							  retype->table, quote_identifier(twin->name)));
		return;
	}
	ec_twin_swap(plan, EC_SWAP_RELEASE,
				 psprintf("ALTER TABLE %s DROP CONSTRAINT %s", retype->table, name));
	ec_twin_swap(plan, EC_SWAP_NAMES,
				 psprintf("ALTER TABLE %s RENAME CONSTRAINT %s TO %s",
						  retype->table, quote_identifier(twin->name), name));
	comment = GetComment(source->oid, ConstraintRelationId, 0);
	if (comment != NULL)
		ec_twin_swap(plan, EC_SWAP_GIVE,
					 psprintf("COMMENT ON CONSTRAINT %s ON %s IS %s", name,
							  retype->table, quote_literal_cstr(comment)));
}

static void
look(const EcRetype *retype, EcTwinPlan *plan)
{
	List *checks = ec_twin_checks(retype->relation);
	ListCell *cell;

	foreach (cell, checks)
	{
		const EcTwinCheck *check = lfirst(cell);

		if (bms_overlap(check->reads, retype->from) ||
			bms_is_member(0, check->reads))
			look_at_check(retype, plan, checks, check);
	}
}

const EcTwinKind ec_twin_check = {"check", look};
