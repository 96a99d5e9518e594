/*
 * delete_kind.h
 *		Jobs of kind "delete": sweeps that delete the swept rows.
 */
#ifndef EC_BACKFILL_DELETE_KIND_H
#define EC_BACKFILL_DELETE_KIND_H

#include "postgres.h"

#include "backfill/sweep_kind.h"
#include "worker/jobs/registry.h"

extern const EcSweepKind ec_delete_sweep;
extern const EcJobKind ec_delete_kind;

#endif
