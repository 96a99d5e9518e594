/*
 * image.h
 *		Are two values of a column the same?
 */
#ifndef EC_DUALWRITE_COLUMNS_IMAGE_H
#define EC_DUALWRITE_COLUMNS_IMAGE_H

#include "postgres.h"

#include "utils/datum.h"

#include "core/compat.h"
#include "dualwrite/columns/compiled.h"

/* Values that are in the row itself, as most are. */
static inline bool
ec_is_plain(Datum value)
{
	return !VARATT_IS_EXTENDED(DatumGetPointer(value)) ||
		   VARATT_IS_SHORT(DatumGetPointer(value));
}

/*
 * By image: what an equality calls equal may still be mapped to something
 * else.  Of values that are stored apart or compressed the stored bytes come
 * first, which spares fetching a long value that nobody has touched.
 */
static inline bool
ec_is_same(const EcCompiledColumn *column, Datum left, bool left_null,
		   Datum right, bool right_null)
{
	if (left_null || right_null)
		return left_null == right_null;
	if (column->by_value)
		return left == right;
	if (column->length != -1)
		return datumIsEqual(left, right, false, column->length);
	if (ec_is_plain(left) && ec_is_plain(right))
	{
		char *a = DatumGetPointer(left);
		char *b = DatumGetPointer(right);

		return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
			   memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
	}
	return datumIsEqual(left, right, false, -1) ||
		   datum_image_eq(left, right, false, -1);
}

#endif
