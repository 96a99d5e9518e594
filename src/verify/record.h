/*
 * record.h
 *		What verifications found, in expand_contract.verifications.
 *
 * Reading runs as the caller, recording as the extension's owner.  Nothing of
 * the user's is evaluated while recording: by then there is only text.
 */
#ifndef EC_VERIFY_RECORD_H
#define EC_VERIFY_RECORD_H

#include "postgres.h"

#include "utils/timestamp.h"

#include "verify/compare.h"

/* A verification as it is recorded. */
typedef struct EcVerification
{
	int64 id;
	int64 missing;
	int64 extra;
	int64 different;
	int64 recorded; /* rows in expand_contract.mismatches */
	EcChecksum source;
	EcChecksum target;
	TimestampTz started_at;
	TimestampTz finished_at; /* 0: not yet */
} EcVerification;

/* Begin one by the current user; change and job may be NULL and 0. */
extern int64 ec_record_begin(const EcSubject *subject, const Jsonb *mapping,
							 const char *change, Oid caller);
extern void ec_record_set_job(int64 verification, int64 job);

/*
 * Add what was found in a part, or in all, of the tables; of mismatches, as
 * many rows as are still allowed.  Locks the verification until commit.
 */
extern void ec_record_add(int64 verification, const EcComparison *comparison);

/* It is complete. */
extern void ec_record_end(int64 verification);

/* False if there is no such verification. */
extern bool ec_record_read(int64 verification, EcVerification *result);

static inline bool
ec_verification_ok(const EcVerification *verification)
{
	return verification->missing == 0 && verification->extra == 0 &&
		   verification->different == 0;
}

#endif
