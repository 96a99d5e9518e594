/*
 * function_body.c
 *		Tells whether a function with a body in text form uses a column.
 *
 * The server parses and analyses a body in SQL; the column permissions of the
 * result name the columns used.  A body in PL/pgSQL is read with the server's
 * scanner, so that comments and strings do not count as names.  Such a body
 * uses a column if it names both the column and the table, or names the column
 * of NEW or OLD in a trigger function of the table.  Bodies in other languages
 * are only searched for the words.
 */
#include "postgres.h"

#include <ctype.h>

#include "access/detoast.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/functions.h"
#include "fmgr.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "parser/parse_relation.h"
#include "tcop/tcopprot.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/syscache.h"

#include "core/function_path.h"
#include "core/subtransaction.h"
#include "core/catalog.h"
#include "core/compat.h"
#include "core/query.h"
#include "expand_contract.h"
#include "script/tokens.h"

/*
 * lock_timeout for locks on the tables that a body names, so that the check does
 * not hang, even if many functions name locked tables
 */
#define LOCK_WAIT       "100ms"
#define LATER_LOCK_WAIT "1ms" /* after one lock was not obtained */

/* in bytes; any role can create a function of half a gigabyte */
#define MAX_BODY 1000000

typedef struct Search
{
	List *family;  /* OIDs of the table and of its descendants */
	List *columns; /* names, char * */
	HeapTuple function;
	char *body;
	bool may_analyse;
	bool is_trigger;  /* it is a trigger function of one of the tables */
	bool *has_waited; /* a lock was not obtained in this statement */
	bool found;
} Search;

PG_FUNCTION_INFO_V1(ec_sql_body_names);

/* ------------------------------------------------------------- SQL: parsed */

static bool
uses_columns(const Search *search, Oid relation, const EcPermissions *permissions)
{
	ListCell *cell;

	if (permissions == NULL || !list_member_oid(search->family, relation))
		return false;
	foreach (cell, search->columns)
	{
		AttrNumber attnum = get_attnum(relation, lfirst(cell));
		int bit = attnum - FirstLowInvalidHeapAttributeNumber;

		if (attnum != InvalidAttrNumber &&
			(bms_is_member(bit, permissions->selectedCols) ||
			 bms_is_member(bit, permissions->insertedCols) ||
			 bms_is_member(bit, permissions->updatedCols)))
			return true;
	}
	return false;
}

static bool
look_at_query(Node *node, void *context)
{
	Search *search = context;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query *query = (Query *) node;
		ListCell *cell;

		foreach (cell, query->rtable)
		{
			RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);

			if (entry->rtekind == RTE_RELATION &&
				uses_columns(search, entry->relid,
							 ec_permissions_of(entry, query->rteperminfos)))
				search->found = true;
		}
		return query_tree_walker(query, look_at_query, context, 0);
	}
	return expression_tree_walker(node, look_at_query, context);
}

/*
 * Names are looked up along the function's own search_path if it has one, else
 * in the schemas of the table and of the function.  The search_path of its
 * callers is not known.
 */
