/*
 * version.c
 *		Versions of migrations: their syntax and their order.
 *
 * The key is stored in the ledger.  If its format changes, an update script
 * has to recompute it.
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "parser/scansup.h"
#include "utils/builtins.h"

#include "migrate/version.h"

/* The number of significant digits of its longest number. */
static int
longest_number(const char *version)
{
	int longest = 0;

	for (const char *c = version; *c; c++)
	{
		int digits = 0;

		while (*c == '0')
			c++;
		while (isdigit((unsigned char) c[digits]))
			digits++;
		longest = Max(longest, digits);
		c += digits;
		if (*c == '\0')
			break;
	}
	return longest;
}

void
ec_check_version(const char *version)
{
	size_t length = strlen(version);
	const char *c;

	if (length == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("version of a migration must not be empty"),
						errhint("Use for example 001 or 20260101120000.")));
	if (length > EC_MAX_VERSION_BYTES)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("version of a migration is too long"),
						errdetail("The version has %zu bytes; the limit is %d.",
								  length, EC_MAX_VERSION_BYTES),
						errhint("Keep the version short and say the rest in "
								"\"description\".")));
	if (longest_number(version) > EC_MAX_VERSION_DIGITS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("version of a migration has too long a number"),
				 errdetail("A number in it has %d digits; the limit is %d.",
						   longest_number(version), EC_MAX_VERSION_DIGITS),
				 errhint("Versions are ordered by their numbers, and none could come after it. Use for example 001 or 20260101120000.")));
	for (c = version; *c; c++)
	{
		if ((unsigned char) *c < ' ' || *c == '\177')
			break;
	}
	if (*c || scanner_isspace(version[0]) || scanner_isspace(version[length - 1]))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid version \"%s\" of a migration", version),
				 errdetail(
					 "A version has no control characters, and no white space at its ends.")));
}

/*
 * Each run of digits becomes the number of its significant digits, written
 * with three digits, followed by those digits, so a longer number is larger.
 * Then follows a character that sorts before all others, and the version
 * itself.  So different versions have different keys.
 */
char *
ec_version_key(const char *version)
{
	StringInfoData key;
	const char *c = version;

	initStringInfo(&key);
	while (*c)
	{
		int digits = 0;

		if (!isdigit((unsigned char) *c))
		{
			appendStringInfoChar(&key, *c++);
			continue;
		}
		while (*c == '0')
			c++;
		while (isdigit((unsigned char) c[digits]))
			digits++;
		appendStringInfo(&key, "%03d", digits);
		appendBinaryStringInfo(&key, c, digits);
		c += digits;
	}
	appendStringInfoChar(&key, '\001');
	appendStringInfoString(&key, version);
	return key.data;
}

/*
 * expand_contract.version_key(version text) → text
 *
 * The stored sort key of the ledger; see ec_version_key.  Immutable, strict.
 */
PG_FUNCTION_INFO_V1(ec_version_key_sql);
Datum
ec_version_key_sql(PG_FUNCTION_ARGS)
{
	char *version = text_to_cstring(PG_GETARG_TEXT_PP(0));

	PG_RETURN_TEXT_P(cstring_to_text(ec_version_key(version)));
}
