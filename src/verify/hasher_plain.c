/*
 * hasher_plain.c
 *		Hashes types that do not consist of other types.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/itemptr.h"
#include "utils/builtins.h"
#include "utils/bytea.h"
#include "utils/date.h"
#include "utils/float.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "core/compat.h"
#include "core/pinned.h"
#include "verify/hasher_plain.h"

/* Adds a varlena's content; copies it only if it has to be detoasted. */
static inline void
feed_varlena(EcLanes *lanes, Datum value)
{
	struct varlena *content = PG_DETOAST_DATUM_PACKED(value);

	ec_lanes_bytes(lanes, VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content));
}

static void
feed_bool(EcHasher *hasher, EcLanes *lanes, Datum value)
{
	ec_lanes_word(lanes, DatumGetBool(value) ? 1 : 0);
}

static void
feed_char(EcHasher *hasher, EcLanes *lanes, Datum value)
{
	ec_lanes_word(lanes, (unsigned char) DatumGetChar(value));
}

static void
feed_int2(EcHasher *hasher, EcLanes *lanes, Datum value)
{
	ec_lanes_word(lanes, (uint64) (int64) DatumGetInt16(value));
}

static void
feed_int4(EcHasher *hasher, EcLanes *lanes, Datum value)
{
	ec_lanes_word(lanes, (uint64) (int64) DatumGetInt32(value));
}

static void
feed_int8(EcHasher *hasher, EcLanes *lanes, Datum value)
{
	ec_lanes_word(lanes, (uint64) DatumGetInt64(value));
}

static void
feed_oid(EcHasher *hasher, EcLanes *lanes, Datum value)
{
	ec_lanes_word(lanes, DatumGetObjectId(value));
}

/* All NaNs are equal, and 0 equals -0. */
static void
feed_double(EcLanes *lanes, float8 number)
{
	uint64 word;

	if (isnan(number))
		number = get_float8_nan();
	else if (number == 0)
		number = 0;
	memcpy(&word, &number, sizeof(word));
	ec_lanes_word(lanes, word);
}

static void
feed_float4(EcHasher *hasher, EcLanes *lanes, Datum value)
{
	feed_double(lanes, DatumGetFloat4(value));
}

static void
feed_float8(EcHasher *hasher, EcLanes *lanes, Datum value)
{
	feed_double(lanes, DatumGetFloat8(value));
}

/*
 * The hash function of numeric includes digits and weight and ignores the
 * display scale.  It also ignores the sign, and does not distinguish NaN and
 * the infinities, so these are added here.
 */
void
ec_feed_numeric(EcLanes *lanes, Numeric number)
{
	static Numeric zero = NULL;
	Datum hash;
	int kind;

	if (zero == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		zero = int64_to_numeric(0);
		MemoryContextSwitchTo(old);
	}
	hash = DirectFunctionCall2(hash_numeric_extended, NumericGetDatum(number),
							   Int64GetDatum(0));
	kind = DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(number),
											 NumericGetDatum(zero)));
	kind = kind < 0 ? 1 : 0;
	if (numeric_is_nan(number))
		kind = 2;
	else if (numeric_is_inf(number))
		kind |= 4;
	ec_lanes_word(lanes, DatumGetUInt64(hash));
	ec_lanes_word(lanes, kind);
}

/* Most numerics have a short header; unpack them without allocating memory. */
static void
feed_numeric(EcHasher *hasher, EcLanes *lanes, Datum value)
{
	struct varlena *stored = (struct varlena *) DatumGetPointer(value);

	if (VARATT_IS_SHORT(stored))
	{
		union
		{
			int32 align;
			char bytes[VARATT_SHORT_MAX + VARHDRSZ];
		} unpacked;
		Size length = VARSIZE_SHORT(stored) - VARHDRSZ_SHORT;

		SET_VARSIZE(unpacked.bytes, length + VARHDRSZ);
		memcpy(VARDATA(unpacked.bytes), VARDATA_SHORT(stored), length);
		ec_feed_numeric(lanes, (Numeric) unpacked.bytes);
	}
	else
		ec_feed_numeric(lanes, DatumGetNumeric(value));
}

