/*
 * fill.h
 *		Jobs of kind "backfill".
 */
#ifndef EC_FILL_H
#define EC_FILL_H

#include "worker/job.h"

extern const EcJobKind ec_backfill_kind;

#endif
