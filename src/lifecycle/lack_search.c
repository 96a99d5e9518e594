/*
 * lack_search.c
 *		What the searches for lacks of the new shape share.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_constraint.h"
#include "commands/defrem.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"

#include "core/catalog.h"
#include "lifecycle/lack_search.h"

void
ec_add_lack(EcLackSearch *search, char *what, char *because, char *statements)
{
	EcLack *lack = palloc(sizeof(EcLack));

	lack->what = what;
	lack->because = because;
	lack->statements =
		statements == NULL || statements[0] == '\0' ? NULL : statements;
	search->lacks = lappend(search->lacks, lack);
}

const char *
ec_quoted_column(Relation table, AttrNumber attnum)
{
	return quote_identifier(get_attname(RelationGetRelid(table), attnum, false));
}

char *
ec_quoted_columns(Relation table, Bitmapset *columns)
{
	StringInfoData text;
	int attnum = -1;

	initStringInfo(&text);
	while ((attnum = bms_next_member(columns, attnum)) >= 0)
		appendStringInfo(&text, "%s%s", text.len > 0 ? ", " : "",
						 ec_quoted_column(table, attnum));
	return text.data;
}

char *
ec_new_table_name(const EcLackSearch *search)
{
	return ec_relation_name(RelationGetRelid(search->shapes.new_table));
}

Form_pg_attribute
ec_new_column(const EcLackSearch *search, AttrNumber attnum)
{
	return TupleDescAttr(RelationGetDescr(search->shapes.new_table), attnum - 1);
}

char *
ec_free_name(EcLackSearch *search, Relation table, const char *column,
			 const char *label)
{
	Oid schema = RelationGetNamespace(table);
	char *name = NULL;

	for (int i = 0; name == NULL; i++)
	{
		ListCell *cell;

		name = makeObjectName(RelationGetRelationName(table), column,
							  i == 0 ? label : psprintf("%s%d", label, i));
		if (OidIsValid(get_relname_relid(name, schema)) ||
			ConstraintNameExists(name, schema))
			name = NULL;
		foreach (cell, search->names)
			if (name != NULL && strcmp(name, lfirst(cell)) == 0)
				name = NULL;
	}
	search->names = lappend(search->names, name);
	return name;
}

char *
ec_append_sql(char *sql, const char *more)
{
	return sql[0] == '\0' || more[0] == '\0' ? psprintf("%s%s", sql, more)
											 : psprintf("%s %s", sql, more);
}

char *
ec_make_not_null(EcLackSearch *search, AttrNumber attnum)
{
	const char *column = ec_quoted_column(search->shapes.new_table, attnum);
	char *table = ec_new_table_name(search);
	const char *check;

	if (ec_new_column(search, attnum)->attnotnull ||
		bms_is_member(attnum, search->not_null))
		return "";
	search->not_null = bms_add_member(search->not_null, attnum);
	check = quote_identifier(
		ec_free_name(search, search->shapes.new_table,
					 NameStr(ec_new_column(search, attnum)->attname), "not_null"));
	return psprintf("ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s IS NOT NULL) NOT VALID; "
					"ALTER TABLE %s VALIDATE CONSTRAINT %s; "
					"ALTER TABLE %s ALTER COLUMN %s SET NOT NULL; "
					"ALTER TABLE %s DROP CONSTRAINT %s;",
					table, check, column, table, check, table, column, table,
					check);
}

char *
ec_deparse_over_new(const EcLackSearch *search, Node *expression)
{
	Relation table = search->shapes.new_table;

	return deparse_expression(expression,
							  deparse_context_for(RelationGetRelationName(table),
												  RelationGetRelid(table)),
							  false, false);
}
