/*
 * lack.h
 *		One thing that the old shape of a change has and the new one lacks.
 */
#ifndef EC_LIFECYCLE_LACK_H
#define EC_LIFECYCLE_LACK_H

#include "postgres.h"

typedef struct EcLack
{
	char *what;    /* "primary key users_pkey" */
	char *because; /* "is dropped with column id" */
	char *statements; /* give it to the new shape; NULL if they cannot be derived */
} EcLack;

#endif
