/*
 * old_columns.h
 *		Which columns of a change contraction will remove.
 *
 * Those that the argument old_columns of ec_expand names.  Left out: those that
 * the mappings move.  With a table target they can be the whole table, which is
 * what '{*}' says.
 */
#ifndef EC_DUALWRITE_OLD_COLUMNS_H
#define EC_DUALWRITE_OLD_COLUMNS_H

#include "postgres.h"

#include "nodes/bitmapset.h"
#include "utils/rel.h"

#include "model/change.h"

/* 42703, or 22023 where a column is new in the change. */
extern void ec_check_old_columns(const EcChange *change, Relation relation,
								 Bitmapset *new_columns);

/*
 * Mark what goes in the change's columns, which are collected, and add what no
 * mapping names.  moved: the numbers of what goes where nothing was asked for;
 * moves_all: then the whole table does.
 */
extern void ec_mark_old_columns(EcChange *change, Relation relation,
								Bitmapset *moved, bool moves_all);

/*
 * Does a call ask for what the change was registered with?  Columns go by their
 * names of that day.
 */
extern bool ec_same_old_columns(const EcChange *known, const EcChange *asked);

#endif
