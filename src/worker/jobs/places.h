/*
 * places.h
 *		The places of workers: max_workers in the whole cluster.
 *
 * A worker that is at a job has a place.  It keeps it in a long pause, and when
 * it has had its turn, as long as nobody asks for it:
 *
 *		working     the place is not to be had
 *		parked      in a long pause: for any other job
 *		turn over   for jobs of another owner, or in another database
 *
 * Who finds no place free and one of the latter kinds asks: it says so, wakes
 * one of those that would go, and tries again.
 *
 * Locking protocol.  Each state of a place is an advisory lock of its own
 * (expand_contract.h), held by the worker for its session, so that a place goes
 * with its holder, however that ends.  A place is free when none of the three
 * is held.  Who changes a state holds the new lock before it lets the old one
 * go; who takes a place holds that of "working" while it looks at the others.
 */
#ifndef EC_WORKER_JOBS_PLACES_H
#define EC_WORKER_JOBS_PLACES_H

#include "postgres.h"

typedef enum EcPlaceState
{
	EC_PLACE_WORKING,
	EC_PLACE_PARKED,
	EC_PLACE_TURN_OVER
} EcPlaceState;

/* False if none is free. */
extern bool ec_take_place(void);

/* The same; one that somebody would leave is asked for, and waited for a while. */
extern bool ec_ask_for_place(void);

/*
 * False if the place could not be marked at this moment, or, with user code
 * having released all advisory locks, is somebody else's by now.
 */
extern bool ec_mark_place(EcPlaceState state);

/* Does somebody ask to whom we should leave our place? */
extern bool ec_place_is_wanted(void);

/*
 * How many jobs of such an owner could get a place: those that are free, and
 * with may_ask those that would be left to it.  At this moment.
 */
extern int ec_count_places(bool may_ask, Oid owner);

/* "no worker is free: ..." and for whom they work; NULL if one is. */
extern char *ec_describe_places(void);

#endif
