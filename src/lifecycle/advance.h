/*
 * advance.h
 *		Takes a change from phase to phase, in the background.
 */
#ifndef EC_LIFECYCLE_ADVANCE_H
#define EC_LIFECYCLE_ADVANCE_H

#include "postgres.h"

#include "worker/jobs/registry.h"

extern const EcJobKind ec_advance_kind;

#endif
