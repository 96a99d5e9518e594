/*
 * equality.h
 *		Compares two values of a type.
 *
 * The type's `=` decides; it is taken from the default operator class, not
 * found through search_path.  Values of types without one (json, xml, point)
 * are equal if they add the same words to the hash of their row; see hasher.h.
 */
#ifndef EC_VERIFY_EQUALITY_H
#define EC_VERIFY_EQUALITY_H

#include "postgres.h"

#include "fmgr.h"

#include "verify/hasher.h"

typedef struct EcEquality
{
	EcHasher *hasher;
	FunctionCallInfo call; /* of `=`; NULL if the type has none */
	int16 length;
	bool by_value;
} EcEquality;

/* For the hasher's type; keeps a pointer to the hasher. */
extern void ec_equality_init(EcEquality *equality, EcHasher *hasher);

/* Neither value may be NULL.  May allocate in the current context. */
extern bool ec_equal(EcEquality *equality, Datum left, Datum right);

/*
 * A cheap test: if it returns true, the values are equal.  It does not
 * detoast, so it may return false for equal values.
 */
extern bool ec_identical(const EcEquality *equality, Datum left, Datum right);

#endif
