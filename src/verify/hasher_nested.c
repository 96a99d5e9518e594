/*
 * hasher_nested.c
 *		Hashes types that consist of other types.
 *
 * Each part is hashed by the hasher of its own type.  So an enum in an array
 * in a composite is hashed by its label.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/multirangetypes.h"
#include "utils/numeric.h"
#include "utils/rangetypes.h"
#include "utils/typcache.h"

#include "verify/hasher_nested.h"
#include "verify/hasher_plain.h"

typedef struct ArrayParts
{
	EcHasher element;
	int16 length;
	bool by_value;
	char alignment;
} ArrayParts;

/*
 * Dimensions and lower bounds are included: '[0:1]={1,2}' differs from
 * '{1,2}'.
 */
static void
feed_array(EcHasher *hasher, EcLanes *lanes, Datum value)
{
	ArrayParts *parts = hasher->extra;
	ArrayType *array = DatumGetArrayTypeP(value);
	EcNullMask mask = {0};
	Datum *elements;
	bool *nulls;
	int count;

	check_stack_depth();
	ec_lanes_word(lanes, ARR_NDIM(array));
	for (int i = 0; i < ARR_NDIM(array); i++)
	{
		ec_lanes_word(lanes, ARR_DIMS(array)[i]);
		ec_lanes_word(lanes, (uint64) (int64) ARR_LBOUND(array)[i]);
	}
	/*
	 * ARR_ELEMTYPE may be a domain; the element's hasher is that of its base
	 * type
	 */
	deconstruct_array(array, ARR_ELEMTYPE(array), parts->length, parts->by_value,
					  parts->alignment, &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
		ec_feed_next(&parts->element, lanes, &mask, elements[i], nulls[i]);
	ec_feed_end(lanes, &mask);
}

static void
init_array(EcHasher *hasher, Oid element, EcHasherInit init)
{
	ArrayParts *parts = MemoryContextAllocZero(hasher->memory, sizeof(ArrayParts));

	init(&parts->element, element, hasher->collation, hasher->memory);
	get_typlenbyvalalign(element, &parts->length, &parts->by_value,
						 &parts->alignment);
	hasher->extra = parts;
	hasher->feed = feed_array;
}

/*
 * The row type is known only from each value, because a column of type record
 * may contain rows of several types.  The last one is cached.
 */
typedef struct RowParts
{
	EcHasherInit init;
	MemoryContext memory; /* for all fields that follow */
	Oid type;
	int32 typmod;
	TupleDesc shape;
	EcHasher *columns;
	Datum *values;
	bool *nulls;
} RowParts;

static void
set_row_shape(EcHasher *hasher, RowParts *parts, Oid type, int32 typmod)
{
	MemoryContext old;
	TupleDesc shape;

	parts->shape = NULL; /* in case of an error before the end */
	MemoryContextReset(parts->memory);
	old = MemoryContextSwitchTo(parts->memory);
	shape = lookup_rowtype_tupdesc_copy(type, typmod);
	parts->columns = palloc0_array(EcHasher, shape->natts + 1);
	parts->values = palloc_array(Datum, shape->natts + 1);
	parts->nulls = palloc_array(bool, shape->natts + 1);
	MemoryContextSwitchTo(old);
	for (int i = 0; i < shape->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(shape, i);

		if (!attribute->attisdropped)
			parts->init(&parts->columns[i], attribute->atttypid,
						attribute->attcollation, parts->memory);
	}
	parts->type = type;
	parts->typmod = typmod;
	parts->shape = shape;
}

static void
feed_row(EcHasher *hasher, EcLanes *lanes, Datum value)
{
	RowParts *parts = hasher->extra;
	HeapTupleHeader row = DatumGetHeapTupleHeader(value);
	Oid type = HeapTupleHeaderGetTypeId(row);
	int32 typmod = HeapTupleHeaderGetTypMod(row);
	EcNullMask mask = {0};
	HeapTupleData tuple;

	check_stack_depth();
	if (parts->shape == NULL || parts->type != type || parts->typmod != typmod)
		set_row_shape(hasher, parts, type, typmod);

	tuple.t_len = HeapTupleHeaderGetDatumLength(row);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = row;
	heap_deform_tuple(&tuple, parts->shape, parts->values, parts->nulls);
	for (int i = 0; i < parts->shape->natts; i++)
		if (!TupleDescAttr(parts->shape, i)->attisdropped)
			ec_feed_next(&parts->columns[i], lanes, &mask, parts->values[i],
						 parts->nulls[i]);
	ec_feed_end(lanes, &mask);
}

static void
init_row(EcHasher *hasher, EcHasherInit init)
{
	RowParts *parts = MemoryContextAllocZero(hasher->memory, sizeof(RowParts));

	parts->init = init;
	parts->memory = AllocSetContextCreate(hasher->memory, "ec_checksum row",
										  ALLOCSET_SMALL_SIZES);
	hasher->extra = parts;
	hasher->feed = feed_row;
}

typedef struct RangeParts
{
	TypeCacheEntry *range;
	EcHasher bound;
} RangeParts;

static void
feed_bound(RangeParts *parts, EcLanes *lanes, const RangeBound *bound)
{
	ec_lanes_word(lanes, (bound->infinite ? 1 : 0) | (bound->inclusive ? 2 : 0));
	if (!bound->infinite)
		parts->bound.feed(&parts->bound, lanes, bound->val);
}

static void
feed_one_range(RangeParts *parts, EcLanes *lanes, const RangeType *range)
{
	RangeBound lower;
	RangeBound upper;
	bool empty;

	range_deserialize(parts->range, range, &lower, &upper, &empty);
	ec_lanes_word(lanes, empty ? 1 : 0);
	if (!empty)
	{
		feed_bound(parts, lanes, &lower);
		feed_bound(parts, lanes, &upper);
	}
}

static void
feed_range(EcHasher *hasher, EcLanes *lanes, Datum value)
{
	check_stack_depth();
	feed_one_range(hasher->extra, lanes, DatumGetRangeTypeP(value));
}

static void
feed_multirange(EcHasher *hasher, EcLanes *lanes, Datum value)
{
	RangeParts *parts = hasher->extra;
	RangeType **ranges;
	int32 count;

	check_stack_depth();
	multirange_deserialize(parts->range, DatumGetMultirangeTypeP(value), &count,
						   &ranges);
	ec_lanes_word(lanes, count);
	for (int32 i = 0; i < count; i++)
		feed_one_range(parts, lanes, ranges[i]);
}

/* Type cache entries are never freed, so keep a pointer. */
static void
init_range(EcHasher *hasher, Oid range, bool multi, EcHasherInit init)
{
	RangeParts *parts = MemoryContextAllocZero(hasher->memory, sizeof(RangeParts));

	parts->range = lookup_type_cache(range, TYPECACHE_RANGE_INFO);
	if (parts->range->rngelemtype == NULL)
		elog(ERROR, "type %u is not a range type", range);
	init(&parts->bound, parts->range->rngelemtype->type_id,
		 parts->range->rng_collation, hasher->memory);
	hasher->extra = parts;
	hasher->feed = multi ? feed_multirange : feed_range;
}

static void
feed_jsonb_scalar(EcLanes *lanes, const JsonbValue *value)
{
	ec_lanes_word(lanes, value->type);
	switch (value->type)
	{
		case jbvNull:
			break;
		case jbvString:
			ec_lanes_bytes(lanes, value->val.string.val, value->val.string.len);
			break;
		case jbvNumeric:
			ec_feed_numeric(lanes, value->val.numeric);
			break;
		case jbvBool:
			ec_lanes_word(lanes, value->val.boolean ? 1 : 0);
			break;
		default:
			elog(ERROR, "unexpected jsonb value type: %d", value->type);
	}
}

/*
 * Numbers in jsonb are equal if they are equal as numeric (1.0 and 1.00).  The
 * text of a jsonb shows the scale, and its hash function ignores the sign.
 */
static void
feed_jsonb(EcHasher *hasher, EcLanes *lanes, Datum value)
{
	Jsonb *jsonb = DatumGetJsonbP(value);
	JsonbIterator *iterator = JsonbIteratorInit(&jsonb->root);
	JsonbIteratorToken token;
	JsonbValue part;

	while ((token = JsonbIteratorNext(&iterator, &part, false)) != WJB_DONE)
	{
		ec_lanes_word(lanes, token);
		switch (token)
		{
			case WJB_BEGIN_ARRAY:
				ec_lanes_word(lanes, part.val.array.rawScalar ? 1 : 0);
				break;
			case WJB_KEY:
			case WJB_VALUE:
			case WJB_ELEM:
				feed_jsonb_scalar(lanes, &part);
				break;
			default:
				break;
		}
	}
}

bool
ec_hasher_init_nested(EcHasher *hasher, EcHasherInit init)
{
	Oid element;

	if (hasher->type == JSONBOID)
	{
		hasher->feed = feed_jsonb;
		return true;
	}
	element = get_element_type(hasher->type);
	if (OidIsValid(element))
	{
		init_array(hasher, element, init);
		return true;
	}
	switch (get_typtype(hasher->type))
	{
		case TYPTYPE_COMPOSITE:
			init_row(hasher, init);
			return true;
		case TYPTYPE_RANGE:
			init_range(hasher, hasher->type, false, init);
			return true;
		case TYPTYPE_MULTIRANGE:
			init_range(hasher, get_multirange_range(hasher->type), true, init);
			return true;
	}
	if (hasher->type == RECORDOID)
	{
		init_row(hasher, init);
		return true;
	}
	return false;
}
