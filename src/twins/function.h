/*
 * function.h
 *		Functions whose bodies are text, and their plans in other sessions.
 */
#ifndef EC_TWINS_FUNCTION_H
#define EC_TWINS_FUNCTION_H

#include "postgres.h"

#include "twins/twin_kind.h"

/*
 * Makes a new version of the row of each of the plan's functions, as it is.
 * Waits for nobody.
 */
extern void ec_twin_renew_functions(const EcTwinPlan *plan);

#endif
