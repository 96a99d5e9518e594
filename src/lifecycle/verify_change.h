/*
 * verify_change.h
 *		Verification of a change, with its stored expressions and its rules.
 */
#ifndef EC_LIFECYCLE_VERIFY_CHANGE_H
#define EC_LIFECYCLE_VERIFY_CHANGE_H

#include "worker/jobs/job.h"
#include "worker/jobs/registry.h"

extern const EcJobKind ec_verify_kind;

#endif
