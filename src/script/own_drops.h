/*
 * own_drops.h
 *		A script that drops, whole, what it has itself created.
 *
 * That is what a way up and a way down make that run one after the other: it is
 * applied, and nothing is there.
 */
#ifndef EC_SCRIPT_OWN_DROPS_H
#define EC_SCRIPT_OWN_DROPS_H

#include "postgres.h"

#include "script/script.h"

/*
 * Raise EC_ERRCODE_UNSAFE if of all that the script creates nothing is left at
 * its end.  What it uses in between for something else is a helper, and no
 * reason.
 */
extern void ec_refuse_own_drops(const EcScript *script);

#endif
