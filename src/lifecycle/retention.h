/*
 * retention.h
 *		Jobs that ended long ago leave the list.
 */
#ifndef EC_LIFECYCLE_RETENTION_H
#define EC_LIFECYCLE_RETENTION_H

/* From _PG_init, while shared_preload_libraries is processed. */
extern void ec_register_retention(void);

#endif
