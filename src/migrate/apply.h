/*
 * apply.h
 *		Runs a migration once; used by ec_apply and by the functions that read
 *		files.
 */
#ifndef EC_MIGRATE_APPLY_H
#define EC_MIGRATE_APPLY_H

#include "postgres.h"

#include "fmgr.h"
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
	bool online;       /* statements that would block others run online */
	bool has_sections; /* up comes from a file that has a down section */
} EcApplyArguments;

/* Words of allow that are not rules of the lint. */
#define EC_ALLOW_OUT_OF_ORDER  "out_of_order"
#define EC_ALLOW_DROPS_ITS_OWN "drops_its_own"

/*
 * Checks the arguments and does what ec_apply does.  Returns "applied",
 * "unchanged", "queued", "running" or "planned".
 */
extern const char *ec_apply_migration(const EcApplyArguments *arguments);

/*
 * The argument "online" with that number.  Where it is NULL, or is not an
 * argument in an older version's SQL, it is what the file says, or else the
 * setting.
 */
typedef enum EcOnline
{
	EC_ONLINE_UNSAID,
	EC_ONLINE_OFF,
	EC_ONLINE_ON
} EcOnline;

extern EcOnline ec_online_argument(FunctionCallInfo fcinfo, int n);
extern bool ec_is_online(EcOnline argument, EcOnline file);

#endif
