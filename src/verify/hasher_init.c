/*
 * hasher_init.c
 *		Chooses how values of a type are hashed.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "verify/hasher_names.h"
#include "verify/hasher_nested.h"
#include "verify/hasher_plain.h"

static void
refuse_nondeterministic(const EcHasher *hasher)
{
	char *collation = get_collation_name(hasher->collation);

	if (get_collation_isdeterministic(hasher->collation))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("nondeterministic collations are not supported for checksums"),
			 errdetail("A value of type %s has collation \"%s\", under which different strings are equal.",
					   format_type_be(hasher->type),
					   collation ? collation : "(dropped)"),
			 errhint("Compare bytes instead: add COLLATE \"C\" to the expression.")));
}

static void
refuse_pseudo_type(const EcHasher *hasher)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot compute a checksum of pseudo-type %s",
					format_type_be(hasher->type)),
			 errdetail("A value of a pseudo-type cannot be hashed by itself."),
			 errhint("Leave the argument out, or cast it to a type of its own.")));
}

void
ec_hasher_init(EcHasher *hasher, Oid type, Oid collation, MemoryContext memory)
{
	memset(hasher, 0, sizeof(EcHasher));
	hasher->type = getBaseType(type);
	hasher->collation = collation;
	hasher->memory = memory;
	get_typlenbyval(hasher->type, &hasher->length, &hasher->by_value);

	if (OidIsValid(collation) && type_is_collatable(hasher->type))
		refuse_nondeterministic(hasher);
	if (ec_hasher_init_plain(hasher) || ec_hasher_init_names(hasher) ||
		ec_hasher_init_nested(hasher, ec_hasher_init))
		return;
	if (get_typtype(hasher->type) == TYPTYPE_PSEUDO)
		refuse_pseudo_type(hasher);
	ec_hasher_init_other(hasher);
}
