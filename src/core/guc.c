/*
 * guc.c
 *		The settings: expand_contract.*.
 *
 * Settings that only affect the pace of the caller's own work are
 * PGC_USERSET.  Settings on which gates or the server's health depend are
 * PGC_SUSET.
 */
#include "postgres.h"

#include <ctype.h>
#include <limits.h>

#include "catalog/pg_collation.h"
#include "mb/pg_wchar.h"
#include "regex/regex.h"
#include "utils/guc.h"

#include "core/guc.h"

int ec_batch_size = 1000;
int ec_backfill_delay = 50;
int ec_target_batch_time = 50;
int ec_lock_timeout = 30 * 1000;
int ec_statement_timeout = 60 * 1000;
bool ec_advice = false;
bool ec_online = true;

int ec_max_workers = 2;
int ec_max_batch_time = 60 * 1000;
bool ec_enable_modern_write = true;
int ec_max_replication_lag = 10 * 1000;
char *ec_ignore_standbys = NULL;
int ec_stabilization_period = 7 * 24 * 60 * 60;
double ec_max_growth = 1.5;
int ec_max_mismatches = 1000;
int ec_max_tracked_columns = 200;
int ec_job_retention = 30 * 24 * 60 * 60;
char *ec_ignore_usage_from = NULL;
char *ec_scope = NULL;
char *ec_app_version_pattern = NULL;
char *ec_escalation = NULL;

#define DEFAULT_APP_VERSION_PATTERN "^(.+)[/@]v?([0-9][0-9.]*)$"

/*
 * The pattern splits application_name into the application and its version,
 * so it has to compile and to have these two groups.
 */
static bool
check_app_version_pattern(char **newval, void **extra, GucSource source)
{
	regex_t regex;
	pg_wchar *pattern;
	int length;
	int code;
	size_t groups;

	pattern = (pg_wchar *) palloc((strlen(*newval) + 1) * sizeof(pg_wchar));
	length = pg_mb2wchar_with_len(*newval, pattern, strlen(*newval));
	code = pg_regcomp(&regex, pattern, length, REG_ADVANCED, C_COLLATION_OID);
	pfree(pattern);
	if (code != REG_OKAY)
	{
		char reason[100];

		pg_regerror(code, &regex, reason, sizeof(reason));
		GUC_check_errdetail("Invalid regular expression: %s.", reason);
		return false;
	}
	groups = regex.re_nsub;
	pg_regfree(&regex);
	if (groups != 2)
	{
		GUC_check_errdetail("The pattern must have two groups, the application and its version; it has %d.",
							(int) groups);
		return false;
	}
	return true;
}

