/*
 * lacks.h
 *		What the old shape of a change has and the new one lacks.
 *
 * A primary key, a replica identity, a unique index, a default or a sequence, and
 * NOT NULL go with the columns that have them, and the server does not say so.
 * What the new columns do not have by then, nobody has any more.
 */
#ifndef EC_LIFECYCLE_LACKS_H
#define EC_LIFECYCLE_LACKS_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "model/change.h"

typedef struct EcLack
{
	char *what;       /* "primary key users_pkey" */
	char *because;    /* "goes with column id" */
	char *statements; /* what gives it to the new shape; NULL: nobody can tell */
} EcLack;

/*
 * Of EcLack, in the order in which their statements are to be run; these end in
 * semicolons, and are no transaction block.  Takes ACCESS SHARE on the change's
 * tables.  Raises what the stored mappings raise when they are read.
 */
extern List *ec_lacks(const EcChange *change);

#endif
