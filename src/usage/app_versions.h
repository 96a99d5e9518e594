/*
 * app_versions.h
 *		Records which versions of an application run, or have run lately.
 */
#ifndef EC_USAGE_APP_VERSIONS_H
#define EC_USAGE_APP_VERSIONS_H

/* Call in _PG_init, while shared_preload_libraries is processed. */
extern void ec_register_sightings(void);

#endif
