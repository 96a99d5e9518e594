/*
 * receiver.c
 *		A DestReceiver that consists of one callback for rows.
 */
#include "postgres.h"

#include "core/receiver.h"

static void
start_receiving(DestReceiver *self, int operation, TupleDesc desc)
{
}

static void
stop_receiving(DestReceiver *self)
{
}

void
ec_init_receiver(DestReceiver *receiver,
				 bool (*receive)(TupleTableSlot *slot, DestReceiver *self))
{
	receiver->receiveSlot = receive;
	receiver->rStartup = start_receiving;
	receiver->rShutdown = stop_receiving;
	receiver->rDestroy = stop_receiving;
	receiver->mydest = DestNone;
}
