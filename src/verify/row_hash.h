/*
 * row_hash.h
 *		The hash of one row: 128 bits in two lanes of 64.
 *
 * A row is added as a sequence of 64-bit words.  Each word is added to both
 * lanes.  The lanes have different seeds, multipliers and ways to combine, so
 * a collision in one lane is no collision in the other.  Each step is a
 * bijection of the word and of the lane.  So rows that differ in a single word
 * never collide, and other rows collide with a probability of 2^-128.  It is
 * not a cryptographic hash: collisions can be constructed.
 *
 * The words of a value must show where it ends (its length comes first), so
 * that 'ab','c' and 'a','bc' are different sequences.
 *
 * The functions are inline because they are the aggregate's inner loop.
 */
#ifndef EC_VERIFY_ROW_HASH_H
#define EC_VERIFY_ROW_HASH_H

#include "postgres.h"

#include "port/pg_bitutils.h"
#include "port/pg_bswap.h"

typedef struct EcLanes
{
	uint64 a;
	uint64 b;
} EcLanes;

static inline bool
ec_same_lanes(const EcLanes *left, const EcLanes *right)
{
	return left->a == right->a && left->b == right->b;
}

static inline uint64
ec_rotate(uint64 word, int bits)
{
	return (word << bits) | (word >> (64 - bits));
}

/* Begins a row.  The seeds are digits of pi and of e. */
static inline void
ec_lanes_start(EcLanes *lanes)
{
	lanes->a = UINT64CONST(0x3243f6a8885a308d);
	lanes->b = UINT64CONST(0x2b7e151628aed2a6);
}

/*
 * The multipliers are odd (so invertible), with about half of their bits set.
 */
static inline void
ec_lanes_word(EcLanes *lanes, uint64 word)
{
	word *= UINT64CONST(0x9fb21c651e98df25);
	word ^= word >> 32;
	word *= UINT64CONST(0xd6e8feb86659fd93);
	word ^= word >> 29;

	lanes->a = (lanes->a ^ word) * UINT64CONST(0xa0761d6478bd642f);
	lanes->a ^= lanes->a >> 32;
	lanes->b = (ec_rotate(lanes->b, 23) + word) * UINT64CONST(0xe7037ed1a0b428db);
	lanes->b ^= lanes->b >> 29;
}

/* Adds length and content of a byte string, the same for every byte order. */
static inline void
ec_lanes_bytes(EcLanes *lanes, const char *bytes, Size length)
{
	EcLanes local = *lanes;
	uint64 word;

	ec_lanes_word(&local, length);
	for (; length >= 8; bytes += 8, length -= 8)
	{
		memcpy(&word, bytes, 8);
#ifdef WORDS_BIGENDIAN
		word = pg_bswap64(word);
#endif
		ec_lanes_word(&local, word);
	}
	if (length > 0)
	{
		word = 0;
		while (length > 0)
			word = (word << 8) | (unsigned char) bytes[--length];
		ec_lanes_word(&local, word);
	}
	*lanes = local;
}

static inline uint64
ec_avalanche(uint64 word)
{
	word ^= word >> 30;
	word *= UINT64CONST(0xbf58476d1ce4e5b9);
	word ^= word >> 27;
	word *= UINT64CONST(0x94d049bb133111eb);
	return word ^ (word >> 31);
}

/*
 * Ends a row: mixes each lane so that every bit depends on every other bit.
 * Only then may rows be summed up.  Without it the sum would be nearly linear
 * in the columns, and would not change if two rows exchanged a column's
 * values.
 */
static inline void
ec_lanes_finish(EcLanes *lanes)
{
	lanes->a = ec_avalanche(lanes->a);
	lanes->b = ec_avalanche(lanes->b ^ UINT64CONST(0x5851f42d4c957f2d));
}

#endif
