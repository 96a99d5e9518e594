/*
 * explain.c
 *		Hints for errors that a script's statements raise.
 */
#include "postgres.h"

#include "migrate/explain.h"
#include "script/dialect.h"

typedef struct Explanation
{
	int code;
	const char *message; /* part of the untranslated message; NULL: any */
	bool replaces;       /* replaces the server's own hint */
	const char *hint;
} Explanation;

static const Explanation explanations[] = {
	{ERRCODE_INVALID_TRANSACTION_TERMINATION, NULL, true,
	 "A block or procedure of the script ends the transaction, and a script is one "
	 "transaction. Remove COMMIT and ROLLBACK. To write many rows in batches, each with a commit of its own, use ec_backfill, ec_copy or ec_delete."},
	{ERRCODE_ACTIVE_SQL_TRANSACTION, NULL, true,
	 "Take the statement out of the block or function: as a statement of the script "
	 "it is run outside of a transaction, by a worker."},
	{ERRCODE_UNSAFE_NEW_ENUM_VALUE_USAGE, NULL, true,
	 "A new value is of use only after a commit. Take ALTER TYPE ... ADD VALUE out of "
	 "the block or function: as a statement of the script it gets a transaction of its "
	 "own."},
	{ERRCODE_OBJECT_IN_USE, "pending trigger events", false,
	 "Rows have been written whose constraints or triggers are deferred. Put SET "
	 "CONSTRAINTS ALL IMMEDIATE before the statement, or put the two into versions of "
	 "their own."},
};

void
ec_explain_script_error(ErrorData *error)
{
	for (int i = 0; i < lengthof(explanations); i++)
	{
		const Explanation *explanation = &explanations[i];

		if (error->sqlerrcode == explanation->code &&
			(explanation->message == NULL ||
			 (error->message_id != NULL &&
			  strstr(error->message_id, explanation->message) != NULL)) &&
			(error->hint == NULL || explanation->replaces))
			error->hint = pstrdup(explanation->hint);
	}
	if ((error->sqlerrcode == ERRCODE_UNDEFINED_OBJECT ||
		 error->sqlerrcode == ERRCODE_UNDEFINED_FUNCTION) &&
		error->message != NULL)
	{
		const char *hint = ec_foreign_name_hint(error->message);

		if (hint != NULL)
			error->hint = pstrdup(hint);
	}
}
