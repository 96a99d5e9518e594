/*
 * verify.h
 *		What the verify room offers: comparing now, and in the background.
 *
 * Whoever knows what is to be compared fills in an EcSubject.  The tables are
 * opened with ec_open_verified, and closed by the caller, who keeps the lock.
 */
#ifndef EC_VERIFY_VERIFY_H
#define EC_VERIFY_VERIFY_H

#include "postgres.h"

#include "fmgr.h"

#include "verify/compare.h"
#include "verify/record.h"

/*
 * A table, with AccessShareLock, that the caller could read with SELECT; a
 * foreign table only as a source.
 */
extern Relation ec_open_verified(Oid oid, bool is_source_only);

/*
 * Compare all rows under one fresh snapshot, as the current user, and record
 * what was found.  mapping is what the record shows; change may be NULL.
 */
extern void ec_verify_now(const EcSubject *subject, const Jsonb *mapping,
						  const char *change, Oid caller, EcVerification *result);

/* As the result of a function that returns ec_verification. */
extern Datum
ec_verification_row(FunctionCallInfo fcinfo, const EcVerification *verification);

#endif
