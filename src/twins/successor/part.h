/*
 * part.h
 *		What the successor of a table gets, part by part.
 *
 * Each function looks at the source and adds statements, and what is left out or
 * refused.  They are called with the settings of ec_pin_text, when the successor
 * has its columns and, if it is partitioned, its partition key.
 */
#ifndef EC_TWINS_SUCCESSOR_PART_H
#define EC_TWINS_SUCCESSOR_PART_H

#include "postgres.h"

#include "twins/successor/making.h"

extern void ec_make_columns(EcMaking *making);
extern void ec_make_keys(EcMaking *making); /* indexes, with their constraints */
extern void ec_make_checks(EcMaking *making); /* and foreign keys */
extern void ec_make_rules(EcMaking *making);  /* triggers, policies */

#endif
