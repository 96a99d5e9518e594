/*
 * gates.c
 *		Lists the gates of each transition, and rejects a transition while a
 *		gate is closed; ec_gates.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"

#include "core/hint.h"
#include "core/arguments.h"
#include "lifecycle/gates.h"
#include "core/catalog.h"
#include "core/lock_retry.h"
#include "core/query.h"
#include "expand_contract.h"

typedef enum EcGateNames
{
	EC_NAMES_ANY,
	EC_NAMES_KEPT,   /* only of those */
	EC_NAMES_CHANGED /* only of others: nobody can name the old shape */
} EcGateNames;

typedef struct GateKind
{
	const char *name;
	EcGateCheck check;
	bool of_cutover;
	bool of_contract;
	EcGateNames names;    /* of changes that keep the names of columns? */
	const char *settings; /* the settings that the gate depends on, as
						   * text[]; NULL: none */
} GateKind;

#define PERIOD "expand_contract.stabilization_period"

static const GateKind gate_kinds[] = {
	{"backfill_complete", ec_gate_backfill_complete, true, true},
	{"prepared", ec_gate_prepared, true, false, EC_NAMES_KEPT},
	{"verified", ec_gate_verified, true, true},
	{"discrepancies", ec_gate_discrepancies, true, true},
	{"dual_write", ec_gate_dual_write, true, true, EC_NAMES_ANY,
	 "{expand_contract.enable_modern_write}"},
	{"sequences", ec_gate_sequences, true, true, EC_NAMES_CHANGED},
	{"replication_lag", ec_gate_replication_lag, true, true, EC_NAMES_ANY,
	 "{expand_contract.max_replication_lag,expand_contract.ignore_standbys}"},
	{"reversible", ec_gate_reversible, true, false},
	{"old_reads", ec_gate_old_reads, false, true, EC_NAMES_CHANGED, "{" PERIOD "}"},
	{"old_writes", ec_gate_old_writes, false, true, EC_NAMES_CHANGED, "{" PERIOD "}"},
	{"standby_reads", ec_gate_standby_reads, false, true, EC_NAMES_CHANGED,
	 "{" PERIOD ",expand_contract.ignore_standbys}"},
	{"app_versions", ec_gate_app_versions, false, true, EC_NAMES_CHANGED,
	 "{" PERIOD ",expand_contract.app_version_pattern}"},
	{"dependents", ec_gate_dependents, false, true},
	{"stabilization", ec_gate_stabilization, false, true, EC_NAMES_ANY,
	 "{" PERIOD "}"},
};

PG_FUNCTION_INFO_V1(ec_sql_gates);
PG_FUNCTION_INFO_V1(ec_sql_blocked_by);
PG_FUNCTION_INFO_V1(ec_sql_next_gates);

static const char *
transition_name(EcTransition transition)
{
	return transition == EC_TRANSITION_CUTOVER ? "cutover" : "contract";
}

static EcTransition
transition_from_name(const char *name)
{
	if (strcmp(name, "cutover") == 0)
		return EC_TRANSITION_CUTOVER;
	if (strcmp(name, "contract") == 0)
		return EC_TRANSITION_CONTRACT;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("unknown step \"%s\"", name),
					errhint("Use 'cutover' or 'contract'.")));
	return EC_TRANSITION_CUTOVER; /* keep the compiler quiet */
}

static bool
is_of_transition(const GateKind *kind, const EcChange *change, EcTransition transition)
{
	if (kind->names != EC_NAMES_ANY &&
		(kind->names == EC_NAMES_KEPT) != (change->kept_names != NULL))
		return false;
	return transition == EC_TRANSITION_CUTOVER ? kind->of_cutover
											   : kind->of_contract;
}

typedef struct Look
{
	const EcChange *change;
	EcGateCheck check;
	EcGate *gate;
} Look;

static void
check_gate(void *arg)
{
	Look *look = arg;

	look->check(look->change, look->gate);
}

/*
 * Whoever only looks neither waits for a table's owner, nor keeps a lock on the
 * table until the end of his transaction: he may have no right on it.
 */
static void
look_at_gate(const EcChange *change, const GateKind *kind, EcGate *gate)
{
	Look look = {change, kind->check, gate};

	if (ec_look(check_gate, &look) == NULL)
		return;
	gate->passed = false;
	gate->observed = "nothing: a table is locked";
	gate->required = "a look at the table";
	gate->hint = ec_hint("SELECT * FROM ec_blockers(%s) shows who has locked it.",
						 quote_literal_cstr(ec_relation_name(change->relation)));
}

