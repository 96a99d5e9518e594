/*
 * retention.h
 *		Deletes the records of jobs that ended long ago.
 */
#ifndef EC_LIFECYCLE_RETENTION_H
#define EC_LIFECYCLE_RETENTION_H

/* Called by _PG_init while shared_preload_libraries is processed. */
extern void ec_register_retention(void);

#endif
