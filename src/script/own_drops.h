/*
 * own_drops.h
 *		Detects a script that drops everything that it has created.
 *
 * This happens when an up section and a down section run one after the other:
 * the script is recorded as applied, but nothing of it exists.
 */
#ifndef EC_SCRIPT_OWN_DROPS_H
#define EC_SCRIPT_OWN_DROPS_H

#include "postgres.h"

#include "script/script.h"

/*
 * Raises EC_ERRCODE_UNSAFE if nothing that the script creates exists at its
 * end.  It does not if the script uses such an object in between to change
 * something else, because then the object is a helper.
 */
extern void ec_refuse_own_drops(const EcScript *script);

#endif
