/*
 * copy_kind.h
 *		Jobs of kind "copy": sweeps that write rows of another table.
 */
#ifndef EC_BACKFILL_COPY_COPY_KIND_H
#define EC_BACKFILL_COPY_COPY_KIND_H

#include "postgres.h"

#include "backfill/sweep_kind.h"
#include "worker/jobs/registry.h"

extern const EcSweepKind ec_copy_sweep;
extern const EcJobKind ec_copy_kind;

#endif