List *
ec_gates(const EcChange *change, EcTransition transition, EcGateLook how)
{
	List *gates = NIL;

	for (int i = 0; i < lengthof(gate_kinds); i++)
	{
		EcGate *gate;

		if (!is_of_transition(&gate_kinds[i], change, transition))
			continue;
		gate = palloc0_object(EcGate);
		gate->name = gate_kinds[i].name;
		gate->at_a_glance = how == EC_LOOK_AT_A_GLANCE;
		if (how == EC_LOOK_TO_PASS)
			gate_kinds[i].check(change, gate);
		else
			look_at_gate(change, &gate_kinds[i], gate);
		if (gate->passed)
			gate->hint = NULL;
		gates = lappend(gates, gate);
	}
	return gates;
}

static char *
names_of_gates(const EcChange *change, EcTransition transition)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < lengthof(gate_kinds); i++)
		if (is_of_transition(&gate_kinds[i], change, transition))
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
							 gate_kinds[i].name);
	return names.data;
}

/* Returns the names in override.  Each must be a gate of the transition. */
static List *
overridden(const EcChange *change, EcTransition transition, ArrayType *override)
{
	List *names = ec_text_list(override, "override");
	ListCell *cell;

	foreach (cell, names)
	{
		char *name = lfirst(cell);
		bool known = false;

		for (int kind = 0; kind < lengthof(gate_kinds); kind++)
			known |= is_of_transition(&gate_kinds[kind], change, transition) &&
					 strcmp(gate_kinds[kind].name, name) == 0;
		if (!known)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("\"%s\" is not a gate of step \"%s\"", name,
								   transition_name(transition)),
							errhint("The gates are: %s.",
									names_of_gates(change, transition))));
	}
	return names;
}

static bool
has_name(List *names, const char *name)
{
	ListCell *cell;

	foreach (cell, names)
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	return false;
}

static void
refuse(const EcChange *change, EcTransition transition, List *closed)
{
	StringInfoData detail;
	StringInfoData names;
	StringInfoData hint;
	ListCell *cell;

	initStringInfo(&detail);
	initStringInfo(&names);
	initStringInfo(&hint);
	foreach (cell, closed)
	{
		EcGate *gate = lfirst(cell);

		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", gate->name);
		appendStringInfo(&detail, "%s%s: %s; required: %s.",
						 detail.len > 0 ? "\n" : "", gate->name, gate->observed,
						 gate->required);
		if (gate->hint)
			appendStringInfo(&hint, "%s: %s\n", gate->name, gate->hint);
	}
	appendStringInfoString(&hint, ec_hint("SELECT * FROM ec_gates(%s, '%s') shows them all. To pass a gate anyway, override it by its name.",
										  quote_literal_cstr(change->name),
										  transition_name(transition)));
	ereport(ERROR, (errcode(EC_ERRCODE_GATE),
					errmsg("change \"%s\" does not pass the gates of %s: %s",
						   change->name, transition_name(transition), names.data),
					errdetail("%s", detail.data), errhint("%s", hint.data)));
}

static const GateKind *
kind_of(const EcGate *gate)
{
	for (int i = 0; i < lengthof(gate_kinds); i++)
		if (strcmp(gate_kinds[i].name, gate->name) == 0)
			return &gate_kinds[i];
	return NULL;
}

/*
 * Returns the settings of a gate that were set for this session only, by SET
 * or by a connection option, with the values that they would have otherwise;
 * NULL if there are none.  Settings from a file or from the catalog apply to
 * everybody and are not reported.
 */
static char *
settings_of_session(const GateKind *kind)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	char *settings;

	if (kind->settings == NULL)
		return NULL;
	ec_arg_text(&args, kind->settings);
	ec_catalog_begin(&scope);
	ec_query("SELECT string_agg(format('%s = %L in this session', name, setting)"
			 "          || CASE WHEN source = 'session' THEN format(', %L otherwise', reset_val) ELSE '' END,"
			 "          '; ' ORDER BY name)"
			 "  FROM pg_settings"
			 " WHERE name = ANY ($1::text[]) AND source IN ('client', 'override', 'interactive', 'test', 'session')"
			 "   AND (source <> 'session' OR setting IS DISTINCT FROM reset_val)",
			 &args);
	settings = ec_get_text(0, 1);
	ec_catalog_end(&scope);
	return settings;
}

/*
 * A gate that passes because of a session's own setting is in effect
 * overridden, so it is recorded like an override.
 */
