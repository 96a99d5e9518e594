/*
 * mismatch.c
 *		The record of a row that differs: its key and its values.
 *
 * Everything is converted to text before it is stored.  Output functions
 * belong to the types' owners and must run as the caller, but storing runs as
 * the extension's owner.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/sysattr.h"
#include "access/tupdesc.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/relcache.h"

#include "core/clip.h"
#include "core/pinned.h"
#include "verify/mismatch.h"

TupleDesc
ec_mismatch_desc(void)
{
	TupleDesc desc = CreateTemplateTupleDesc(EC_MISMATCH_COLUMNS + 1);

	TupleDescInitEntry(desc, 1, "key", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 2, "difference", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 3, "column_name", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 4, "source_value", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 5, "target_value", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 6, "repair", TEXTOID, -1, 0);
	TupleDescInitEntry(desc, 7, "row", INT8OID, -1, 0);
	return desc;
}

void
ec_mismatch_put(Tuplestorestate *mismatches, const EcMismatch *mismatch)
{
	const char *texts[EC_MISMATCH_COLUMNS] = {mismatch->key,
											  mismatch->difference,
											  mismatch->column_name,
											  mismatch->source_value,
											  mismatch->target_value,
											  mismatch->repair};
	Datum values[EC_MISMATCH_COLUMNS + 1];
	bool nulls[EC_MISMATCH_COLUMNS + 1];

	for (int i = 0; i < EC_MISMATCH_COLUMNS; i++)
	{
		nulls[i] = texts[i] == NULL;
		values[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(texts[i]);
	}
	values[EC_MISMATCH_COLUMNS] = Int64GetDatum(mismatch->row);
	nulls[EC_MISMATCH_COLUMNS] = false;
	tuplestore_putvalues(mismatches, ec_mismatch_desc(), values, nulls);
}

static List *
primary_key_names(Relation relation)
{
	Bitmapset *primary_key =
		RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	List *names = NIL;
	int member = -1;

	while ((member = bms_next_member(primary_key, member)) >= 0)
	{
		AttrNumber attnum = member + FirstLowInvalidHeapAttributeNumber;
		Form_pg_attribute attribute =
			TupleDescAttr(RelationGetDescr(relation), attnum - 1);

		names = lappend(names, pstrdup(NameStr(attribute->attname)));
	}
	return names;
}

EcRowKey *
ec_row_key(Relation relation, List *names)
{
	EcRowKey *key = palloc0_object(EcRowKey);
	bool partitioned = relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
	ListCell *cell;

	if (names == NIL)
		names = primary_key_names(relation);
	key->relation = RelationGetRelid(relation);
	key->first = -1;
	key->names = palloc_array(char *, list_length(names) + 2);
	/* a key of a partitioned table is unique across its partitions */
	if (relation->rd_rel->relhassubclass && !(partitioned && names != NIL))
		key->names[key->count++] = "tableoid";
	foreach (cell, names)
	{
		char *name = lfirst(cell);

		key->names[key->count++] = name;
	}
	if (names == NIL)
		key->names[key->count++] = "ctid";
	return key;
}

static Size
length_of(TupleTableSlot *slot, int position)
{
	Form_pg_attribute attribute =
		TupleDescAttr(slot->tts_tupleDescriptor, position);

	if (attribute->attlen != -1 || slot->tts_isnull[position])
		return 0;
	return toast_raw_datum_size(slot->tts_values[position]) - VARHDRSZ;
}

bool
ec_slot_is_cut(TupleTableSlot *slot, int first, int count)
{
	for (int i = first; i < first + count; i++)
		if (length_of(slot, i) > EC_LONGEST_SHOWN)
			return true;
	return false;
}

static bool
is_text(Oid type)
{
	switch (getBaseType(type))
	{
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case JSONOID:
		case XMLOID:
			return true;
	}
	return false;
}

/* Only its beginning is fetched. */
static char *
cut_text(TupleTableSlot *slot, int position)
{
	Size length = length_of(slot, position);
	struct varlena *beginning;
	const char *bytes;
	int count;

	if (!is_text(TupleDescAttr(slot->tts_tupleDescriptor, position)->atttypid))
		return psprintf("... (%zu bytes)", length);
	beginning = PG_DETOAST_DATUM_SLICE(slot->tts_values[position], 0, EC_MAX_TEXT);
	bytes = VARDATA_ANY(beginning);
	count = pg_mbcliplen(bytes, VARSIZE_ANY_EXHDR(beginning),
						 VARSIZE_ANY_EXHDR(beginning) - MAX_MULTIBYTE_CHAR_LEN);
	return psprintf("%s... (%zu bytes)", pnstrdup(bytes, count), length);
}

char *
ec_slot_text(TupleTableSlot *slot, int position)
{
	Form_pg_attribute attribute =
		TupleDescAttr(slot->tts_tupleDescriptor, position);
	Oid function;
	bool is_varlena;
	int level;
	char *text;

	if (slot->tts_isnull[position])
		return NULL;
	if (ec_slot_is_cut(slot, position, 1))
		return cut_text(slot, position);
	getTypeOutputInfo(attribute->atttypid, &function, &is_varlena);
	level = ec_pin_output();
	text = OidOutputFunctionCall(function, slot->tts_values[position]);
	AtEOXact_GUC(true, level);
	return text;
}

/* NaN and the infinities are not valid JSON numbers. */
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

static void
append_member(StringInfo json, const char *name, Oid type, const char *text)
{
	appendStringInfoString(json, json->len == 0 ? "{" : ", ");
	escape_json(json, name);
	appendStringInfoString(json, ": ");
	if (text == NULL)
		appendStringInfoString(json, "null");
	else if (is_json_number(type, text))
		appendStringInfoString(json, text);
	else
		escape_json(json, text);
}

char *
ec_row_key_json(const EcRowKey *key, TupleTableSlot *slot)
{
	TupleDesc desc = slot->tts_tupleDescriptor;
	int first = key->first >= 0 ? key->first : desc->natts - key->count;
	StringInfoData json;

	initStringInfo(&json);
	for (int i = 0; i < key->count; i++)
	{
		Oid type = TupleDescAttr(desc, first + i)->atttypid;
		char *text;

		if (strcmp(key->names[i], "tableoid") == 0 && type == OIDOID)
		{
			Oid table = DatumGetObjectId(slot->tts_values[first + i]);

			if (table == key->relation)
				continue;
			text = DatumGetCString(DirectFunctionCall1(regclassout, table));
		}
		else
			text = ec_slot_text(slot, first + i);
		append_member(&json, key->names[i], type, text);
	}
	appendStringInfoChar(&json, '}');
	return json.data;
}

char *
ec_row_json(List *columns, TupleTableSlot *slot, int first)
{
	StringInfoData json;
	ListCell *cell;

	initStringInfo(&json);
	foreach (cell, columns)
	{
		EcMappedColumn *column = lfirst(cell);
		int position = first + foreach_current_index(cell);

		append_member(&json, column->name,
					  TupleDescAttr(slot->tts_tupleDescriptor, position)->atttypid,
					  ec_slot_text(slot, position));
	}
	appendStringInfoString(&json, json.len == 0 ? "{}" : "}");
	return json.data;
}

char *
ec_shown_failure(const char *message)
{
	return psprintf("(fails: %s)", message);
}
