/*
 * sequences.h
 *		The sequences that the columns of a change draw their numbers from.
 *
 * Dual writes and jobs bring numbers into a column that its own sequence has
 * not given: the first INSERT that draws one would meet a row that is there.
 */
#ifndef EC_DUALWRITE_SEQUENCES_H
#define EC_DUALWRITE_SEQUENCES_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/pg_list.h"

#include "core/sequence.h"
#include "model/change.h"

/* A sequence, and how far the values go that it must not give again. */
typedef struct EcSequenceUse
{
	EcSequence sequence;
	char *name; /* as SQL */
	Oid table;  /* of a column that draws from it */
	char *column;
	bool is_unknown; /* that owner has no right on it: the rest is not looked at */
	bool is_behind;
	int64 farthest;   /* if it is behind */
	bool may_advance; /* the owner of the change's tables has UPDATE on it */
	bool has_room;
} EcSequenceUse;

/*
 * Sequences that a column of a table draws from, or that are owned by it, as
 * OIDs; none where the column is of no kind of number.
 */
extern List *ec_sequences_of_column(Oid table, AttrNumber attnum);

/*
 * All of both sides, of EcSequenceUse.  may_scan: else only such values are
 * looked at as the end of an index tells; nothing is waited for, and no code of
 * the tables' owner runs.
 */
extern List *ec_sequences_of_change(const EcChange *change, bool may_scan);

/* Is it behind, and stays there, or may be? */
extern bool ec_sequence_is_stuck(const EcSequenceUse *use);

/* "public.t_id_seq gives 1 next, and column "id" of table "t" goes to 100" */
extern char *ec_sequence_state(const EcSequenceUse *use);

/* What brings one forward that is stuck. */
extern char *ec_sequence_remedy(const EcChange *change, const EcSequenceUse *use);

/*
 * Bring all of them past the values that are there.  Warns of those that stay
 * behind.
 */
extern void ec_bring_sequences_forward(const EcChange *change, bool may_scan);

#endif
