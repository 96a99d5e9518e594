/*
 * fill.h
 *		Jobs of kinds "backfill" and "copy".
 */
#ifndef EC_FILL_H
#define EC_FILL_H

#include "worker/job.h"

extern const EcJobKind ec_backfill_kind;
extern const EcJobKind ec_copy_kind;

#endif
