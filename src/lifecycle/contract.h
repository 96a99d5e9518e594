/*
 * contract.h
 *		Contraction: removes the old shape of a change.
 */
#ifndef EC_LIFECYCLE_CONTRACT_H
#define EC_LIFECYCLE_CONTRACT_H

#include "worker/jobs/job.h"
#include "worker/jobs/registry.h"

/* the job of auto_drop: drops the old shape after its quarantine */
extern const EcJobKind ec_contract_kind;

#endif
