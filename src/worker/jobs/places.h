/*
 * places.h
 *		The places of workers: max_workers in the whole cluster.
 *
 * A worker that runs a job holds a place.  During a long pause, and after its
 * turn is over, it keeps the place only as long as no other worker needs it:
 *
 *		working     it keeps the place
 *		parked      in a long pause: leaves it to any other job
 *		turn over   leaves it to jobs of another owner or another database
 *		whole       in work that is not divided into batches: keeps it until its
 *					end, unless such work of one owner holds all places
 *
 * A worker that finds no free place, but one that would be left, announces
 * that it waits for a place, wakes one of the workers that would leave, and
 * tries again.
 *
 * Locking protocol.  Each state of a place is an advisory lock of its own
 * (expand_contract.h).  The worker holds it for its session, so the place
 * becomes free when its process ends, however it ends.  A place is free if
 * none of its four locks is held.  To change the state, a worker takes the
 * new lock before it releases the old one.  To take a place, it holds the lock
 * for "working" while it checks the others.
 */
#ifndef EC_WORKER_JOBS_PLACES_H
#define EC_WORKER_JOBS_PLACES_H

#include "postgres.h"

typedef enum EcPlaceState
{
	EC_PLACE_WORKING,
	EC_PLACE_PARKED,
	EC_PLACE_TURN_OVER,
	EC_PLACE_WHOLE
} EcPlaceState;

/* Takes a free place; false if there is none. */
extern bool ec_take_place(void);

/*
 * The same, but if another worker would leave its place, asks for it and waits
 * for a while.
 */
extern bool ec_ask_for_place(void);

/*
 * Changes the state of our place.  False if its lock is not available right
 * now, or if user code has released all advisory locks and another worker has
 * taken the place.
 */
extern bool ec_mark_place(EcPlaceState state);

/*
 * The same.  Another worker may hold the lock for a moment while it checks
 * whether the place is free; then tries again.
 */
extern bool ec_mark_place_in_tries(EcPlaceState state);

/* Does another worker wait for a place, and should we leave ours to it? */
extern bool ec_place_is_wanted(void);

/*
 * How many jobs of such an owner could get a place now: the free places and,
 * with may_ask, those that their holders would leave to it.
 */
extern int ec_count_places(bool may_ask, Oid owner);

/*
 * Asks the workers of other owners and databases to cancel a batch that takes
 * longer than expand_contract.max_batch_time.  Of the workers in undivided work
 * one is asked, and only if all places are taken by such work of one other
 * owner: what is lost is the work of hours, perhaps, so it has to be the only
 * way.  Their jobs go on at their next turn.
 */
extern void ec_urge_places(Oid owner);

#endif
