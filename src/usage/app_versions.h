/*
 * app_versions.h
 *		Which versions of an application are running, or were lately.
 */
#ifndef EC_USAGE_APP_VERSIONS_H
#define EC_USAGE_APP_VERSIONS_H

/* From _PG_init, while shared_preload_libraries is processed. */
extern void ec_register_sightings(void);

#endif
