/*
 * update_kind.h
 *		Jobs of kind "backfill": sweeps that update the swept rows.
 */
#ifndef EC_BACKFILL_UPDATE_KIND_H
#define EC_BACKFILL_UPDATE_KIND_H

#include "postgres.h"

#include "backfill/sweep_kind.h"
#include "worker/jobs/registry.h"

extern const EcSweepKind ec_update_sweep;
extern const EcJobKind ec_backfill_kind;

#endif
