/*
 * pinned.h
 *		Settings under which a text has the same meaning in every session.
 *
 * The functions that pin settings return a GUC nest level.  The settings stay
 * pinned until AtEOXact_GUC(false, level).
 */
#ifndef EC_CORE_PINNED_H
#define EC_CORE_PINNED_H

#include "postgres.h"

#include "utils/jsonb.h"

/* Output functions produce the same text in every session, without loss. */
extern int ec_pin_output(void);

/*
 * The same, and SQL is deparsed and parsed with only pg_catalog and pg_temp in
 * the search_path.
 */
extern int ec_pin_text(void);

/*
 * The settings that functions of the server read, with their values in this
 * session: {"TimeZone": "UTC", …}.  With with_path this includes the
 * search_path, in which "$user" is resolved and pg_temp comes last.
 */
extern Jsonb *ec_settings_now(bool with_path);

/*
 * Sets them to the values that ec_settings_now has returned; NULL changes
 * nothing.
 */
extern int ec_pin_settings(const Jsonb *settings);

/*
 * The same for callers that need it for each row.  ec_pinned_begin compares
 * the server's variables first and returns 0 if nothing has to be set.
 */
typedef struct EcPinned EcPinned;

/* Allocates in the current memory context; returns NULL for NULL. */
extern EcPinned *ec_pinned(const Jsonb *settings);
extern int ec_pinned_begin(const EcPinned *pinned);
extern void ec_pinned_end(int guc_level);

#endif