static void
record_settings(const EcChange *change, const EcGate *gate)
{
	char *settings = settings_of_session(kind_of(gate));

	if (settings != NULL)
		ec_change_announce(change->name, "override",
						   psprintf("%s: passed under %s", gate->name, settings));
}

void
ec_gates_require(const EcChange *change, EcTransition transition, ArrayType *override)
{
	List *names = overridden(change, transition, override);
	List *closed = NIL;
	ListCell *cell;

	foreach (cell, ec_gates(change, transition, EC_LOOK_TO_PASS))
	{
		EcGate *gate = lfirst(cell);

		if (gate->passed)
			record_settings(change, gate);
		else if (has_name(names, gate->name))
			ec_change_announce(change->name, "override",
							   psprintf("%s: %s", gate->name, gate->observed));
		else
			closed = lappend(closed, gate);
	}
	if (closed != NIL)
		refuse(change, transition, closed);
}

static Datum
text_or_null(const char *text, bool *isnull)
{
	*isnull = text == NULL;
	return text ? CStringGetTextDatum(text) : (Datum) 0;
}

/*
 * ec_gates(change, step) -> SETOF (gate, passed, observed, required, hint)
 *
 * Returns the current state of the gates of transition 'cutover' or
 * 'contract'. Raises 42704 if there is no such change; 42501 unless the caller
 * is the owner of the change's table or a member of pg_monitor; 22023 for
 * another transition.
 */
Datum
ec_sql_gates(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	EcChange change;
	EcTransition transition =
		transition_from_name(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	ListCell *cell;

	InitMaterializedSRF(fcinfo, 0);
	ec_change_get_to_see(ec_change_argument(fcinfo, 0), &change);
	foreach (cell, ec_gates(&change, transition, EC_LOOK))
	{
		EcGate *gate = lfirst(cell);
		Datum values[5];
		bool nulls[5] = {false};

		values[0] = CStringGetTextDatum(gate->name);
		values[1] = BoolGetDatum(gate->passed);
		values[2] = text_or_null(gate->observed, &nulls[2]);
		values[3] = text_or_null(gate->required, &nulls[3]);
		values[4] = text_or_null(gate->hint, &nulls[4]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

static bool
is_phase(const EcChange *change, const char *phase)
{
	return strcmp(change->phase, phase) == 0;
}

/*
 * The gates of the change's next transition, at a glance; NIL if the caller may
 * not see them or there is no next transition.
 */
static List *
next_gates(const char *name, EcTransition *transition)
{
	EcChange change;

	if (!ec_change_load(name, &change) || get_rel_name(change.relation) == NULL ||
		!ec_change_may_see(&change) || is_phase(&change, EC_PHASE_CONTRACTED) ||
		is_phase(&change, EC_PHASE_REVERTED))
		return NIL;
	*transition = is_phase(&change, EC_PHASE_CUT_OVER) ||
						  is_phase(&change, EC_PHASE_QUARANTINED)
					  ? EC_TRANSITION_CONTRACT
					  : EC_TRANSITION_CUTOVER;
	return ec_gates(&change, *transition, EC_LOOK_AT_A_GLANCE);
}

/*
 * expand_contract.blocked_by(change) → text[]
 *
 * Returns the closed gates of the change's next transition; NULL if the caller
 * may not see them or there is no next transition.
 */
Datum
ec_sql_blocked_by(PG_FUNCTION_ARGS)
{
	EcTransition transition;
	List *gates = next_gates(text_to_cstring(PG_GETARG_TEXT_PP(0)), &transition);
	Datum *names;
	int count = 0;
	ListCell *cell;

	if (gates == NIL)
		PG_RETURN_NULL();
	names = palloc(sizeof(Datum) * list_length(gates));
	foreach (cell, gates)
	{
		EcGate *gate = lfirst(cell);

		if (!gate->passed)
			names[count++] = CStringGetTextDatum(gate->name);
	}
	PG_RETURN_ARRAYTYPE_P(
		construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/*
 * expand_contract.next_gates(change) → SETOF (step, gate, passed)
 *
 * The same gates with those that are open; no rows where blocked_by is NULL.
 */
Datum
ec_sql_next_gates(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	EcTransition transition;
	ListCell *cell;

	InitMaterializedSRF(fcinfo, 0);
	foreach (cell, next_gates(text_to_cstring(PG_GETARG_TEXT_PP(0)), &transition))
	{
		EcGate *gate = lfirst(cell);
		Datum values[3];
		bool nulls[3] = {false};

		values[0] = CStringGetTextDatum(transition_name(transition));
		values[1] = CStringGetTextDatum(gate->name);
		values[2] = BoolGetDatum(gate->passed);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