static void
feed_timetz(EcHasher *hasher, EcLanes *lanes, Datum value)
{
	TimeTzADT *time = DatumGetTimeTzADTP(value);

	ec_lanes_word(lanes, (uint64) time->time);
	ec_lanes_word(lanes, (uint64) (int64) time->zone);
}

/* Intervals are compared with 30 days a month and 24 hours a day. */
static void
feed_interval(EcHasher *hasher, EcLanes *lanes, Datum value)
{
	Interval *interval = DatumGetIntervalP(value);
	int64 days = interval->time / USECS_PER_DAY;
	int64 microseconds = interval->time % USECS_PER_DAY;

	if (microseconds < 0)
	{
		microseconds += USECS_PER_DAY;
		days--;
	}
	days += (int64) interval->month * DAYS_PER_MONTH + interval->day;
	ec_lanes_word(lanes, (uint64) days);
	ec_lanes_word(lanes, (uint64) microseconds);
}

static void
feed_bytes(EcHasher *hasher, EcLanes *lanes, Datum value)
{
	feed_varlena(lanes, value);
}

static void
feed_bpchar(EcHasher *hasher, EcLanes *lanes, Datum value)
{
	struct varlena *content = PG_DETOAST_DATUM_PACKED(value);
	char *bytes = VARDATA_ANY(content);

	ec_lanes_bytes(lanes, bytes, bpchartruelen(bytes, VARSIZE_ANY_EXHDR(content)));
}

static void
feed_name(EcHasher *hasher, EcLanes *lanes, Datum value)
{
	const char *name = NameStr(*DatumGetName(value));

	ec_lanes_bytes(lanes, name, strnlen(name, NAMEDATALEN));
}

static void
feed_cstring(EcHasher *hasher, EcLanes *lanes, Datum value)
{
	const char *string = DatumGetCString(value);

	ec_lanes_bytes(lanes, string, strlen(string));
}

/*
 * Adds the stored bytes of a type of any length; of a Datum only the used low
 * ones.
 */
static void
feed_image(EcHasher *hasher, EcLanes *lanes, Datum value)
{
	if (hasher->by_value)
	{
		int unused = 8 * (sizeof(uint64) - hasher->length);

		ec_lanes_word(lanes, ((uint64) value << unused) >> unused);
	}
	else if (hasher->length == -1)
		feed_varlena(lanes, value);
	else if (hasher->length == -2)
		feed_cstring(hasher, lanes, value);
	else
		ec_lanes_bytes(lanes, DatumGetPointer(value), hasher->length);
}

/* A tid has six bytes, so do not read eight. */
static void
feed_tid(EcHasher *hasher, EcLanes *lanes, Datum value)
{
	ItemPointer tid = (ItemPointer) DatumGetPointer(value);

	ec_lanes_word(lanes, ItemPointerGetBlockNumberNoCheck(tid));
	ec_lanes_word(lanes, ItemPointerGetOffsetNumberNoCheck(tid));
}

static void
feed_extended_hash(EcHasher *hasher, EcLanes *lanes, Datum value)
{
	FunctionCallInfo call = hasher->extra;
	Datum hash;

	call->args[0].value = value;
	call->isnull = false;
	hash = FunctionCallInvoke(call);
	if (call->isnull)
		elog(ERROR, "function %u returned NULL", call->flinfo->fn_oid);
	ec_lanes_word(lanes, DatumGetUInt64(hash));
}

/* Adds the output text, which must not depend on settings. */
static void
feed_plain_output(EcHasher *hasher, EcLanes *lanes, Datum value)
{
	char *text = OutputFunctionCall(hasher->extra, value);

	ec_lanes_bytes(lanes, text, strlen(text));
}

static void
feed_pinned_output(EcHasher *hasher, EcLanes *lanes, Datum value)
{
	int level = ec_pin_output();

	feed_plain_output(hasher, lanes, value);
	AtEOXact_GUC(true, level);
}

typedef struct KnownType
{
	Oid type;
	void (*feed)(EcHasher *hasher, EcLanes *lanes, Datum value);
} KnownType;

