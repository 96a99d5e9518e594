/*
 * json.c
 *		Flat jsonb objects, in which jobs store their state.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "core/json.h"

void
ec_json_begin(EcJsonWriter *writer)
{
	writer->state = NULL;
	(void) pushJsonbValue(&writer->state, WJB_BEGIN_OBJECT, NULL);
}

static void
push_string(EcJsonWriter *writer, JsonbIteratorToken token, const char *string)
{
	JsonbValue value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, string);
	value.val.string.len = strlen(string);
	(void) pushJsonbValue(&writer->state, token, &value);
}

void
ec_json_text(EcJsonWriter *writer, const char *key, const char *value)
{
	if (value == NULL)
		return;
	push_string(writer, WJB_KEY, key);
	/* the string is read by ec_json_end; GetConfigOption's buffer is static */
	push_string(writer, WJB_VALUE, pstrdup(value));
}

void
ec_json_int8(EcJsonWriter *writer, const char *key, int64 value)
{
	JsonbValue number;

	push_string(writer, WJB_KEY, key);
	number.type = jbvNumeric;
	number.val.numeric = int64_to_numeric(value);
	(void) pushJsonbValue(&writer->state, WJB_VALUE, &number);
}

Jsonb *
ec_json_end(EcJsonWriter *writer)
{
	return JsonbValueToJsonb(pushJsonbValue(&writer->state, WJB_END_OBJECT, NULL));
}

static JsonbValue *
find(const Jsonb *object, const char *key)
{
	/* a row that was edited by hand may hold something else than an object */
	if (object == NULL || !JB_ROOT_IS_OBJECT(object))
		return NULL;
	return getKeyJsonValueFromContainer(&unconstify(Jsonb *, object)->root, key,
										strlen(key), NULL);
}

char *
ec_json_get_text(const Jsonb *object, const char *key)
{
	JsonbValue *value = find(object, key);

	if (value == NULL || value->type != jbvString)
		return NULL;
	return pnstrdup(value->val.string.val, value->val.string.len);
}

char *
ec_json_get_scalar(const Jsonb *object, const char *key)
{
	JsonbValue *value = find(object, key);

	if (value != NULL && value->type == jbvNumeric)
		return DatumGetCString(
			DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
	return ec_json_get_text(object, key);
}

int64
ec_json_get_int8(const Jsonb *object, const char *key, int64 if_missing)
{
	JsonbValue *value = find(object, key);

	if (value == NULL || value->type != jbvNumeric)
		return if_missing;
	return DatumGetInt64(
		DirectFunctionCall1(numeric_int8, NumericGetDatum(value->val.numeric)));
}
