/*
 * deferred.h
 *		Triggers that are deferred to the end of the transaction.
 */
#ifndef EC_CORE_DEFERRED_H
#define EC_CORE_DEFERRED_H

/* Fires those that are queued, and makes later ones immediate. */
extern void ec_fire_deferred_triggers(void);

#endif
