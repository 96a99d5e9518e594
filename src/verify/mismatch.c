/*
 * mismatch.c
 *		What is recorded of a row that differs: its key and its values.
 *
 * All of it is text by the time it is recorded.  Output functions belong to
 * the types' owners and run as the caller; recording runs as the extension's
 * owner.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/tupdesc.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/relcache.h"

#include "verify/compare.h"
#include "verify/hasher.h"
#include "verify/mismatch.h"

TupleDesc
ec_mismatch_desc(void)
{
	TupleDesc desc = CreateTemplateTupleDesc(EC_MISMATCH_COLUMNS);

	TupleDescInitEntry(desc, 1, "key", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 2, "column_name", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 3, "source_value", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 4, "target_value", TEXTOID, -1, 0);
	return desc;
}

EcRowKey *
ec_row_key(Relation relation)
{
	EcRowKey *key = palloc0_object(EcRowKey);
	Bitmapset *primary_key =
		RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	bool partitioned = relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
	int member = -1;

	key->relation = RelationGetRelid(relation);
	key->names = palloc_array(char *, bms_num_members(primary_key) + 2);
	/* A primary key of a partitioned table holds for all its partitions. */
	if (relation->rd_rel->relhassubclass && !(partitioned && primary_key != NULL))
		key->names[key->count++] = "tableoid";
	while ((member = bms_next_member(primary_key, member)) >= 0)
	{
		AttrNumber attnum = member + FirstLowInvalidHeapAttributeNumber;

		key->names[key->count++] = pstrdup(NameStr(
			TupleDescAttr(RelationGetDescr(relation), attnum - 1)->attname));
	}
	if (primary_key == NULL)
		key->names[key->count++] = "ctid";
	return key;
}

static char *
value_text(TupleTableSlot *slot, int position)
{
	Form_pg_attribute attribute =
		TupleDescAttr(slot->tts_tupleDescriptor, position);
	Oid function;
	bool is_varlena;

	if (slot->tts_isnull[position])
		return NULL;
	getTypeOutputInfo(attribute->atttypid, &function, &is_varlena);
	return OidOutputFunctionCall(function, slot->tts_values[position]);
}

/* NaN and the infinities are no JSON numbers. */
static bool
is_json_number(Oid type, const char *text)
{
	switch (getBaseType(type))
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return true;
		case NUMERICOID:
			return strspn(text, "-0123456789.") == strlen(text);
	}
	return false;
}

static char *
key_json(const EcRowKey *key, TupleTableSlot *slot)
{
	int first = slot->tts_tupleDescriptor->natts - key->count;
	StringInfoData json;

	initStringInfo(&json);
	for (int i = 0; i < key->count; i++)
	{
		Oid type = TupleDescAttr(slot->tts_tupleDescriptor, first + i)->atttypid;
		char *text;

		if (strcmp(key->names[i], "tableoid") == 0 && type == OIDOID)
		{
			Oid table = DatumGetObjectId(slot->tts_values[first + i]);

			if (table == key->relation)
				continue;
			text = DatumGetCString(DirectFunctionCall1(regclassout, table));
		}
		else
			text = value_text(slot, first + i);

		appendStringInfoString(&json, json.len == 0 ? "{" : ", ");
		escape_json(&json, key->names[i]);
		appendStringInfoString(&json, ": ");
		if (text == NULL)
			appendStringInfoString(&json, "null");
		else if (is_json_number(type, text))
			appendStringInfoString(&json, text);
		else
			escape_json(&json, text);
	}
	appendStringInfoChar(&json, '}');
	return json.data;
}

void
ec_mismatch_put(Tuplestorestate *mismatches, const EcRowKey *key,
				const char *column, TupleTableSlot *slot, int source)
{
	int guc_level = ec_pin_output_settings();
	char *texts[EC_MISMATCH_COLUMNS];
	Datum values[EC_MISMATCH_COLUMNS];
	bool nulls[EC_MISMATCH_COLUMNS];

	texts[0] = key_json(key, slot);
	texts[1] = unconstify(char *, column);
	texts[2] = value_text(slot, source);
	texts[3] = value_text(slot, source + 1);
	for (int i = 0; i < EC_MISMATCH_COLUMNS; i++)
	{
		nulls[i] = texts[i] == NULL;
		values[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(texts[i]);
	}
	tuplestore_putvalues(mismatches, ec_mismatch_desc(), values, nulls);
	AtEOXact_GUC(true, guc_level);
}
