/*
 * fingerprint.h
 *		Lists the definitions of all objects of the database, for comparison.
 */
#ifndef EC_MIGRATE_FINGERPRINT_H
#define EC_MIGRATE_FINGERPRINT_H

#include "postgres.h"

typedef struct EcDefinition
{
	char *identity; /* for example "table column public.users.email" */
	char *definition;
} EcDefinition;

typedef struct EcFingerprint
{
	int count;
	EcDefinition *definitions; /* ordered by identity */
} EcFingerprint;

/*
 * Lists everything that users define, as the current transaction sees it:
 * names, definitions, owners, privileges, comments; but no rows, statistics or
 * positions of sequences.  Allocates in the current memory context.
 */
extern EcFingerprint *ec_fingerprint(void);

/* Called for each object that differs; NULL if it does not exist. */
typedef void (*EcDifference)(void *arg, const char *identity,
							 const char *before, const char *after);

extern void
ec_fingerprint_compare(const EcFingerprint *before, const EcFingerprint *after,
					   EcDifference difference, void *arg);

#endif
