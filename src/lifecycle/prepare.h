/*
 * prepare.h
 *		Builds the twins of a change that keeps names, in the background.
 */
#ifndef EC_LIFECYCLE_PREPARE_H
#define EC_LIFECYCLE_PREPARE_H

#include "postgres.h"

#include "worker/jobs/registry.h"

extern const EcJobKind ec_prepare_kind;

#endif
