/*
 * sequences.h
 *		The sequences of the columns of a change, and whether they are behind
 *		the stored values.
 *
 * Dual writes and jobs store numbers in a column that its own sequence has not
 * given.  Without correction, a later INSERT that uses the sequence would
 * violate the unique key.
 */
#ifndef EC_DUALWRITE_SEQUENCES_H
#define EC_DUALWRITE_SEQUENCES_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/pg_list.h"

#include "core/sequence.h"
#include "model/change.h"

/* a sequence, and the stored values that it must not give again */
typedef struct EcSequenceUse
{
	EcSequence sequence;
	char *name; /* quoted and qualified */
	Oid table;  /* the table of a column that uses it */
	char *column;
	bool is_unknown; /* the owner of the change's tables has no right on it;
					  * the rest is not set */
	bool is_behind;
	int64 farthest;   /* set if is_behind */
	bool may_advance; /* the owner of the change's tables has UPDATE on the
					   * sequence */
	bool has_room;
} EcSequenceUse;

/*
 * Returns the OIDs of the sequences that a column's default uses or that the
 * column owns; NIL if the column is not of a numeric type.
 */
extern List *ec_sequences_of_column(Oid table, AttrNumber attnum);

/*
 * Returns the sequences (EcSequenceUse) of the columns of both sides.  Without
 * may_scan, only values at the end of an index are considered; then this waits
 * for no lock and runs no code of the tables' owner.
 */
extern List *ec_sequences_of_change(const EcChange *change, bool may_scan);

/*
 * True if it is behind, or may be, and ec_bring_sequences_forward cannot correct
 * that.
 */
extern bool ec_sequence_is_stuck(const EcSequenceUse *use);

/*
 * Returns for example "public.t_id_seq gives 1 next, and column "id" of table
 * "t" goes to 100".
 */
extern char *ec_sequence_state(const EcSequenceUse *use);

/* Tells how to advance a sequence that is stuck. */
extern char *ec_sequence_remedy(const EcChange *change, const EcSequenceUse *use);

/*
 * Advances all of them past the stored values.  Warns of those that remain
 * behind.
 */
extern void ec_bring_sequences_forward(const EcChange *change, bool may_scan);

#endif
