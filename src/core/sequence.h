/*
 * sequence.h
 *		Reads a sequence's position, and advances it.
 *
 * The server's setval() sets any value, also a smaller one, and between
 * reading the sequence and calling setval() others draw numbers from it.
 * These functions only advance a sequence, in one step under the lock of its
 * page, as nextval() does.  They draw no number, so lastval() and currval() of
 * the session do not change.
 *
 * A sequence is "past" a value if the number that nextval() gives lies beyond
 * the value, in the direction in which the sequence counts.
 */
#ifndef EC_CORE_SEQUENCE_H
#define EC_CORE_SEQUENCE_H

#include "postgres.h"

typedef struct EcSequence
{
	Oid oid;
	int64 last;     /* the last number drawn, or the first one ... */
	bool is_called; /* ... if this is false */
	int64 increment;
	int64 min;
	int64 max;
	bool cycles;
} EcSequence;

/*
 * False if it does not exist, or if another session's lock forbids nextval().
 */
extern bool ec_sequence_read(Oid oid, EcSequence *sequence);

/* The number that nextval() would give; false if there is none left. */
extern bool ec_sequence_next(const EcSequence *sequence, int64 *next);

extern bool ec_sequence_is_past(const EcSequence *sequence, int64 value);

/* Does the sequence have a number past the value? */
extern bool ec_sequence_has_room(const EcSequence *sequence, int64 value);

/*
 * Advances the sequence past the value, unless it is past it already.  Does
 * nothing if the sequence would have no number left, or if its lock is not
 * available at once.  Checks no privileges.
 */
extern void ec_sequence_advance(Oid oid, int64 value);

#endif
