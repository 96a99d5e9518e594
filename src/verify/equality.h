/*
 * equality.h
 *		Whether two values of a type are equal.
 *
 * That is what the type's `=` says, found as indexes find it and not through
 * search_path.  Types without one (json, xml, point) are equal when they feed
 * in the same words into the hash of their row, see hasher.h.
 */
#ifndef EC_VERIFY_EQUALITY_H
#define EC_VERIFY_EQUALITY_H

#include "postgres.h"

#include "fmgr.h"

#include "verify/hasher.h"

typedef struct EcEquality
{
	EcHasher *hasher;
	FunctionCallInfo call; /* of `=`; NULL: the type has none */
	int16 length;
	bool by_value;
} EcEquality;

/* For the type that the hasher is for; the hasher must live as long. */
extern void ec_equality_init(EcEquality *equality, EcHasher *hasher);

/* Neither value may be NULL.  May allocate in the current context. */
extern bool ec_equal(EcEquality *equality, Datum left, Datum right);

/*
 * Cheap and never wrong about values that it calls identical; detoasts
 * nothing, so identical values may go unnoticed.
 */
extern bool ec_identical(const EcEquality *equality, Datum left, Datum right);

#endif