static void
define_everyones_settings(void)
{
	DefineCustomIntVariable("expand_contract.batch_size",
							"Sets the most rows that one transaction of a job writes.",
							"0 sizes batches by time, towards expand_contract.target_batch_time.",
							&ec_batch_size, 1000, 0, EC_MAX_BATCH_SIZE,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("expand_contract.backfill_delay",
							"Sets the pause between two batches of a job.",
							"0 means no pause.", &ec_backfill_delay, 50, 0,
							EC_MAX_DELAY_MS, PGC_USERSET, GUC_UNIT_MS, NULL,
							NULL, NULL);
	DefineCustomIntVariable("expand_contract.target_batch_time",
							"Sets how long a batch should take where batches are sized by time.",
							NULL, &ec_target_batch_time, 50, 1, 60 * 1000,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("expand_contract.lock_timeout",
							"Sets how long a migration waits for the migration lock and for table locks.",
							"This is the whole wait, spent in short tries.",
							&ec_lock_timeout, 30 * 1000, 1, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("expand_contract.statement_timeout",
							"Sets how long one statement of a transactional migration may run.",
							"0 means no limit.", &ec_statement_timeout,
							60 * 1000, 0, INT_MAX, PGC_USERSET, GUC_UNIT_MS,
							NULL, NULL, NULL);
	DefineCustomBoolVariable("expand_contract.advice",
							 "Makes ec_lint report matters of style as well.", NULL,
							 &ec_advice, false, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("expand_contract.online",
							 "Runs statements that would block others in steps that do not.",
							 "Off rejects such statements, unless their tables are small.",
							 &ec_online, true, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("expand_contract.scope",
							   "Sets the scope of migrations whose caller names none.",
							   "A scope is a history of its own, of a service or a tenant.",
							   &ec_scope, "", PGC_USERSET, 0, NULL, NULL, NULL);
}

static void
define_superusers_settings(void)
{
	DefineCustomIntVariable("expand_contract.max_workers",
							"Sets the most background workers that run jobs at the same time in the whole cluster.",
							"Further jobs stay queued. 0 starts none.",
							&ec_max_workers, 2, 0, EC_MAX_WORKERS, PGC_SUSET, 0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("expand_contract.max_batch_time",
							"Sets how long one batch of a job may take while jobs of others wait for a worker.",
							"0 means no limit.", &ec_max_batch_time, 60 * 1000,
							0, INT_MAX, PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomBoolVariable("expand_contract.enable_modern_write",
							 "Lets dual writes write the new shape.",
							 "Off is the kill switch: skipped writes leave a gap record.",
							 &ec_enable_modern_write, true, PGC_SUSET, 0, NULL,
							 NULL, NULL);
	DefineCustomIntVariable("expand_contract.max_replication_lag",
							"Sets the replication lag at which jobs pause and gates refuse.",
							NULL, &ec_max_replication_lag, 10 * 1000, 0,
							INT_MAX, PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomStringVariable("expand_contract.ignore_standbys",
							   "Lists standbys and slots whose lag does not count.",
							   "Names separated by commas.", &ec_ignore_standbys,
							   "", PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("expand_contract.stabilization_period",
							"Sets how long the old schema must have been quiet before contraction.",
							NULL, &ec_stabilization_period, 7 * 24 * 60 * 60, 0,
							INT_MAX, PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomRealVariable("expand_contract.max_growth",
							 "Sets how far a job may let a table grow, as a factor of its size at the start.",
							 NULL, &ec_max_growth, 1.5, 1.0, 1000.0, PGC_SUSET,
							 0, NULL, NULL, NULL);
	DefineCustomIntVariable("expand_contract.max_mismatches",
							"Sets how many differing rows a verification records one by one.",
							"The count of a verification is exact all the same.",
							&ec_max_mismatches, 1000, 0, 10 * 1000 * 1000,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("expand_contract.max_tracked_columns",
							"Sets how many columns of one role's tables can be tracked in a database.",
							"All databases of the cluster share room for 1024.",
							&ec_max_tracked_columns, 200, 0, INT_MAX, PGC_SUSET,
							0, NULL, NULL, NULL);
	DefineCustomIntVariable("expand_contract.job_retention",
							"Sets how long a job that has ended stays in the list.",
							"0 keeps them. Jobs of a change stay until it is over.",
							&ec_job_retention, 30 * 24 * 60 * 60, 0, INT_MAX,
							PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomStringVariable("expand_contract.ignore_usage_from",
							   "Lists application names whose reads of old columns do not count.",
							   "Names separated by commas.", &ec_ignore_usage_from,
							   "pg_dump", PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("expand_contract.app_version_pattern",
							   "Sets the regular expression that finds application and version in application_name.",
							   NULL, &ec_app_version_pattern,
							   DEFAULT_APP_VERSION_PATTERN, PGC_SUSET, 0,
							   check_app_version_pattern, NULL, NULL);
	DefineCustomStringVariable("expand_contract.escalation",
							   "Sets the text that a runbook gives for escalation.",
							   NULL, &ec_escalation, "", PGC_SUSET, 0, NULL,
							   NULL, NULL);
}

void
ec_define_settings(void)
{
	define_everyones_settings();
	define_superusers_settings();
	MarkGUCPrefixReserved("expand_contract");
}

bool
ec_list_has_name(const char *list, const char *name)
{
	const char *at = list;

	while (at != NULL && *at != '\0')
	{
		const char *end = strchr(at, ',');
		size_t length;

		if (end == NULL)
			end = at + strlen(at);
		while (at < end && isspace((unsigned char) *at))
			at++;
		length = end - at;
		while (length > 0 && isspace((unsigned char) at[length - 1]))
			length--;
		if (length == strlen(name) && strncmp(at, name, length) == 0)
			return true;
		at = *end == ',' ? end + 1 : end;
	}
	return false;
}
