/*
 * hasher.h
 *		Adds a value of any type to the hash of its row.
 *
 * Values that are equal according to their type's `=` add the same words,
 * independent of the session's settings, of the database (OIDs) and of the
 * server's version.
 *
 *		type								what is added
 *		integers, oid, bool, date, time,	the value as 64 bits; int4 and int8,
 *		timestamp, money, pg_lsn, xid		float4 and float8 agree
 *		numeric								its own hash, sign and kind (that
 *											hash ignores the sign: -1 and 1)
 *		interval							days and microseconds: '1 month'
 *											and '30 days' are equal
 *		text, varchar, name, bytea, uuid,	bytes; char(n) without its padding
 *		char(n), json, xml, bit, point ...
 *		enum, regclass and similar types	the name, schema included
 *		array, range, composite, jsonb		element by element, with bounds,
 *											dimensions, NULLs and structure
 *		domain								as its base type
 *		other, with an extended hash		that hash
 *		other, with an = only				output text, output settings pinned
 *		other								the stored bytes
 *
 * The types' own extended hashes are used only where there is nothing better.
 * hashint8extended folds 64 bits into 32, hash_numeric_extended ignores the
 * sign, and hash_array_extended and hash_record_extended are linear and ignore
 * leading NULLs.
 */
#ifndef EC_VERIFY_HASHER_H
#define EC_VERIFY_HASHER_H

#include "postgres.h"

#include "verify/row_hash.h"

typedef struct EcHasher EcHasher;

struct EcHasher
{
	/*
	 * Adds a value that is not NULL.  May allocate in the current memory
	 * context, which the caller resets after each row.
	 */
	void (*feed)(EcHasher *hasher, EcLanes *lanes, Datum value);

	Oid type;             /* a domain's base type */
	Oid collation;        /* if the type is collatable */
	MemoryContext memory; /* lives as long as the hasher */
	void *extra;          /* private data of the feed function */
	int16 length;         /* the type's typlen */
	bool by_value;
};

/*
 * Prepares for a type.  Raises ERRCODE_FEATURE_NOT_SUPPORTED for pseudo-types,
 * and for a nondeterministic collation, under which different strings are
 * equal.
 */
extern void
ec_hasher_init(EcHasher *hasher, Oid type, Oid collation, MemoryContext memory);

/*
 * For adding a sequence of values, any of which may be NULL: the columns of a
 * row, the elements of an array.  A NULL adds only a bit.  The bits are added
 * once for every 64 values and at the end, so that sequences that differ in
 * their NULLs are different.
 */
typedef struct EcNullMask
{
	uint64 bits;
	uint32 count;
} EcNullMask;

static inline void
ec_feed_next(EcHasher *hasher, EcLanes *lanes, EcNullMask *mask, Datum value,
			 bool isnull)
{
	if (isnull)
		mask->bits |= UINT64CONST(1) << (mask->count & 63);
	else
		hasher->feed(hasher, lanes, value);
	if ((++mask->count & 63) == 0)
	{
		ec_lanes_word(lanes, mask->bits);
		mask->bits = 0;
	}
}

static inline void
ec_feed_end(EcLanes *lanes, const EcNullMask *mask)
{
	ec_lanes_word(lanes, mask->bits);
	ec_lanes_word(lanes, mask->count);
}

#endif
