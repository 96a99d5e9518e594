/*
 * instep.h
 *		When a row is right although the mapping would give something else.
 *
 * A row is in step when new = forward(old).  Forward may lose information,
 * lower() say; so where a mapping back exists, a row that was written through
 * the new columns is right as well: when old = backward(new), and the new
 * columns are not all unset.  Unset is NULL, or equal to a constant default.
 */
#ifndef EC_VERIFY_INSTEP_H
#define EC_VERIFY_INSTEP_H

#include "postgres.h"

#include "executor/tuptable.h"

#include "verify/compare.h"
#include "verify/equality.h"

/* A column and how its values are compared. */
typedef struct EcComparedColumn
{
	EcMappedColumn *mapped;
	EcHasher hasher;
	EcEquality equality;

	/* a constant default, by which it is unset */
	bool has_default;
	Datum default_value;
} EcComparedColumn;

/* Prepare for the columns (EcMappedColumn) of a relation. */
extern EcComparedColumn *
ec_compared_columns(Relation relation, List *columns, bool by_image);

/* Values of a row: that of the i-th column is at first + i * stride. */
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

/* NULL equals NULL. */
extern bool ec_cells_differ(EcComparedColumn *column, const EcCells *left,
							const EcCells *right, int i);

/*
 * For a row that forward does not explain.  computed is backward(new); count
 * and old_count are numbers of columns.
 */
extern bool
ec_backward_explains(EcComparedColumn *columns, int count, const EcCells *new_values,
					 EcComparedColumn *old_columns, int old_count,
					 const EcCells *old_values, const EcCells *computed);

#endif
