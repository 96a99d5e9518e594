/*
 * ledger.h
 *		expand_contract.schema_migrations, and the log of events.
 *
 * All statements run as the extension's owner.  Write only with the migration
 * lock held.
 */
#ifndef EC_MIGRATE_LEDGER_H
#define EC_MIGRATE_LEDGER_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

/*
 * As stored.  The state of a queued one depends on its job; see background.h.
 */
#define EC_MIGRATION_QUEUED  "queued"
#define EC_MIGRATION_APPLIED "applied"
#define EC_MIGRATION_FAILED  "failed"

typedef struct EcMigration
{
	char *scope; /* the history to which it belongs; '' is the default one */
	char *version;
	char *state;
	char *direction; /* "down" while it is being rolled back */
	char *checksum;  /* NULL: baselined, see below */
	int steps;
	int steps_done;
	char *up;    /* NULL: baselined */
	char *down;  /* NULL: none */
	char *error; /* NULL: none */
	char *executed_by;
	TimestampTz executed_at;
	char *down_by;     /* name of the role that gave down; NULL: none */
	Oid down_by_oid;   /* that role's OID ... */
	int64 down_system; /* ... in this cluster */
} EcMigration;

/* The values for a new row. */
typedef struct EcLedgerEntry
{
	const char *scope;
	const char *version;
	const char *state;       /* applied or queued */
	const char *description; /* may be NULL */
	const char *phase;
	const char *checksum;
	const char *up;
	const char *down; /* may be NULL */
	Datum requires;   /* text[] */
	Datum allow;      /* text[] */
	int steps;
	const char *executed_by;
	TimestampTz executed_at;
} EcLedgerEntry;

/*
 * Each scope is a separate history.  The functions below consider the versions
 * of one scope only.
 */

/* Returns the ledger's row; NULL if there is none for the version. */
extern EcMigration *ec_ledger_find(const char *scope, const char *version);

/*
 * Returns the newest applied version if it is newer than this one, else NULL.
 */
extern char *ec_ledger_newest_after(const char *scope, const char *version);

/* Lists those of a text[] that are not applied, for a message; or NULL. */
extern char *ec_ledger_not_applied(const char *scope, Datum versions);

/* Returns another version that is unfinished, or NULL. */
extern char *ec_ledger_unfinished_other(const char *scope, const char *version);

/* Lists the migrations that require this one, for a message; or NULL. */
extern char *ec_ledger_required_by(const char *scope, const char *version);

/*
 * Raises 40001 if the ledger has changed since the transaction's snapshot was
 * taken.  This is possible under REPEATABLE READ only, where the functions
 * above would return old data.
 */
extern void ec_ledger_require_fresh(void);

/*
 * Inserts a migration; its duration is counted from executed_at until it is
 * applied.
 */
extern void ec_ledger_enter(const EcLedgerEntry *entry);

/* Deletes a migration that has been rolled back. */
extern void ec_ledger_remove(const EcMigration *migration,
							 const char *executed_by, TimestampTz executed_at);

/*
 * For migrations that a worker runs: the current user has submitted it in this
 * direction; this number of statements is done; it has failed; it is applied.
 */
extern void ec_ledger_set_queued(const EcMigration *migration,
								 const char *direction, int steps, int steps_done);
extern void
ec_ledger_set_steps_done(const char *scope, const char *version, int steps_done);
extern void ec_ledger_set_failed(const EcMigration *migration, const char *error);
extern void ec_ledger_set_applied(const EcMigration *migration);

/*
 * Replaces the up script of a migration that is not applied yet, and, if down
 * is not NULL, its down script, by those of the current user.
 */
extern void ec_ledger_set_scripts(const char *scope, const char *version,
								  const char *up, const char *down);

/*
 * Sets the down script of a migration, which may be applied, to the current
 * user's.
 */
extern void
ec_ledger_set_down(const char *scope, const char *version, const char *down);

/*
 * Inserts a version that was applied without us, so that its script is
 * unknown.  Returns false if the ledger has it already.  event is
 * EC_EVENT_ADOPT, or EC_EVENT_BASELINE if it also stands for all earlier
 * versions.  executed_by and executed_at come from the other tool.
 */
#define EC_EVENT_BASELINE "baseline"
#define EC_EVENT_ADOPT    "adopt"

extern bool
ec_ledger_enter_baselined(const char *event, const char *scope,
						  const char *version, const char *description,
						  const char *executed_by, TimestampTz executed_at);

/* Was the version inserted by ec_baseline? */
extern bool ec_ledger_is_baseline(const char *scope, const char *version);

/*
 * Lists versions that were inserted into the ledger after this one; or NULL.
 */
extern char *ec_ledger_entered_after(const char *scope, const char *version);

/*
 * Returns the entry that covers this version without being it: a baseline that
 * is not older, or an adopted version that has lost its leading zeros because
 * it was stored as a number.  NULL if there is none.
 */
extern char *ec_ledger_covered_by(const char *scope, const char *version);

#endif
