/*
 * slots.h
 *		The workers of jobs, identified by their locks.
 */
#ifndef EC_WORKER_JOBS_SLOTS_H
#define EC_WORKER_JOBS_SLOTS_H

#include "postgres.h"

#include "nodes/pg_list.h"

typedef struct EcLiveSlot
{
	int64 job;
	int slot;
	int pid;
} EcLiveSlot;

extern bool ec_lock_job_slot(int64 job, int slot);
extern bool ec_lock_job_slot_for_transaction(int64 job, int slot);
extern bool ec_keep_job_slot(int64 job, int slot);
extern void ec_unlock_all(void);
extern List *ec_live_slots(void); /* of EcLiveSlot, in this database */
extern bool ec_job_is_live(int64 job);

/* Is the caller the job's owner or a member of it? */
extern bool ec_job_is_mine(int64 job);

/* Is there such an entry in the list of ec_live_slots? */
extern bool ec_is_live(List *live, int64 job, int slot);
extern bool ec_has_live_slot(List *live, int64 job);

#endif
