/*
 * sightings.h
 *		Which versions of an application are running, or were lately.
 */
#ifndef EC_SIGHTINGS_H
#define EC_SIGHTINGS_H

/* From _PG_init, while shared_preload_libraries is processed. */
extern void ec_register_sightings(void);

#endif
