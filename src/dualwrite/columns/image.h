/*
 * image.h
 *		Compares two values of a column by their binary image.
 */
#ifndef EC_DUALWRITE_COLUMNS_IMAGE_H
#define EC_DUALWRITE_COLUMNS_IMAGE_H

#include "postgres.h"

#include "utils/datum.h"

#include "core/compat.h"
#include "dualwrite/columns/compiled.h"

/*
 * True for values stored in the row itself, neither compressed nor in TOAST.
 */
static inline bool
ec_is_plain(Datum value)
{
	return !VARATT_IS_EXTENDED(DatumGetPointer(value)) ||
		   VARATT_IS_SHORT(DatumGetPointer(value));
}

/*
 * Compares by image, because values that are equal by the type's operator may
 * still be mapped to different results.  For TOASTed or compressed values the
 * stored bytes are compared first, which avoids fetching a long value that has
 * not been changed.
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
