/*
 * checksum.c
 *		The checksum of a migration's script.
 *
 * The token stream of the server's own scanner is hashed.  The scanner gets an
 * empty list of keywords, so that all unquoted words are tokens of the same
 * kind.  Otherwise a word that becomes a keyword in the next major version
 * would change the checksum of every script that uses it.
 *
 * This format of the stream is version 1, and ledgers contain checksums of
 * it.  Never change it; add a version instead.
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "expand_contract.h"
#include "script/script.h"
#include "script/tokens.h"

#define CHECKSUM_VERSION "v1:"

/* Replaces each CR LF by LF, because an editor may change line ends. */
static char *
with_plain_line_ends(const char *text)
{
	char *copy = palloc(strlen(text) + 1);
	char *to = copy;

	for (const char *from = text; *from; from++)
	{
		if (from[0] != '\r' || from[1] != '\n')
			*to++ = *from;
	}
	*to = '\0';
	return copy;
}

/*
 * Converts offsets in the result of with_plain_line_ends to offsets in its
 * argument.
 */
static void
restore_offsets(const char *text, int *offsets, int count)
{
	int plain = 0;
	int original = 0;

	for (int i = 0; i < count; i++)
	{
		while (plain < offsets[i] ||
			   (text[original] == '\r' && text[original + 1] == '\n'))
		{
			if (text[original] != '\r' || text[original + 1] != '\n')
				plain++;
			original++;
		}
		offsets[i] = original;
	}
}

static void
append_token(StringInfo stream, int token, const core_YYSTYPE *value, bool quoted)
{
	/*
	 * one letter for the kind, the value, and a zero byte, which no value
	 * contains
	 */
	switch ((EcTokenKind) token)
	{
		case EC_TOKEN_IDENT:
			appendStringInfo(stream, "%c%s", quoted ? 'q' : 'w', value->str);
			break;
		case EC_TOKEN_UIDENT:
			appendStringInfo(stream, "u%s", value->str);
			break;
		case EC_TOKEN_SCONST:
			appendStringInfo(stream, "s%s", value->str);
			break;
		case EC_TOKEN_USCONST:
			appendStringInfo(stream, "U%s", value->str);
			break;
		case EC_TOKEN_BCONST:
		case EC_TOKEN_XCONST:
			appendStringInfo(stream, "b%s", value->str);
			break;
		case EC_TOKEN_FCONST:
			appendStringInfo(stream, "n%s", value->str);
			break;
		case EC_TOKEN_ICONST:
			appendStringInfo(stream, "n%d", value->ival);
			break;
		case EC_TOKEN_PARAM:
			appendStringInfo(stream, "p%d", value->ival);
			break;
		case EC_TOKEN_OP:
			appendStringInfo(stream, "o%s", value->str);
			break;
		case EC_TOKEN_TYPECAST:
			appendStringInfoString(stream, "o::");
			break;
		case EC_TOKEN_DOT_DOT:
			appendStringInfoString(stream, "o..");
			break;
		case EC_TOKEN_COLON_EQUALS:
			appendStringInfoString(stream, "o:=");
			break;
		case EC_TOKEN_EQUALS_GREATER:
			appendStringInfoString(stream, "o=>");
			break;
		case EC_TOKEN_LESS_EQUALS:
			appendStringInfoString(stream, "o<=");
			break;
		case EC_TOKEN_GREATER_EQUALS:
			appendStringInfoString(stream, "o>=");
			break;
		case EC_TOKEN_NOT_EQUALS:
			appendStringInfoString(stream, "o<>");
			break;
		default:
			/* a single character */
			Assert(token < EC_TOKEN_IDENT);
			appendStringInfo(stream, "o%c", token);
	}
	appendStringInfoChar(stream, '\0');
}

static char *
sha256_hex(const char *data, size_t length)
{
	uint8 digest[PG_SHA256_DIGEST_LENGTH];
	char *hex = palloc(PG_SHA256_DIGEST_STRING_LENGTH);
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);

	if (context == NULL || pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, (const uint8 *) data, length) < 0 ||
		pg_cryptohash_final(context, digest, sizeof(digest)) < 0)
		elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(context));
	pg_cryptohash_free(context);
	hex[hex_encode((const char *) digest, sizeof(digest), hex)] = '\0';
	return hex;
}

char *
ec_script_checksum(const char *text, int **offsets, int *count)
{
	char *plain = with_plain_line_ends(text);
	EcScanner scanner;
	EcToken token;
	StringInfoData stream;
	int room = 64;
	int found = 0;
	int *starts = palloc(room * sizeof(int));
	bool semicolon = false;

	initStringInfo(&stream);
	ec_scanner_begin(&scanner, plain);
	while (ec_scanner_next(&scanner, &token))
	{
		if (found == room)
		{
			room *= 2;
			starts = repalloc(starts, room * sizeof(int));
		}
		starts[found++] = token.offset;

		/* empty statements, and a semicolon at the end, do not count */
		if (token.kind == ';')
		{
			semicolon = stream.len > 0;
			continue;
		}
		if (semicolon)
			append_token(&stream, ';', NULL, false);
		semicolon = false;
		append_token(&stream, token.kind, &token.value, plain[token.offset] == '"');
	}
	ec_scanner_end(&scanner);

	if (offsets != NULL)
	{
		restore_offsets(text, starts, found);
		*offsets = starts;
		*count = found;
	}
	return psprintf(CHECKSUM_VERSION "%s", sha256_hex(stream.data, stream.len));
}
