/*
 * guc.h
 *		The settings expand_contract.*, as C variables.
 *
 * guc.c says what each one means; doc/settings.md says it to users.
 */
#ifndef EC_CORE_GUC_H
#define EC_CORE_GUC_H

#include "postgres.h"

/* PGC_USERSET */
extern int ec_batch_size;        /* rows; 0 = sized by time */
extern int ec_backfill_delay;    /* ms */
extern int ec_target_batch_time; /* ms */
extern int ec_lock_timeout;      /* ms */
extern int ec_statement_timeout; /* ms */
extern bool ec_advice;
extern bool ec_online;
extern char *ec_scope;

/* PGC_SUSET */
extern int ec_max_workers;
extern int ec_max_batch_time; /* ms */
extern bool ec_enable_modern_write;
extern int ec_max_replication_lag; /* ms */
extern char *ec_ignore_standbys;
extern int ec_stabilization_period; /* s */
extern double ec_max_growth;
extern int ec_max_mismatches;
extern int ec_max_tracked_columns;
extern int ec_job_retention; /* s */
extern char *ec_ignore_usage_from;
extern char *ec_app_version_pattern;
extern char *ec_escalation;

#define EC_MAX_BATCH_SIZE  1000000
#define EC_MAX_DELAY_MS    (24 * 60 * 60 * 1000)
#define EC_MAX_JOB_WORKERS 64
#define EC_MAX_WORKERS     256

extern void ec_define_settings(void);

/*
 * Does a list of names separated by commas, as some settings have, contain
 * name?
 */
extern bool ec_list_has_name(const char *list, const char *name);

#endif
