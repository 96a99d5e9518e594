/*
 * pieces.c
 *		Finds the source text of the parts of a statement.
 */
#include "postgres.h"

#include "lint/plan/pieces.h"
#include "script/tokens.h"

EcPieces *
ec_pieces_of(const EcStatement *statement)
{
	EcPieces *pieces = palloc0(sizeof(EcPieces));
	int room = 64;
	int depth = 0;
	EcScanner scanner;
	EcToken token;

	pieces->statement = statement;
	pieces->tokens = palloc(room * sizeof(EcPieceToken));
	ec_scanner_begin(&scanner, statement->text);
	while (ec_scanner_next(&scanner, &token))
	{
		EcPieceToken *piece;

		if (pieces->count == room)
		{
			room *= 2;
			pieces->tokens = repalloc(pieces->tokens, room * sizeof(EcPieceToken));
		}
		if (token.kind == ')' || token.kind == ']')
			depth--;
		piece = &pieces->tokens[pieces->count++];
		piece->kind = token.kind;
		piece->offset = token.offset;
		piece->end = token.end;
		piece->depth = depth;
		piece->word =
			token.kind == EC_TOKEN_IDENT && statement->text[token.offset] != '"'
				? pstrdup(token.value.str)
				: NULL;
		if (token.kind == '(' || token.kind == '[')
			depth++;
	}
	ec_scanner_end(&scanner);
	return pieces;
}

int
ec_piece_at(const EcPieces *pieces, int location)
{
	int offset = location - pieces->statement->offset;

	for (int i = 0; i < pieces->count; i++)
	{
		if (pieces->tokens[i].offset >= offset)
			return i;
	}
	return pieces->count;
}

static bool
is_word(const EcPieces *pieces, int token, const char *word)
{
	return token < pieces->count && pieces->tokens[token].word != NULL &&
		   strcmp(pieces->tokens[token].word, word) == 0;
}

static bool
is_kind(const EcPieces *pieces, int token, int kind)
{
	return token < pieces->count && pieces->tokens[token].kind == kind;
}

int
ec_piece_word(const EcPieces *pieces, int from, const char *word)
{
	while (from < pieces->count && !is_word(pieces, from, word))
		from++;
	return from;
}

int
ec_piece_after_name(const EcPieces *pieces, int token)
{
	for (;;)
	{
		/* U&"name" UESCAPE '!' */
		if (is_kind(pieces, token, EC_TOKEN_UIDENT) &&
			is_word(pieces, token + 1, "uescape"))
			token += 2;
		token++;
		if (!is_kind(pieces, token, '.'))
			break;
		token++;
	}
	while (is_kind(pieces, token, ')') || is_kind(pieces, token, '*'))
		token++;
	return token;
}

int
ec_piece_after_parenthesis(const EcPieces *pieces, int token)
{
	int depth;

	if (token >= pieces->count)
		return token;
	depth = pieces->tokens[token++].depth;
	while (token < pieces->count && pieces->tokens[token].depth > depth)
		token++;
	return Min(token + 1, pieces->count);
}

char *
ec_piece_text(const EcPieces *pieces, int from, int until)
{
	if (from >= until)
		return pstrdup("");
	return pnstrdup(pieces->statement->text + pieces->tokens[from].offset,
					pieces->tokens[until - 1].end - pieces->tokens[from].offset);
}

List *
ec_pieces_of_alter(const EcPieces *pieces, const AlterTableStmt *stmt)
{
	int from =
		ec_piece_after_name(pieces, ec_piece_at(pieces, stmt->relation->location));
	List *texts = NIL;

	for (int i = from; i <= pieces->count; i++)
	{
		if (i < pieces->count &&
			(pieces->tokens[i].kind != ',' || pieces->tokens[i].depth != 0))
			continue;
		texts = lappend(texts, ec_piece_text(pieces, from, i));
		from = i + 1;
	}
	return list_length(texts) == list_length(stmt->cmds) ? texts : NIL;
}

char *
ec_pieces_of_check(const EcPieces *pieces, const Constraint *constraint)
{
	int word =
		ec_piece_word(pieces, ec_piece_at(pieces, constraint->location), "check");

	/* CONSTRAINT check CHECK (...) */
	while (word < pieces->count && !is_kind(pieces, word + 1, '('))
		word = ec_piece_word(pieces, word + 1, "check");
	return ec_piece_text(pieces, word, ec_piece_after_parenthesis(pieces, word + 1));
}

static int
by_number(const void *one, const void *other)
{
	return *(const int *) one - *(const int *) other;
}

/* Returns the end of the column definition that starts at the token. */
static int
end_of_column(const EcPieces *pieces, int token)
{
	int depth = pieces->tokens[token].depth;

	while (token < pieces->count && pieces->tokens[token].depth >= depth &&
		   (pieces->tokens[token].depth > depth || pieces->tokens[token].kind != ','))
		token++;
	return token;
}

EcColumnPieces *
ec_pieces_of_column(const EcPieces *pieces, const ColumnDef *column)
{
	EcColumnPieces *parts = palloc0(sizeof(EcColumnPieces));
	int begin = ec_piece_at(pieces, column->location);
	int end = end_of_column(pieces, begin);
	int *starts = palloc((list_length(column->constraints) + 2) * sizeof(int));
	int count = 0;
	ListCell *cell;

	foreach (cell, column->constraints)
	{
		starts[count++] =
			ec_piece_at(pieces, lfirst_node(Constraint, cell)->location);
	}
	if (column->collClause != NULL)
		starts[count++] = ec_piece_at(pieces, column->collClause->location);
	starts[count++] = end;
	qsort(starts, count, sizeof(int), by_number);
	parts->head = ec_piece_text(pieces, begin, starts[0]);
	for (int i = 0; i < count - 1; i++)
	{
		if (column->collClause != NULL &&
			starts[i] == ec_piece_at(pieces, column->collClause->location))
			parts->head =
				psprintf("%s %s", parts->head,
						 ec_piece_text(pieces, starts[i], starts[i + 1]));
	}
	foreach (cell, column->constraints)
	{
		const Constraint *constraint = lfirst_node(Constraint, cell);
		int start = ec_piece_at(pieces, constraint->location);
		int next = end;

		for (int i = count - 1; i >= 0 && starts[i] > start; i--)
			next = starts[i];
		if (constraint->conname != NULL && is_word(pieces, start, "constraint"))
			start = ec_piece_after_name(pieces, start + 1);
		switch (constraint->contype)
		{
			case CONSTR_DEFAULT:
				parts->default_sql = ec_piece_text(pieces, start + 1, next);
				break;
			case CONSTR_IDENTITY:
				parts->identity = ec_piece_text(pieces, start, next);
				break;
			case CONSTR_GENERATED:
				parts->generated = ec_piece_text(pieces, start, next);
				break;
			case CONSTR_CHECK:
				parts->checks = lappend(parts->checks,
										ec_pieces_of_check(pieces, constraint));
				break;
			default:
				break;
		}
	}
	return parts;
}
