/*
 * hasher_names.c
 *		Hashes types that are stored as the OID of a named object.
 *
 * Their output functions cannot be used, because they write the schema
 * depending on search_path.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_ts_config.h"
#include "catalog/pg_ts_dict.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "core/pinned.h"
#include "verify/hasher_names.h"

static void
feed_enum(EcHasher *hasher, EcLanes *lanes, Datum value)
{
	HeapTuple tuple = SearchSysCache1(ENUMOID, value);
	const char *label;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
						errmsg("invalid internal value for enum: %u",
							   DatumGetObjectId(value))));
	label = NameStr(((Form_pg_enum) GETSTRUCT(tuple))->enumlabel);
	ec_lanes_bytes(lanes, label, strlen(label));
	ReleaseSysCache(tuple);
}

static char *
qualified(Oid namespace, const char *name)
{
	return quote_qualified_identifier(get_namespace_name(namespace), name);
}

static char *
collation_name(Oid oid)
{
	HeapTuple tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(oid));
	Form_pg_collation form;
	char *name;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	form = (Form_pg_collation) GETSTRUCT(tuple);
	name = qualified(form->collnamespace, NameStr(form->collname));
	ReleaseSysCache(tuple);
	return name;
}

static char *
configuration_name(Oid oid)
{
	HeapTuple tuple = SearchSysCache1(TSCONFIGOID, ObjectIdGetDatum(oid));
	Form_pg_ts_config form;
	char *name;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	form = (Form_pg_ts_config) GETSTRUCT(tuple);
	name = qualified(form->cfgnamespace, NameStr(form->cfgname));
	ReleaseSysCache(tuple);
	return name;
}

static char *
dictionary_name(Oid oid)
{
	HeapTuple tuple = SearchSysCache1(TSDICTOID, ObjectIdGetDatum(oid));
	Form_pg_ts_dict form;
	char *name;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	form = (Form_pg_ts_dict) GETSTRUCT(tuple);
	name = qualified(form->dictnamespace, NameStr(form->dictname));
	ReleaseSysCache(tuple);
	return name;
}

/* The name of the object with that OID; NULL if there is none. */
static char *
name_of(Oid type, Oid oid)
{
	char *name;

	switch (type)
	{
		case REGCLASSOID:
			name = get_rel_name(oid);
			return name ? qualified(get_rel_namespace(oid), name) : NULL;
		case REGPROCOID:
		case REGPROCEDUREOID:
			return format_procedure_extended(oid, FORMAT_PROC_FORCE_QUALIFY |
													  FORMAT_PROC_INVALID_AS_NULL);
		case REGOPEROID:
		case REGOPERATOROID:
			return format_operator_extended(oid, FORMAT_OPERATOR_FORCE_QUALIFY |
													 FORMAT_OPERATOR_INVALID_AS_NULL);
		case REGTYPEOID:
			return format_type_extended(oid, -1,
										FORMAT_TYPE_FORCE_QUALIFY |
											FORMAT_TYPE_INVALID_AS_NULL);
		case REGROLEOID:
			return GetUserNameFromId(oid, true);
		case REGNAMESPACEOID:
			return get_namespace_name(oid);
		case REGCOLLATIONOID:
			return collation_name(oid);
		case REGCONFIGOID:
			return configuration_name(oid);
		case REGDICTIONARYOID:
			return dictionary_name(oid);
	}
	elog(ERROR, "unexpected type %u", type);
	return NULL;
}

/* An OID whose object does not exist (any more) is hashed as a number. */
static void
feed_name_of_oid(EcHasher *hasher, EcLanes *lanes, Datum value)
{
	Oid oid = DatumGetObjectId(value);
	int level = ec_pin_output(); /* quote_all_identifiers affects the name */
	char *name = OidIsValid(oid) ? name_of(hasher->type, oid) : NULL;

	AtEOXact_GUC(true, level);
	if (name != NULL)
		ec_lanes_bytes(lanes, name, strlen(name));
	else
	{
		ec_lanes_word(lanes, PG_UINT64_MAX);
		ec_lanes_word(lanes, oid);
	}
}

bool
ec_hasher_init_names(EcHasher *hasher)
{
	switch (hasher->type)
	{
		case REGCLASSOID:
		case REGPROCOID:
		case REGPROCEDUREOID:
		case REGOPEROID:
		case REGOPERATOROID:
		case REGTYPEOID:
		case REGROLEOID:
		case REGNAMESPACEOID:
		case REGCOLLATIONOID:
		case REGCONFIGOID:
		case REGDICTIONARYOID:
			hasher->feed = feed_name_of_oid;
			return true;
	}
	if (get_typtype(hasher->type) == TYPTYPE_ENUM)
	{
		hasher->feed = feed_enum;
		return true;
	}
	return false;
}
