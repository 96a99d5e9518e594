/*
 * lacks.h
 *		What the old shape of a change has and the new one lacks.
 *
 * Dropping a column also drops the primary key, the unique indexes, the replica
 * identity, the default, the sequence and the NOT NULL that belong to it, without
 * a notice by the server.  What the new columns lack at that time is lost.
 */
#ifndef EC_LIFECYCLE_LACKS_H
#define EC_LIFECYCLE_LACKS_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "lifecycle/lack.h"
#include "model/change.h"

/*
 * Returns a list of EcLack, in the order in which their statements have to run.
 * The statements end in semicolons and must not run in one transaction block.
 * Takes ACCESS SHARE on the change's tables.  Raises an error if a stored mapping
 * cannot be read.
 */
extern List *ec_lacks(const EcChange *change);

#endif