static void
set_search_path(const Search *search)
{
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(search->function);
	Oid table = linitial_oid(search->family);
	char *path;

	path = psprintf("%s, %s, %s",
					quote_identifier(get_namespace_name(get_rel_namespace(table))),
					quote_identifier(get_namespace_name(form->pronamespace)),
					GetConfigOptionResetString("search_path"));
	(void) set_config_option("search_path", path, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("lock_timeout",
							 *search->has_waited ? LATER_LOCK_WAIT : LOCK_WAIT,
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true,
							 0, false);
	path = ec_function_path(form->oid);
	if (path != NULL)
		(void) set_config_option("search_path", path, PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/*
 * Returns false if the body has a utility statement.  The server does not
 * analyse those, so the caller must search for words.
 */
static bool
analyse_body(Search *search)
{
	SQLFunctionParseInfoPtr info =
		prepare_sql_fn_parse_info(search->function, NULL, InvalidOid);
	bool is_whole = true;
	ListCell *cell;

	foreach (cell, pg_parse_query(search->body))
	{
		Query *query =
			parse_analyze_withcb(lfirst_node(RawStmt, cell), search->body,
								 (ParserSetupHook) sql_fn_parser_setup, info, NULL);

		if (query->commandType == CMD_UTILITY)
			is_whole = false;
		(void) look_at_query((Node *) query, search);
	}
	return is_whole;
}

typedef struct Parsing
{
	Search *search;
	bool is_parsed;
} Parsing;

static void
analyse_with_path(void *arg)
{
	Parsing *parsing = arg;

	set_search_path(parsing->search);
	parsing->is_parsed = analyse_body(parsing->search);
}

/*
 * Returns false if the server cannot parse and analyse the body here and now.
 * The subtransaction is undone, with its locks and settings.
 */
static bool
parse_body(Search *search)
{
	Parsing parsing = {search, false};
	ErrorData *error = ec_subtransaction_undone(analyse_with_path, &parsing);

	if (error == NULL)
		return parsing.is_parsed;
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
		ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
		ReThrowError(error);
	if (error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE)
		*search->has_waited = true;
	FreeErrorData(error);
	return false;
}

/* ------------------------------------------------------------- words */

static bool
has_word(List *words, const char *word)
{
	ListCell *cell;

	foreach (cell, words)
		if (strcmp(lfirst(cell), word) == 0)
			return true;
	return false;
}

static List *
names_of_tables(const Search *search)
{
	List *names = NIL;
	ListCell *cell;

	foreach (cell, search->family)
	{
		char *name = get_rel_name(lfirst_oid(cell));

		if (name != NULL)
			names = lappend(names, name);
	}
	return names;
}

static bool
is_word_character(char c)
{
	return isalnum((unsigned char) c) || c == '_' || IS_HIGHBIT_SET(c);
}

/* Searches for whole words, ignoring case. */
static bool
text_has_word(const char *text, List *words)
{
	ListCell *cell;

	foreach (cell, words)
	{
		const char *word = lfirst(cell);
		size_t length = strlen(word);

		for (const char *at = text; *at != '\0'; at++)
			if (pg_strncasecmp(at, word, length) == 0 &&
				(at == text || !is_word_character(at[-1])) &&
				!is_word_character(at[length]))
				return true;
	}
	return false;
}

typedef struct Words
{
	bool column;        /* the body names a column */
	bool column_of_row; /* the body names a column of NEW or OLD */
	bool table;         /* the body names a table */
	bool text;          /* a string contains a column's name */
} Words;

static void
read_words(const Search *search, Words *words)
{
	List *tables = names_of_tables(search);
	EcScanner scanner;
	EcToken token;
	bool after_row = false; /* after NEW or OLD */
	bool after_dot = false; /* after NEW or OLD and a dot */

	memset(words, 0, sizeof(*words));
	ec_scanner_begin(&scanner, search->body);
	while (ec_scanner_next(&scanner, &token))
	{
		const char *word = token.value.str;
		bool is_name = token.kind == EC_TOKEN_IDENT || token.kind == EC_TOKEN_UIDENT;

		if (is_name && has_word(search->columns, word))
		{
			words->column = true;
			words->column_of_row |= after_dot;
		}
		if (is_name && has_word(tables, word))
			words->table = true;
		if ((token.kind == EC_TOKEN_SCONST || token.kind == EC_TOKEN_USCONST) &&
			text_has_word(word, search->columns))
			words->text = true;
		after_dot = after_row && token.kind == '.';
		after_row =
			is_name && (strcmp(word, "new") == 0 || strcmp(word, "old") == 0);
	}
	ec_scanner_end(&scanner);
}

/* Returns false if the server's scanner rejects the text. */
static bool
try_read_words(const Search *search, Words *words)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool is_read = false;

	PG_TRY();
	{
		read_words(search, words);
		is_read = true;
	}
	PG_CATCH();
	{
		/*
		 * The scanner allocates memory only, so there is nothing else to clean
		 * up.
		 */
		MemoryContextSwitchTo(context);
		FlushErrorState();
	}
	PG_END_TRY();
	return is_read;
}

static const char *
judge_words(const Search *search)
{
	Words words;

	if (!try_read_words(search, &words))
		return text_has_word(search->body, search->columns) ? "text" : NULL;
	if (words.column && (words.table || (words.column_of_row && search->is_trigger)))
		return "parsed";
	if (words.text && (words.table || search->is_trigger ||
					   text_has_word(search->body, names_of_tables(search))))
		return "text";
	return NULL;
}

/* ------------------------------------------------------------- all */

static List *
names_of_columns(Oid relation, ArrayType *numbers)
{
	List *names = NIL;
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	AttrNumber last = ((Form_pg_class) GETSTRUCT(tuple))->relnatts;

	ReleaseSysCache(tuple);
	for (AttrNumber number = 1; number <= last; number++)
	{
		char *name = get_attname(relation, number, true);
		bool wanted = numbers == NULL;

		if (name == NULL)
			continue;
		if (numbers != NULL)
			for (int i = 0;
				 i < ArrayGetNItems(ARR_NDIM(numbers), ARR_DIMS(numbers)); i++)
				wanted |= ((int16 *) ARR_DATA_PTR(numbers))[i] == number;
		if (wanted)
			names = lappend(names, name);
	}
	return names;
}

static bool
is_trigger_of(Oid function, List *family)
{
	ListCell *cell;
	bool found = false;

	foreach (cell, family)
	{
		EcCatalogScope scope;
		EcArgs args = {0};

		ec_catalog_begin(&scope);
		ec_arg_oid(&args, function);
		ec_arg_oid(&args, lfirst_oid(cell));
		found |=
			ec_query("SELECT FROM pg_trigger WHERE tgfoid = $1 AND tgrelid = $2",
					 &args) > 0;
		ec_catalog_end(&scope);
	}
	return found;
}

static const char *
judge(Search *search)
{
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(search->function);
	char *language = get_language_name(form->prolang, true);

	if (form->prolang == SQLlanguageId && search->may_analyse && parse_body(search))
		return search->found ? "parsed" : NULL;
	if (form->prolang == SQLlanguageId)
		return judge_words(search) ? "text" : NULL;
	search->is_trigger = form->prorettype == TRIGGEROID &&
						 is_trigger_of(form->oid, search->family);
	if (language != NULL && strcmp(language, "plpgsql") == 0)
		return judge_words(search);
	return text_has_word(search->body, search->columns) &&
				   (search->is_trigger ||
					text_has_word(search->body, names_of_tables(search)))
			   ? "text"
			   : NULL;
}

/*
 * expand_contract.body_names(function, relation, columns, may_analyse) → 'parsed',
 * 'text', 'long' (too long to be examined) or NULL
 *
 * columns are attribute numbers of the relation; NULL means all columns.
 * Without may_analyse, a body in SQL is only searched for the words.
 */
Datum
ec_sql_body_names(PG_FUNCTION_ARGS)
{
	Search search = {0};
	const char *answer = NULL;
	bool isnull;
	Datum body;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	/* an older version's SQL has no such argument */
	search.may_analyse = PG_NARGS() < 4 || PG_ARGISNULL(3) || PG_GETARG_BOOL(3);
	search.function = SearchSysCacheCopy1(PROCOID, PG_GETARG_DATUM(0));
	if (!HeapTupleIsValid(search.function) ||
		!SearchSysCacheExists1(RELOID, PG_GETARG_DATUM(1)))
		PG_RETURN_NULL();
	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra =
			MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(bool));
	search.has_waited = fcinfo->flinfo->fn_extra;
	body = SysCacheGetAttr(PROCOID, search.function, Anum_pg_proc_prosrc, &isnull);
	if (!isnull && toast_raw_datum_size(body) > MAX_BODY)
		answer = "long";
	else if (!isnull)
	{
		search.body = TextDatumGetCString(body);
		search.family = find_all_inheritors(PG_GETARG_OID(1), NoLock, NULL);
		search.columns =
			names_of_columns(PG_GETARG_OID(1),
							 PG_ARGISNULL(2) ? NULL : PG_GETARG_ARRAYTYPE_P(2));
		answer = judge(&search);
	}
	if (answer == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(answer));
}
