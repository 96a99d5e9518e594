/*
 * record.h
 *		Stores the results of verifications in expand_contract.verifications.
 *
 * Tables are read as the caller, results are stored as the extension's owner.
 * No code of users runs while they are stored, because all values are text by
 * then.
 */
#ifndef EC_VERIFY_RECORD_H
#define EC_VERIFY_RECORD_H

#include "postgres.h"

#include "utils/timestamp.h"

#include "verify/compare.h"

/* A row of expand_contract.verifications. */
typedef struct EcVerification
{
	int64 id;
	int64 missing;
	int64 extra;
	int64 different;
	int64 recorded; /* number of rows in expand_contract.mismatches */
	EcChecksum source;
	EcChecksum target;
	TimestampTz started_at;
	TimestampTz finished_at; /* 0: not finished */
} EcVerification;

/*
 * Begins a verification by the role caller; change may be NULL.  Returns its
 * id.
 */
extern int64 ec_record_begin(const EcSubject *subject, const Jsonb *mapping,
							 const char *change, Oid caller);
extern void ec_record_set_job(int64 verification, int64 job);

/*
 * Adds the result of comparing a part, or all, of the tables.  Stores
 * mismatches of as many rows as the setting still allows.  Locks the
 * verification's row until commit.
 */
extern void ec_record_add(int64 verification, const EcComparison *comparison);

/* Marks the verification as finished. */
extern void ec_record_end(int64 verification);

/* Returns false if there is no such verification. */
extern bool ec_record_read(int64 verification, EcVerification *result);

static inline bool
ec_verification_ok(const EcVerification *verification)
{
	return verification->missing == 0 && verification->extra == 0 &&
		   verification->different == 0;
}

#endif
