/*
 * json.h
 *		Flat jsonb objects, in which jobs store their state.
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
						 const char *value); /* a NULL is left out */
extern void ec_json_int8(EcJsonWriter *writer, const char *key, int64 value);
extern Jsonb *ec_json_end(EcJsonWriter *writer);

/*
 * Get a key's value from a flat object; NULL or if_missing if it has no such
 * key.
 */
extern char *ec_json_get_text(const Jsonb *object, const char *key);
/* The same for a value that is a string or a number; returns it as text. */
extern char *ec_json_get_scalar(const Jsonb *object, const char *key);
extern int64
ec_json_get_int8(const Jsonb *object, const char *key, int64 if_missing);

#endif
