/*
 * fingerprint.h
 *		The definitions of all objects of the database, to be compared.
 */
#ifndef EC_MIGRATE_FINGERPRINT_H
#define EC_MIGRATE_FINGERPRINT_H

#include "postgres.h"

typedef struct EcDefinition
{
	char *identity; /* "table column public.users.email" */
	char *definition;
} EcDefinition;

typedef struct EcFingerprint
{
	int count;
	EcDefinition *definitions; /* in the order of their identities */
} EcFingerprint;

/*
 * Everything that users define, as the present transaction sees it: names,
 * definitions, owners, privileges, comments; no rows, statistics or values of
 * sequences.  Allocated in the current memory context.
 */
extern EcFingerprint *ec_fingerprint(void);

/* Called for each object that differs; NULL for what is not there. */
typedef void (*EcDifference)(void *arg, const char *identity,
							 const char *before, const char *after);

extern void
ec_fingerprint_compare(const EcFingerprint *before, const EcFingerprint *after,
					   EcDifference difference, void *arg);

#endif
