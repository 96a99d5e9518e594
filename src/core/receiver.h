/*
 * receiver.h
 *		A DestReceiver that consists of one callback for rows.
 */
#ifndef EC_CORE_RECEIVER_H
#define EC_CORE_RECEIVER_H

#include "postgres.h"

#include "tcop/dest.h"

extern void
ec_init_receiver(DestReceiver *receiver,
				 bool (*receive)(TupleTableSlot *slot, DestReceiver *self));

#endif
