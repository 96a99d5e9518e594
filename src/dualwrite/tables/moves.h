/*
 * moves.h
 *		Rows of partitioned tables whose identity an UPDATE changes.
 *
 * Transition tables do not tell the whole of a MERGE into a partitioned table.
 * A row that it moves to another partition is in those of DELETE and INSERT,
 * which nobody is shown unless the MERGE has such actions.  And some releases
 * show as the new version of an updated row what the MERGE has inserted before.
 * So a trigger for each row, which fires only where the identity changes,
 * leaves word of the old and the new one here; the statement's trigger carries
 * over what it does not find among its transition tables.
 */
#ifndef EC_DUALWRITE_TABLES_MOVES_H
#define EC_DUALWRITE_TABLES_MOVES_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/rel.h"

#include "dualwrite/tables/identity.h"
#include "dualwrite/tables/route.h"

/* Of the two rows only what tells rows apart is filled in. */
typedef struct EcMove
{
	Oid leaf; /* whose columns they have */
	MinimalTuple was;
	MinimalTuple is;
} EcMove;

/* By a statement of this trigger depth. */
extern void ec_note_move(const EcRoute *route, Relation leaf,
						 TupleTableSlot *was, TupleTableSlot *is);

/* Is there word of a row that has become another?  It is forgotten then. */
extern bool ec_take_move(const EcRoute *route, EcIdentity was, EcIdentity is);

/*
 * The others, of EcMove, of a statement of this trigger depth or deeper: a
 * foreign key's cascade is deeper than the trigger of its statement.  They are
 * forgotten.
 */
extern List *ec_take_moves(const EcRoute *route);

#endif
