/*
 * gates.h
 *		Named, observable conditions of a change's transitions.
 *
 * A gate is observed, never asserted.  Each says what it saw, what it wants,
 * and what to do; overriding one is possible, by name, and recorded.
 *
 *		gates.c              which gates a transition has; ec_gates; refusing
 *		gates_data.c         is the new shape right, and does it stay right?
 *		gates_usage.c        is anybody left who uses the old shape?
 *		gates_dependents.c   does anything in the catalogue still name it?
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
	bool at_a_glance; /* nothing that takes long or waits may be looked at */
	bool passed;
	char *observed;
	char *required;
	char *hint; /* NULL if passed */
} EcGate;

/* One gate's look at the world; in no catalogue scope. */
typedef void (*EcGateCheck)(const EcChange *change, EcGate *gate);

/* All gates of a transition, in their order; of EcGate. */
extern List *
ec_gates(const EcChange *change, EcTransition transition, bool at_a_glance);

/*
 * Raise 55000 unless all gates of the transition are passed or overridden;
 * overridden ones that were not passed are recorded as events of the change, and
 * so are settings of the session alone that a passed one goes by.  override is a
 * text[] or NULL; 22023 for what is no gate of the transition.
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

/* gates_dependents.c */
extern void ec_gate_dependents(const EcChange *change, EcGate *gate);

#endif
