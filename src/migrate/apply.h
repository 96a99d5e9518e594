/*
 * apply.h
 *		Runs a migration once: what is behind ec_apply and those that read files.
 */
#ifndef EC_MIGRATE_APPLY_H
#define EC_MIGRATE_APPLY_H

#include "postgres.h"

#include "nodes/pg_list.h"

typedef struct EcApplyArguments
{
	const char *scope;
	const char *version;
	const char *up;
	const char *down;        /* NULL: none */
	const char *description; /* NULL: none */
	List *requires;          /* of char * */
	const char *phase;
	List *allow; /* of char * */
	bool dry_run;
	bool has_sections; /* up was cut out of a file that has a way down of its own */
} EcApplyArguments;

/* Words of allow that are no rules of the lint. */
#define EC_ALLOW_OUT_OF_ORDER  "out_of_order"
#define EC_ALLOW_DROPS_ITS_OWN "drops_its_own"

/*
 * Check the arguments, and do as ec_apply says: "applied", "unchanged",
 * "queued", "running" or "planned".
 */
extern const char *ec_apply_migration(const EcApplyArguments *arguments);

#endif