static const KnownType known_types[] = {
	{BOOLOID, feed_bool},       {CHAROID, feed_char},
	{INT2OID, feed_int2},       {INT4OID, feed_int4},
	{INT8OID, feed_int8},       {OIDOID, feed_oid},
	{XIDOID, feed_oid},         {CIDOID, feed_oid},
	{XID8OID, feed_int8},       {PG_LSNOID, feed_int8},
	{MONEYOID, feed_int8},      {FLOAT4OID, feed_float4},
	{FLOAT8OID, feed_float8},   {NUMERICOID, feed_numeric},
	{DATEOID, feed_int4},       {TIMEOID, feed_int8},
	{TIMESTAMPOID, feed_int8},  {TIMESTAMPTZOID, feed_int8},
	{TIMETZOID, feed_timetz},   {INTERVALOID, feed_interval},
	{TEXTOID, feed_bytes},      {VARCHAROID, feed_bytes},
	{BPCHAROID, feed_bpchar},   {BYTEAOID, feed_bytes},
	{NAMEOID, feed_name},       {UNKNOWNOID, feed_cstring},
	{CSTRINGOID, feed_cstring}, {REFCURSOROID, feed_bytes},
	{JSONOID, feed_bytes},      {XMLOID, feed_bytes},
	{UUIDOID, feed_image},      {MACADDROID, feed_image},
	{MACADDR8OID, feed_image},  {BITOID, feed_bytes},
	{VARBITOID, feed_bytes},    {POINTOID, feed_image},
	{TIDOID, feed_tid},
};

/*
 * Types without an extended hash, or with one that hashes OIDs, whose output
 * does not depend on settings.
 */
static const Oid plain_output_types[] = {TSVECTOROID,    TSQUERYOID,
										 JSONPATHOID,    ACLITEMOID,
										 PG_SNAPSHOTOID, TXID_SNAPSHOTOID};

static void
use_output(EcHasher *hasher, bool pinned)
{
	FmgrInfo *output = MemoryContextAlloc(hasher->memory, sizeof(FmgrInfo));
	Oid function;
	bool is_varlena;

	getTypeOutputInfo(hasher->type, &function, &is_varlena);
	fmgr_info_cxt(function, output, hasher->memory);
	hasher->extra = output;
	hasher->feed = pinned ? feed_pinned_output : feed_plain_output;
}

/* Prepares a call of the function, with the seed as second argument. */
static void
use_extended_hash(EcHasher *hasher, Oid function)
{
	FmgrInfo *flinfo = MemoryContextAlloc(hasher->memory, sizeof(FmgrInfo));
	FunctionCallInfo call =
		MemoryContextAllocZero(hasher->memory, SizeForFunctionCallInfo(2));
	MemoryContext old;

	fmgr_info_cxt(function, flinfo, hasher->memory);
	InitFunctionCallInfoData(*call, flinfo, 2, hasher->collation, NULL, NULL);
	old = MemoryContextSwitchTo(hasher->memory);
	call->args[1].value = Int64GetDatum(0); /* palloc'd on 32-bit machines */
	MemoryContextSwitchTo(old);
	hasher->extra = call;
	hasher->feed = feed_extended_hash;
}

bool
ec_hasher_init_plain(EcHasher *hasher)
{
	for (int i = 0; i < lengthof(known_types); i++)
		if (known_types[i].type == hasher->type)
		{
			hasher->feed = known_types[i].feed;
			return true;
		}
	for (int i = 0; i < lengthof(plain_output_types); i++)
		if (plain_output_types[i] == hasher->type)
		{
			use_output(hasher, false);
			return true;
		}
	return false;
}

void
ec_hasher_init_other(EcHasher *hasher)
{
	TypeCacheEntry *entry =
		lookup_type_cache(hasher->type,
						  TYPECACHE_HASH_EXTENDED_PROC | TYPECACHE_EQ_OPR);

	if (OidIsValid(entry->hash_extended_proc))
		use_extended_hash(hasher, entry->hash_extended_proc);
	else if (OidIsValid(entry->eq_opr))
		use_output(hasher, true);
	else
		hasher->feed = feed_image;
}
