/*
 * contract.h
 *		Contraction: the old schema goes.
 */
#ifndef EC_CONTRACT_H
#define EC_CONTRACT_H

#include "worker/job.h"

/* Drops the old shape when its quarantine has passed (auto_drop). */
extern const EcJobKind ec_contract_kind;

#endif
