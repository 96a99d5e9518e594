/*
 * moves.h
 *		Rows of partitioned tables whose identity an UPDATE changes.
 *
 * For a MERGE into a partitioned table the transition tables are incomplete.
 * A row that it moves to another partition is in the transition tables of
 * DELETE and INSERT, for which triggers fire only if the MERGE has such
 * actions.  And some server releases pair an updated row with a new version
 * that is in fact a row inserted by the MERGE before.
 *
 * So a row trigger, which fires only if the identity changes, records the old
 * and the new identity here.  The statement trigger carries over those rows
 * that it does not find in its transition tables.
 */
#ifndef EC_DUALWRITE_TABLES_MOVES_H
#define EC_DUALWRITE_TABLES_MOVES_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/rel.h"

#include "dualwrite/tables/identity.h"
#include "dualwrite/tables/route.h"

/* Only the identity columns of the two rows are filled in. */
typedef struct EcMove
{
	Oid leaf; /* the partition whose row type they have */
	MinimalTuple was;
	MinimalTuple is;
} EcMove;

/* Records a move by a statement of the current trigger depth. */
extern void ec_note_move(const EcRoute *route, Relation leaf,
						 TupleTableSlot *was, TupleTableSlot *is);

/* Returns true, and forgets the record, if this move was recorded. */
extern bool ec_take_move(const EcRoute *route, EcIdentity was, EcIdentity is);

/*
 * Returns and forgets the remaining moves (EcMove) by statements of the
 * current trigger depth or deeper: the cascade of a foreign key runs deeper
 * than its statement's trigger.
 */
extern List *ec_take_moves(const EcRoute *route);

#endif
