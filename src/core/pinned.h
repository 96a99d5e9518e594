/*
 * pinned.h
 *		Settings under which text means the same in every session.
 *
 * Until AtEOXact_GUC(false, what these return).
 */
#ifndef EC_CORE_PINNED_H
#define EC_CORE_PINNED_H

#include "postgres.h"

#include "utils/jsonb.h"

/* Output functions give the same text, from which every value can be read. */
extern int ec_pin_output(void);

/*
 * The same; and SQL is written and read with nothing but pg_catalog (and
 * pg_temp) in the search_path.
 */
extern int ec_pin_text(void);

/*
 * The settings that functions of the server read, as this session has them:
 * {"TimeZone": "UTC", …}.  with_path: its search_path too, in which $user is
 * who it is now, and pg_temp comes last.
 */
extern Jsonb *ec_settings_now(bool with_path);

/* From here on they are as they were then; NULL changes nothing. */
extern int ec_pin_settings(const Jsonb *settings);

/*
 * The same where it is asked for each row: a look at the server's variables
 * says whether anything has to be set.  ec_pinned_begin returns 0 if not.
 */
typedef struct EcPinned EcPinned;

/* In the current memory context; NULL for NULL. */
extern EcPinned *ec_pinned(const Jsonb *settings);
extern int ec_pinned_begin(const EcPinned *pinned);
extern void ec_pinned_end(int guc_level);

#endif
