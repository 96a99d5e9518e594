/*
 * instep.h
 *		Decides whether a row is right although it differs from the mapping.
 *
 * A row is right if new = forward(old).  The forward mapping may lose
 * information, as lower() does.  So if there is a backward mapping, a row that
 * was written through the new columns is right, too.  Such a row has old =
 * backward(new), and its new columns are not all unset.  Unset means NULL, or
 * equal to a constant default.
 */
#ifndef EC_VERIFY_INSTEP_H
#define EC_VERIFY_INSTEP_H

#include "postgres.h"

#include "executor/tuptable.h"

#include "verify/compare.h"
#include "verify/equality.h"

/* A column, and what is needed to compare its values. */
typedef struct EcComparedColumn
{
	EcMappedColumn *mapped;
	EcHasher hasher;
	EcEquality equality;

	/* its constant default; a column with this value is unset */
	bool has_default;
	Datum default_value;
} EcComparedColumn;

/* Prepares the columns (EcMappedColumn) of a relation. */
extern EcComparedColumn *
ec_compared_columns(Relation relation, List *columns, bool by_image);

/* Values of a row; that of the i-th column is at first + i * stride. */
typedef struct EcCells
{
	const Datum *values;
	const bool *nulls;
	int first;
	int stride;
} EcCells;

static inline EcCells
ec_cells(const TupleTableSlot *slot, int first, int stride)
{
	EcCells cells = {slot->tts_values, slot->tts_isnull, first, stride};

	return cells;
}

/* Two NULLs do not differ. */
extern bool ec_cells_differ(EcComparedColumn *column, const EcCells *left,
							const EcCells *right, int i);

/*
 * For a row with new <> forward(old): is it right by the backward mapping?
 * computed is backward(new); count and old_count are numbers of columns.
 */
extern bool
ec_backward_explains(EcComparedColumn *columns, int count, const EcCells *new_values,
					 EcComparedColumn *old_columns, int old_count,
					 const EcCells *old_values, const EcCells *computed);

#endif
