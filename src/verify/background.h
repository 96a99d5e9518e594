/*
 * background.h
 *		Verification as a job: chunk by chunk, a snapshot each.
 *
 * Whoever knows what is to be compared registers the kind "verify": its begin
 * calls ec_verification_begin, its batch opens the EcSubject and calls
 * ec_verification_batch.
 *
 * A chunk is a range of keys; workers take the next one from
 * expand_contract.verify_walks.  What a chunk was found to hold, and that it
 * is done, commit together; so a job that is killed counts nothing twice and
 * leaves out nothing.  A chunk in which something differs is looked at again,
 * under a later snapshot: see recheck.h.
 *
 * Rows are found by key, not by place: an UPDATE moves a row to another place,
 * and would carry it past a walk over blocks unseen.
 */
#ifndef EC_VERIFY_BACKGROUND_H
#define EC_VERIFY_BACKGROUND_H

#include "postgres.h"

#include "verify/compare.h"
#include "verify/record.h"
#include "worker/jobs/job.h"

/* Rows of a chunk where nothing is said: reading costs less than writing. */
extern int ec_verification_chunk_rows(void);

/*
 * Submit a job of kind "verify".  spec has its pace and change; kind,
 * relation, parameters and estimate are filled in here.  mapping is what the
 * record shows.
 */
extern int64 ec_verification_submit(EcJobSpec *spec, const EcSubject *subject,
									const Jsonb *mapping);

/* Of EcJobKind; the subject is that of the submission. */
extern void ec_verification_begin(EcJob *job);
extern bool ec_verification_batch(EcJob *job, const EcSubject *subject);

/* What the job has found so far. */
extern bool ec_verification_of_job(const EcJob *job, EcVerification *verification);

#endif
