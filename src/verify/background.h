/*
 * background.h
 *		Verification as a job, in chunks with a snapshot each.
 *
 * The room that knows what is to be compared registers the job kind "verify".
 * The kind's begin calls ec_verification_begin; its batch opens the EcSubject
 * and calls ec_verification_batch.
 *
 * A chunk is a range of keys.  Workers take the next one from
 * expand_contract.verify_walks.  The result of a chunk commits together with
 * the fact that it is done, so a job that is killed neither counts rows twice
 * nor leaves any out.  A chunk in which rows differ is compared again under a
 * later snapshot; see recheck.h.
 *
 * Chunks are ranges of keys and not of blocks, because an UPDATE moves a row
 * to another block.  A scan by blocks could miss the moved row.
 */
#ifndef EC_VERIFY_BACKGROUND_H
#define EC_VERIFY_BACKGROUND_H

#include "postgres.h"

#include "verify/compare.h"
#include "verify/record.h"
#include "worker/jobs/job.h"

/*
 * Default number of rows in a chunk; larger than a batch, because reading is
 * cheaper.
 */
extern int ec_verification_chunk_rows(void);

/*
 * Submits a job of kind "verify".  The caller sets the pace and the change in
 * spec; kind, relation, parameters and estimate are set here.  mapping is
 * stored in the verification's record.
 */
extern int64 ec_verification_submit(EcJobSpec *spec, const EcSubject *subject,
									const Jsonb *mapping);

/* For EcJobKind; the subject is that of the submission. */
extern void ec_verification_begin(EcJob *job);
extern bool ec_verification_batch(EcJob *job, const EcSubject *subject);

/* The job's results so far; false if its record does not exist. */
extern bool ec_verification_of_job(const EcJob *job, EcVerification *verification);

#endif
