/*
 * sequence.h
 *		Where a sequence is, and bringing it forward.
 *
 * The server's setval() sets what it is told, also back, and between a look at
 * the sequence and the call others draw numbers from it.  Here a sequence goes
 * forward only, in one step under the lock of its page, as nextval() does it.
 * Nothing of it is drawn: lastval() and currval() of the session stay.
 *
 * "Past" a value: nextval() gives a number behind it, in the direction that the
 * sequence counts.
 */
#ifndef EC_CORE_SEQUENCE_H
#define EC_CORE_SEQUENCE_H

#include "postgres.h"

typedef struct EcSequence
{
	Oid oid;
	int64 last;     /* the last number, or the first one ... */
	bool is_called; /* ... if this is false */
	int64 increment;
	int64 min;
	int64 max;
	bool cycles;
} EcSequence;

/* False if it is not there, or if somebody has locked it against nextval(). */
extern bool ec_sequence_read(Oid oid, EcSequence *sequence);

/* What nextval() gives; false if it has none left. */
extern bool ec_sequence_next(const EcSequence *sequence, int64 *next);

extern bool ec_sequence_is_past(const EcSequence *sequence, int64 value);

/* Is there a number left past the value? */
extern bool ec_sequence_has_room(const EcSequence *sequence, int64 value);

/*
 * Bring it past the value, if it is not yet.  It stays as it is where that would
 * leave it no number, or where it cannot be locked at once.  Nobody's rights are
 * looked at.
 */
extern void ec_sequence_advance(Oid oid, int64 value);

#endif
