/*
 * checksum.h
 *		The order-independent checksum of a set of rows.
 *
 * A checksum consists of the number of rows and the sum of their hashes, lane
 * by lane modulo 2^64.  A sum does not depend on the order and can be computed
 * in parts (parallel workers, chunks of a table).  Unlike XOR it does not
 * cancel two equal rows.  As text it is 'COUNT:32 hex digits', the same on
 * every supported server version.
 */
#ifndef EC_VERIFY_CHECKSUM_H
#define EC_VERIFY_CHECKSUM_H

#include "postgres.h"

#include "verify/row_hash.h"

typedef struct EcChecksum
{
	int64 rows;
	uint64 sum_a;
	uint64 sum_b;
} EcChecksum;

/* Adds a row; its lanes must be finished. */
static inline void
ec_checksum_add(EcChecksum *checksum, const EcLanes *row)
{
	checksum->rows++;
	checksum->sum_a += row->a;
	checksum->sum_b += row->b;
}

/* Subtracts a row. */
static inline void
ec_checksum_subtract(EcChecksum *checksum, const EcLanes *row)
{
	checksum->rows--;
	checksum->sum_a -= row->a;
	checksum->sum_b -= row->b;
}

static inline bool
ec_checksum_is_empty(const EcChecksum *checksum)
{
	return checksum->rows == 0 && checksum->sum_a == 0 && checksum->sum_b == 0;
}

/* Adds all rows of another checksum. */
extern void ec_checksum_merge(EcChecksum *checksum, const EcChecksum *other);

/* Converts to text, palloc'd. */
extern char *ec_checksum_text(const EcChecksum *checksum);

/* Converts from that text. */
extern void ec_checksum_parse(const char *text, EcChecksum *checksum);

#endif
