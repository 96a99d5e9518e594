/*
 * ledger.h
 *		expand_contract.schema_migrations, and the log of what was done.
 *
 * Everything here runs as the extension's owner.  Write only under the
 * migration lock.
 */
#ifndef EC_MIGRATE_LEDGER_H
#define EC_MIGRATE_LEDGER_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

/* As stored; what a queued one is doing, its job says: see background.h. */
#define EC_MIGRATION_QUEUED  "queued"
#define EC_MIGRATION_APPLIED "applied"
#define EC_MIGRATION_FAILED  "failed"

typedef struct EcMigration
{
	char *scope; /* whose history it belongs to; '' where nobody says */
	char *version;
	char *state;
	char *direction; /* "down" while it is rolled back */
	char *checksum;  /* NULL: baselined, see below */
	int steps;
	int steps_done;
	char *up;    /* NULL: baselined */
	char *down;  /* NULL: none */
	char *error; /* NULL: none */
	char *executed_by;
	TimestampTz executed_at;
	char *down_by;     /* the role that gave down; NULL: none */
	Oid down_by_oid;   /* its OID ... */
	int64 down_system; /* ... in this cluster */
} EcMigration;

/* What is written about a migration. */
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
 * A scope is a history of its own: what is said below of versions is said of those
 * of one scope.
 */

/* The ledger's row; NULL if the version is not there. */
extern EcMigration *ec_ledger_find(const char *scope, const char *version);

/* The newest applied version if that is newer than this one, else NULL. */
extern char *ec_ledger_newest_after(const char *scope, const char *version);

/* Those of a text[] that are not applied, as a list for a message, or NULL. */
extern char *ec_ledger_not_applied(const char *scope, Datum versions);

/* Another version that is neither applied nor gone, or NULL. */
extern char *ec_ledger_unfinished_other(const char *scope, const char *version);

/* The migrations that require this one, as a list for a message, or NULL. */
extern char *ec_ledger_required_by(const char *scope, const char *version);

/*
 * Raise 40001 if the ledger has changed since the transaction's snapshot was
 * taken.  Under READ COMMITTED that cannot be; under REPEATABLE READ what the
 * functions above tell would be old.
 */
extern void ec_ledger_require_fresh(void);

/* Enter a migration; its time runs from executed_at until it is applied. */
extern void ec_ledger_enter(const EcLedgerEntry *entry);

/* Take out a migration that has been rolled back. */
extern void ec_ledger_remove(const EcMigration *migration,
							 const char *executed_by, TimestampTz executed_at);

/*
 * For those that a worker runs: it has been submitted, by the present user, in
 * this direction; so many statements are done; it has failed; it is applied.
 */
extern void ec_ledger_set_queued(const EcMigration *migration,
								 const char *direction, int steps, int steps_done);
extern void
ec_ledger_set_steps_done(const char *scope, const char *version, int steps_done);
extern void ec_ledger_set_failed(const EcMigration *migration, const char *error);
extern void ec_ledger_set_applied(const EcMigration *migration);

/*
 * The present user's text of the script of a migration that is not applied
 * yet, and, if not NULL, another way down.
 */
extern void ec_ledger_set_scripts(const char *scope, const char *version,
								  const char *up, const char *down);

/* The present user's way down of a migration that may be applied. */
extern void
ec_ledger_set_down(const char *scope, const char *version, const char *down);

/*
 * Enter a version that others have applied: an applied one whose script is not
 * known.  False if the ledger has it.  event is EC_EVENT_BASELINE, where it
 * stands for all before it as well, or EC_EVENT_ADOPT.  executed_by and
 * executed_at are what the others say.
 */
#define EC_EVENT_BASELINE "baseline"
#define EC_EVENT_ADOPT    "adopt"

extern bool
ec_ledger_enter_baselined(const char *event, const char *scope,
						  const char *version, const char *description,
						  const char *executed_by, TimestampTz executed_at);

/* Was the version entered by ec_baseline? */
extern bool ec_ledger_is_baseline(const char *scope, const char *version);

/* Versions that have come into the ledger after this one, as a list; NULL if none. */
extern char *ec_ledger_entered_after(const char *scope, const char *version);

/*
 * The entry that stands for this version without being it: a baseline that is
 * not older, or a version taken over as a number, which has lost its leading
 * zeros.  NULL if there is none.
 */
extern char *ec_ledger_covered_by(const char *scope, const char *version);

#endif
