/*
 * json.h
 *		Flat jsonb objects: what jobs remember of themselves.
 */
#ifndef EC_CORE_JSON_H
#define EC_CORE_JSON_H

#include "postgres.h"

#include "utils/jsonb.h"

typedef struct EcJsonWriter
{
	JsonbParseState *state;
} EcJsonWriter;

extern void ec_json_begin(EcJsonWriter *writer);
extern void ec_json_text(EcJsonWriter *writer, const char *key,
						 const char *value); /* NULL: left out */
extern void ec_json_int8(EcJsonWriter *writer, const char *key, int64 value);
extern Jsonb *ec_json_end(EcJsonWriter *writer);

/* Of a flat object; NULL or if_missing where the key is not there. */
extern char *ec_json_get_text(const Jsonb *object, const char *key);
/* A string or a number as text. */
extern char *ec_json_get_scalar(const Jsonb *object, const char *key);
extern int64
ec_json_get_int8(const Jsonb *object, const char *key, int64 if_missing);

#endif
