/*
 * contract.h
 *		Contraction: the old schema goes.
 */
#ifndef EC_LIFECYCLE_CONTRACT_H
#define EC_LIFECYCLE_CONTRACT_H

#include "worker/jobs/job.h"
#include "worker/jobs/registry.h"

/* Drops the old shape when its quarantine has passed (auto_drop). */
extern const EcJobKind ec_contract_kind;

#endif
