/*
 * gates.h
 *		Gates: conditions that a change must meet before a transition.
 *
 * The state of a gate is always observed, never stored.  Each gate reports
 * what it observed, what it requires, and what to do.  A gate can be
 * overridden by name, and the override is recorded.
 *
 *		gates.c              lists the gates of a transition; ec_gates
 *		gates_data.c         checks the data of the new shape and its upkeep
 *		gates_usage.c        checks whether anybody still uses the old shape
 *		gates_prepared.c     checks what keeping names needs
 *		gates_dependents.c   looks for catalog objects that name the old shape
 */
#ifndef EC_LIFECYCLE_GATES_H
#define EC_LIFECYCLE_GATES_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/array.h"

#include "model/change.h"

typedef enum EcTransition
{
	EC_TRANSITION_CUTOVER,
	EC_TRANSITION_CONTRACT
} EcTransition;

typedef struct EcGate
{
	const char *name;
	bool at_a_glance; /* the check must not take long and must not wait */
	bool passed;
	char *observed;
	char *required;
	char *hint; /* NULL if passed */
} EcGate;

/* Checks one gate; called outside a catalog scope. */
typedef void (*EcGateCheck)(const EcChange *change, EcGate *gate);

/* What the gates are looked at for. */
typedef enum EcGateLook
{
	EC_LOOK_TO_PASS,    /* keeps the locks, and waits for them */
	EC_LOOK,            /* neither; a gate of a locked table is closed */
	EC_LOOK_AT_A_GLANCE /* likewise, and leaves out what takes long */
} EcGateLook;

/* Returns all gates (EcGate) of a transition, in their order. */
extern List *
ec_gates(const EcChange *change, EcTransition transition, EcGateLook how);

/*
 * Raises XE020 unless each gate of the transition is passed or overridden.  An
 * overridden gate that was not passed is recorded as an event of the change;
 * so is a setting of this session alone on which a passed gate depends.
 * override is a text[] or NULL; raises 22023 if it names no gate of the
 * transition.
 */
extern void ec_gates_require(const EcChange *change, EcTransition transition,
							 ArrayType *override);

/* gates_data.c */
extern void ec_gate_backfill_complete(const EcChange *change, EcGate *gate);
extern void ec_gate_verified(const EcChange *change, EcGate *gate);
extern void ec_gate_discrepancies(const EcChange *change, EcGate *gate);
extern void ec_gate_dual_write(const EcChange *change, EcGate *gate);
extern void ec_gate_sequences(const EcChange *change, EcGate *gate);
extern void ec_gate_replication_lag(const EcChange *change, EcGate *gate);
extern void ec_gate_reversible(const EcChange *change, EcGate *gate);

/* gates_usage.c */
extern void ec_gate_old_reads(const EcChange *change, EcGate *gate);
extern void ec_gate_old_writes(const EcChange *change, EcGate *gate);
extern void ec_gate_standby_reads(const EcChange *change, EcGate *gate);
extern void ec_gate_app_versions(const EcChange *change, EcGate *gate);
extern void ec_gate_stabilization(const EcChange *change, EcGate *gate);

/* gates_prepared.c; for changes that keep the names of columns */
extern void ec_gate_prepared(const EcChange *change, EcGate *gate);

/* gates_dependents.c */
extern void ec_gate_dependents(const EcChange *change, EcGate *gate);

#endif
