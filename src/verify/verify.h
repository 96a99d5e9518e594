/*
 * verify.h
 *		The functions of the verify room: comparing now, and as a job.
 *
 * The caller fills in an EcSubject.  It opens the tables with
 * ec_open_verified, and closes them without releasing the locks.
 */
#ifndef EC_VERIFY_VERIFY_H
#define EC_VERIFY_VERIFY_H

#include "postgres.h"

#include "fmgr.h"

#include "verify/compare.h"
#include "verify/record.h"

/*
 * Opens a table with AccessShareLock, if it is of a kind that can be verified;
 * a foreign table only as a source.
 */
extern Relation ec_open_verified(Oid oid, bool is_source_only);

/*
 * Compares all rows under one new snapshot, as the current user, and stores
 * the result.  mapping is stored in the record; change may be NULL.
 */
extern void ec_verify_now(const EcSubject *subject, const Jsonb *mapping,
						  const char *change, Oid caller, EcVerification *result);

/* Forms the result of a function that returns ec_verification. */
extern Datum
ec_verification_row(FunctionCallInfo fcinfo, const EcVerification *verification);

#endif
